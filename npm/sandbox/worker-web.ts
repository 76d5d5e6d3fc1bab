import { enlarge } from "../wasm/crisp_upscale_sandbox.js";
import { load } from "./load-web.js";
import { type Job, work } from "./pixels.js";

self.addEventListener("message", async ({ data }: MessageEvent<Job>) => {
  const answer = await work(load, enlarge, data);
  self.postMessage(answer, { transfer: answer.file === undefined ? [] : [answer.file.buffer] });
});
