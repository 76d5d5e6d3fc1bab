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
  // The rule is in core/src/limiter.rs, and src/turn.rs keeps it: here is what both work on. Not private, so that the
  // WebAssembly may.
  /** How many requests are under way, and when those ended that still count. */
  protected counts: number[] = [];
  /** Settles when all who wait are through. */
  protected tail: Promise<unknown> | undefined;
  /** Wakes the first of them. */
  protected wake: (() => void) | undefined;
}
