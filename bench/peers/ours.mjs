import { Upscaler } from "crisp-upscale";

export function connect(baseUrl, _call, token) {
  // In a page of ours on this machine; elsewhere it has no effect.
  const straight = { apiKey: "key", baseUrl, dangerouslyAllowBrowser: true };
  const upscaler = new Upscaler(token === undefined ? straight : { token, baseUrl });
  return async (image, signal) => (await upscaler.upscale(image, { signal })).url;
}
