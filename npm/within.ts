import { NOTHING_SENT, UpscaleError } from "./errors.js";
import { listen } from "./signal.js";

/** The timeout of a call whose caller gives none, in milliseconds: that of core/src/task/mod.rs. */
export const DEFAULT_TIMEOUT = 600_000;

/** How long a store is waited for once a task is made: the result is worth more than its entry. In milliseconds. */
export const STORE_TIMEOUT = 5_000;

/** The longest time that `setTimeout` takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** What ends a call before its time. */
export interface Limits {
  /** The caller's. */
  signal?: AbortSignal | undefined;
  /** In milliseconds. */
  timeout: number;
  /** When the timeout began, on the clock of `performance.now()`. */
  began: number;
}

/**
 * Waits for what may never settle, such as a caller's store: no longer than the limits allow.
 *
 * @param late Makes the error of the time-out.
 * @returns What `work` resolves to. It rejects at once with the signal's own reason.
 */
export function within<T>(
  { signal, timeout, began }: Limits,
  work: () => T | PromiseLike<T>,
  late: () => unknown = timeOver,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const left = began + timeout - performance.now();
    if (left <= 0) return reject(late());
    let timer: ReturnType<typeof setTimeout> | undefined;
    let leave = () => {};
    const end = () => {
      clearTimeout(timer);
      leave();
    };
    if (signal) {
      leave = listen(signal, () => {
        end();
        reject(signal.reason);
      });
    }
    if (left < LONGEST) {
      timer = setTimeout(() => {
        end();
        reject(late());
      }, left);
    }
    Promise.resolve().then(work).finally(end).then(resolve, reject);
  });
}

/** The time was over before anything was sent. */
function timeOver(): UpscaleError {
  const message = "The time was over before anything was sent. Try again with a longer timeout.";
  return new UpscaleError({ ...NOTHING_SENT, kind: "timeout", message, retryable: true }, undefined);
}

/**
 * Waits a while for a store, once what it is to write is no reason any more to keep the caller waiting. A failure
 * is printed and costs nothing.
 */
export async function settleStore(work: () => Promise<unknown>, call?: Limits): Promise<void> {
  const began = performance.now();
  const left = call === undefined ? STORE_TIMEOUT : call.began + call.timeout - began;
  const limits = { signal: call?.signal, timeout: Math.min(STORE_TIMEOUT, left), began };
  const silent = () => new Error("The store has not answered in time.");
  const written = work().catch(storeFailed);
  await within(limits, () => written, silent).catch((error: unknown) => {
    if (!call?.signal?.aborted) storeFailed(error);
  });
}

/** From here on the task is made, and nothing that goes wrong with the store may cost it. */
export function storeFailed(error: unknown): void {
  console.error("crisp-upscale: the store failed", error);
}
