import { Upscaler } from "crisp-upscale";
import { play } from "../player.mjs";

play((baseUrl) => {
  const upscaler = new Upscaler({ apiKey: "key", baseUrl });
  return async (image, signal) => (await upscaler.upscale(image, { signal })).url;
});
