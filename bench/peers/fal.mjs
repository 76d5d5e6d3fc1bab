import { createFalClient } from "@fal-ai/client";
import { MODELS } from "./protocols.mjs";

// It has no option for another host but that for a proxy, which gets each request with its method and body.
export function connect(base) {
  const client = createFalClient({ credentials: "key", proxyUrl: { url: base, when: "always" } });
  return async (image, abortSignal) => {
    const { data } = await client.subscribe(MODELS.fal, { input: { image_url: image }, abortSignal });
    return data.image.url;
  };
}
