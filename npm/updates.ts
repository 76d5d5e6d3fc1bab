import type { Job } from "./job.js";
import type { EarlyUpdate, Update } from "./types.js";

/** Receives what happens before there is a task. */
export type EarlyListener = (update: EarlyUpdate) => void;

/** The listener, whose own mistakes must not cost the caller the result. */
function guarded<U>(listener: (update: U) => void): (update: U) => void {
  return async (update) => {
    try {
      // An async one, too.
      await listener(update);
    } catch (error) {
      console.error("crisp-upscale: onUpdate threw", error);
    }
  };
}

/** A listener for the updates of the WebAssembly before there is a task. */
export function early(listener: EarlyListener = warn): (state: string, detail: string) => void {
  const notify = guarded(listener);
  return (state, detail) => {
    if (state === "warning") notify({ state, warning: detail });
    else if (state === "uploaded") notify({ state, url: detail });
    else if (state === "uploading") notify({ state });
  };
}

function warn(update: EarlyUpdate): void {
  if (update.state === "warning") console.warn(`crisp-upscale: ${update.warning}`);
}

/** Hands each update of a job to a listener. */
export async function notifyOfAll(job: Job, listener: (update: Update) => void): Promise<void> {
  const notify = guarded(listener);
  try {
    for await (const update of job) notify(update);
  } catch {
    // The caller meets the job's error in the result.
  }
}
