import { Client } from "wavespeed";
import { MODELS } from "./protocols.mjs";

// It takes no signal; there is nothing to abort a call with.
export function connect(baseUrl) {
  const client = new Client("key", { baseUrl });
  return async (image) => (await client.run(MODELS.wavespeed, { image })).outputs[0];
}
