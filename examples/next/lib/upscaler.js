import { Upscaler } from "crisp-upscale";

/** With the key, so on the server only. Made at the first request, since a build has no key. */
export function upscaler() {
  globalThis.upscaler ??= new Upscaler({ apiKey: process.env.KIE_API_KEY, baseUrl: process.env.BASE_URL });
  return globalThis.upscaler;
}

/** What the webhook has received, by task. In an app of yours, a database that all its servers share. */
globalThis.ended ??= new Map();
export const ended = globalThis.ended;
