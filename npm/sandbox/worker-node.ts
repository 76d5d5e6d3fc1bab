import { parentPort } from "node:worker_threads";
import { enlarge } from "../wasm/crisp_upscale_sandbox.js";
import { load } from "./load-node.js";
import { type Job, work } from "./pixels.js";

parentPort?.on("message", async (job: Job) => {
  const answer = await work(load, enlarge, job);
  parentPort?.postMessage(answer, answer.file === undefined ? [] : [answer.file.buffer]);
});
