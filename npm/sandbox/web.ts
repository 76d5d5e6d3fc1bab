import { createHost } from "./host.js";
import { load } from "./load-web.js";
import { type Answer, CRASHED } from "./pixels.js";
import { AT_ONCE, pushing } from "./quick.js";
import type { Sandbox, SandboxOptions } from "./types.js";

export type { Fault, Ledger, Sandbox, SandboxOptions } from "./types.js";

/**
 * Makes a stand-in for the API, in memory. The first request loads its WebAssembly; the first
 * image starts a module worker.
 *
 * @param options How it behaves; by default it accepts the key `sandbox`.
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  return createHost(options, {
    load,
    startWorker(answer) {
      const worker = new Worker(new URL("./worker-web.js", import.meta.url), { type: "module" });
      worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => answer(data));
      worker.addEventListener("error", () => answer(CRASHED));
      return {
        post: (job) => worker.postMessage(job, [job.file.buffer]),
        stop: async () => worker.terminate(),
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
