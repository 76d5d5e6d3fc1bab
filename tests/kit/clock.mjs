// @ts-check

/**
 * Puts a clock that the test holds in place of the runtime's until the test ends: hours take no time.
 *
 * @param {{ after(end: () => void): void }} t
 */
export function virtualClock(t) {
  let now = 1_000_000;
  let count = 0;
  /** @type {Map<number, { at: number, call: () => void }>} */
  const timers = new Map();

  const setTimeout = (/** @type {() => void} */ call, ms = 0) => {
    count += 1;
    timers.set(count, { at: now + Math.max(0, ms), call });
    return count;
  };
  const clearTimeout = (/** @type {number} */ id) => timers.delete(id);
  const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  const { now: dateNow } = Date;
  Object.assign(globalThis, { setTimeout, clearTimeout });
  Object.defineProperty(performance, "now", { value: () => now, configurable: true });
  Date.now = () => now;
  t.after(() => {
    Object.assign(globalThis, real);
    Reflect.deleteProperty(performance, "now");
    Date.now = dateNow;
  });

  /** Lets everything happen that waits for no timer. */
  async function settle() {
    for (let round = 0; round < 5; round += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Goes to the next timer; `false` where there is none. */
  function step() {
    let first;
    for (const timer of timers) if (first === undefined || timer[1].at < first[1].at) first = timer;
    if (first === undefined) return false;
    timers.delete(first[0]);
    now = Math.max(now, first[1].at);
    first[1].call();
    return true;
  }

  return {
    now: () => now,
    timers: () => timers.size,
    settle,
    sleep: (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(() => resolve(undefined), ms)),
    /**
     * Lets the time pass until the promise settles.
     *
     * @template T
     * @param {Promise<T>} promise
     * @returns {Promise<T>}
     */
    async until(promise) {
      let settled = false;
      const end = () => {
        settled = true;
      };
      promise.then(end, end);
      for (await settle(); !settled; await settle()) {
        if (!step()) throw new Error("nothing will happen any more");
      }
      return promise;
    },
  };
}
