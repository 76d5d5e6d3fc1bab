// @ts-check
// The calls that are made in each runtime. Nothing here is specific to one runtime.
import { Upscaler } from "crisp-upscale";

/** The beginning of a png, which is all that is looked at before it is uploaded. */
const PNG = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x40\x08\x02\0\0\0";

/** @type {Record<string, (upscaler: Upscaler, image: string, signal: AbortSignal) => Promise<string>>} */
const calls = {
  upscale: async (upscaler, image, signal) => (await upscaler.upscale(image, { signal })).url,
  createTask: async (upscaler, image, signal) =>
    (await upscaler.createTask({ model: "recraft/crisp-upscale", input: { image } }, { signal })).taskId,
  getTask: async (upscaler, _, signal) => (await upscaler.getTask("abc", { signal })).state ?? "none",
  upload: async (upscaler, _, signal) =>
    (
      await upscaler.upload(
        Uint8Array.from(PNG, (char) => char.charCodeAt(0)),
        { signal },
      )
    ).url,
  credits: async (upscaler, _, signal) => String(await upscaler.credits({ signal })),
};

/**
 * One for each address, also among the requests of a Worker.
 *
 * @type {Map<string, Upscaler>}
 */
const upscalers = new Map();

/** @type {import("../kit/runner.mjs").Connect} */
export function connect(baseUrl, name = "upscale", token = "") {
  const call = calls[name];
  if (call === undefined) throw new TypeError(`there is no call ${name}`);
  // In a page of ours on this machine; elsewhere it has no effect.
  const straight = { apiKey: "a-secret-key", baseUrl, dangerouslyAllowBrowser: true };
  const upscaler = upscalers.get(baseUrl) ?? new Upscaler(token === "" ? straight : { baseUrl, token });
  upscalers.set(baseUrl, upscaler);
  return (image, signal) => call(upscaler, image, signal);
}
