// Ours in a page: the same as in a process, but for who orders.
import { Upscaler } from "crisp-upscale";
import { work } from "../player.mjs";

globalThis.work = (order) =>
  work(order, (baseUrl) => {
    const upscaler = new Upscaler({ apiKey: "key", baseUrl, dangerouslyAllowBrowser: true });
    return async (image, signal) => (await upscaler.upscale(image, { signal })).url;
  });
