import { Worker } from "node:worker_threads";
import { createHost } from "./sandbox/host.js";
import { load } from "./sandbox/load-node.js";
import { type Answer, CRASHED } from "./sandbox/pixels.js";
import { AT_ONCE, pushing } from "./sandbox/quick.js";
import type { Sandbox, SandboxOptions } from "./sandbox/types.js";

export type { Fault, Ledger, Sandbox, SandboxOptions } from "./sandbox/types.js";

/**
 * Makes a stand-in for the API, in memory and without a port. The first request loads its
 * WebAssembly; the first image starts a worker thread. Neither keeps a process alive.
 *
 * @param options How it behaves; by default it accepts the key `sandbox`.
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  return createHost(options, {
    load,
    startWorker(answer) {
      const worker = new Worker(new URL("./sandbox/worker-node.js", import.meta.url));
      worker.on("message", (message: Answer) => answer(message));
      worker.on("error", () => answer(CRASHED));
      worker.unref();
      return {
        post: (job) => worker.postMessage(job, [job.file.buffer]),
        stop: () => worker.terminate(),
      };
    },
  });
}

/**
 * A sandbox for tests, where an upscale takes milliseconds: tasks have no delays, and their ends are pushed, as by a
 * gateway, so that a client does not wait for its next poll. Nothing else differs.
 *
 * @param options How it behaves; `delays` and `gracePeriod` are 0 unless they are given.
 */
export function createQuickSandbox(options: SandboxOptions = {}): Sandbox {
  return pushing(createSandbox({ ...AT_ONCE, ...options }));
}
