import type { Ticket, Update, UpscaleResult } from "./types.js";

/** Waits for a task's end and tells what happens on the way. */
export type Follow = (onUpdate: (update: Update) => void) => Promise<UpscaleResult>;

/**
 * One upscale whose task is made. Nothing is sent for it before {@link result} is called or an
 * iteration begins, so whoever only submits pays for no polls.
 *
 * ```ts
 * for await (const update of job) console.log(update.state);
 * ```
 */
export class Job implements AsyncIterable<Update> {
  readonly #ticket: Ticket;
  readonly #follow: Follow;
  readonly #updates: Update[];
  #result: Promise<UpscaleResult> | undefined;
  #ended = false;
  /** Settles at the next update or the end, for the iterators that wait. */
  #news = promiseOfNews();

  /** @internal */
  constructor(ticket: Ticket, updates: Update[], follow: Follow) {
    this.#ticket = ticket;
    this.#updates = updates;
    this.#follow = follow;
  }

  /** The task. Empty where `resume` still asks a gateway which one an attempt made; the first update has it then. */
  get taskId(): string {
    return this.#ticket.taskId;
  }

  /** Waits for the end. Every call gives the same promise. */
  result(): Promise<UpscaleResult> {
    if (this.#result === undefined) {
      this.#result = this.#run();
      // Whoever iterates meets the error there and need not ask for the result as well.
      this.#result.catch(() => {});
    }
    return this.#result;
  }

  /** The updates so far and those to come, ending with the result. Leaving the loop does not end the job. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Update, void, void> {
    const result = this.result();
    let seen = 0;
    while (true) {
      const update = this.#updates[seen];
      if (update !== undefined) {
        seen += 1;
        yield update;
      } else if (this.#ended) {
        await result;
        return;
      } else {
        await this.#news.promise;
      }
    }
  }

  /** The ticket to resume this job with, later or elsewhere. */
  toJSON(): Ticket {
    return this.#ticket;
  }

  async #run(): Promise<UpscaleResult> {
    try {
      const result = await this.#follow((update) => this.#tell(update));
      this.#tell({ state: "success", taskId: this.taskId, result });
      return result;
    } finally {
      this.#ended = true;
      this.#news.settle();
    }
  }

  #tell(update: Update): void {
    this.#updates.push(update);
    this.#news.settle();
    this.#news = promiseOfNews();
  }
}

function promiseOfNews(): { promise: Promise<void>; settle: () => void } {
  let settle = () => {};
  const promise = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
}
