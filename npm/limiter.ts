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
  // The rule is in core/src/limiter.rs, and src/turn.rs keeps it: here is what both work on.
  /** @internal Requests that have started and not ended. */
  underWay = 0;
  /** @internal When requests ended, on the clock of `performance.now()`. */
  ended = new Float64Array();
  /** Those who wait, in the order in which they came. Not private, so that the WebAssembly may. */
  protected readonly queue = new Set<unknown>();
}
