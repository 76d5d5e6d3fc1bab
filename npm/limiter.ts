/**
 * Keeps to the service's limit of 20 new tasks in 10 s for an account: whoever comes too early waits,
 * first come, first served. Every `Upscaler` with an `apiKey` has one of its own; those that use the
 * same account are to share one. It knows only what goes through it.
 *
 * ```ts
 * const limiter = new Limiter();
 * const upscalers = [new Upscaler({ apiKey, limiter }), new Upscaler({ apiKey, limiter })];
 * ```
 */
export class Limiter {
  // What the limit counts is told and read by the rule in core/src/limiter.rs.
  /** @internal Requests that have started and not ended. */
  underWay = 0;
  /** @internal When requests ended, on the clock of `performance.now()`. */
  ended = new Float64Array();
  /** In the order in which they came. */
  readonly #queue = new Set<Place>();

  /** @internal A new place at the queue's end. */
  join(): Place {
    const place = { wake() {} };
    this.#queue.add(place);
    return place;
  }

  /** @internal Gives a place up. */
  leave(place: Place): void {
    const first = this.isFirst(place);
    this.#queue.delete(place);
    if (first) this.wake();
  }

  /** @internal */
  isFirst(place: Place): boolean {
    return this.#first() === place;
  }

  /** @internal Resolves when the place is to be looked at again. */
  woken(place: Place): Promise<true> {
    return new Promise((resolve) => {
      place.wake = () => resolve(true);
    });
  }

  /** @internal Wakes whoever is first. */
  wake(): void {
    this.#first()?.wake();
  }

  #first(): Place | undefined {
    return this.#queue.values().next().value;
  }
}

interface Place {
  wake(): void;
}
