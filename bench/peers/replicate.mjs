import Replicate from "replicate";
import { MODELS } from "./protocols.mjs";

export function connect(baseUrl) {
  const client = new Replicate({ auth: "key", baseUrl });
  return (image, signal) => client.run(MODELS.replicate, { input: { image }, signal });
}
