/**
 * Keeps to the service's limit of 20 new tasks in 10 s for an account: a call that comes too early waits, first come,
 * first served. Every `Upscaler` with an `apiKey` has one of its own; those that use the same account are to share one.
 * It knows only what goes through it.
 *
 * ```ts
 * const limiter = new Limiter();
 * const upscalers = [new Upscaler({ apiKey, limiter }), new Upscaler({ apiKey, limiter })];
 * ```
 */
export class Limiter {
  // The rule is in core/src/rate_limit.rs, and src/call.rs applies it to these. Not private, so that the WebAssembly may.
  /** How many requests are in flight, and when those ended that still count. */
  protected counts: number[] = [];
  /** Settles when the queue is empty. */
  protected tail: Promise<unknown> | undefined;
  /** Wakes the first of the queue. */
  protected wake: (() => void) | undefined;
}

/** Also one of another copy of this package. */
export function isLimiter(limiter: object): boolean {
  return Array.isArray((limiter as { counts?: unknown }).counts);
}
