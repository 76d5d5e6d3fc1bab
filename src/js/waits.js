// @ts-check
// How a call waits. Nothing here throws into the WebAssembly: an exception that crosses it leaves the promise of its
// call pending for ever.

/** The longest delay that `setTimeout` takes, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

/** A timer that is so late was asleep with its tab or machine; it runs for so much longer then. In milliseconds. */
const LATE = 5_000;
const GRACE = 1_000;

/**
 * What a wait ends with: the value, the error that came in its place, or neither, where the time was over first.
 *
 * @template T
 * @typedef {{ value: T } | { failed: true, error: unknown } | { timedOut: true }} Waited
 */

/** The waits of one call, one at a time. */
export class Waits {
  /** @type {AbortSignal | undefined} */
  #signal;
  /** @type {(signal: AbortSignal, listener: () => void) => () => void} */
  #listen;
  /** @type {(() => void) | undefined} Ends the present wait. */
  #end;

  /**
   * @param {AbortSignal | undefined} signal the caller's. It is never given to `fetch`, which rejects with the
   *   caller's reason on some runtimes and with another error on others
   * @param {(signal: AbortSignal, listener: () => void) => () => void} listen see npm/signal.ts
   */
  constructor(signal, listen) {
    this.#signal = signal;
    this.#listen = listen;
  }

  /**
   * Waits for some work, which begins unless the call is over. Rejects at once with the reason of the signal.
   *
   * @template T
   * @param {number} ms
   * @param {() => T | PromiseLike<T>} work
   * @returns {Promise<Waited<T>>}
   */
  within(ms, work) {
    const signal = this.#signal;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (ms <= 0) return resolve({ timedOut: true });
      const until = performance.now() + ms;
      const timedOut = () => end({ timedOut: true });
      let timer = setTimeout(
        () => {
          // What arrived while it slept is handled first.
          if (performance.now() - until > LATE) timer = setTimeout(timedOut, GRACE);
          else timedOut();
        },
        Math.min(ms, MAX_DELAY),
      );
      const end = (/** @type {Waited<T>} */ waited) => {
        clearTimeout(timer);
        unlisten?.();
        resolve(waited);
      };
      const unlisten =
        signal &&
        this.#listen(signal, () => {
          reject(signal.reason);
          timedOut();
        });
      this.#end = timedOut;
      new Promise((start) => start(work())).then(
        (value) => end({ value: /** @type {T} */ (value) }),
        (error) => end({ failed: true, error }),
      );
    });
  }

  /**
   * Sleeps, or waits for a promise that has no value.
   *
   * @param {number} ms
   * @param {Promise<unknown> | undefined} promise
   */
  sleep(ms, promise) {
    return this.within(ms, () => promise ?? new Promise(() => {}));
  }

  /** Whether the caller has aborted the call. */
  aborted() {
    return Boolean(this.#signal?.aborted);
  }

  /** Nobody waits any longer. */
  end() {
    this.#end?.();
  }
}
