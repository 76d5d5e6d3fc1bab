// @ts-check
// The queue of a Limiter (npm/limiter.ts), whose calls acquire their leases one after the other.

/** An object, since the generator imports the functions of a module one by one under the same key. */
export const leases = {
  /**
   * Joins the queue. `turn` settles when all before have left it.
   *
   * @param {any} limiter
   * @returns {{ turn: Promise<unknown>, leave: () => void }}
   */
  enqueue(limiter) {
    const turn = Promise.resolve(limiter.tail);
    let leave = () => {};
    const left = new Promise((resolve) => {
      leave = () => resolve(undefined);
    });
    limiter.tail = turn.then(() => left);
    return { turn, leave };
  },

  /**
   * Settles when a lease is released.
   *
   * @param {any} limiter
   */
  released(limiter) {
    return new Promise((resolve) => {
      limiter.wake = resolve;
    });
  },

  /**
   * A lease is released.
   *
   * @param {any} limiter
   */
  release(limiter) {
    limiter.wake?.();
  },
};
