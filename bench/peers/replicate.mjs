import Replicate from "replicate";
import { play } from "../player.mjs";
import { MODELS } from "../protocols.mjs";

play((baseUrl) => {
  const client = new Replicate({ auth: "key", baseUrl });
  return (image, signal) => client.run(MODELS.replicate, { input: { image }, signal });
});
