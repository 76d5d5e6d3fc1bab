import type { Outcome } from "./turn.js";

/** An image file to enlarge. */
export interface Job {
  file: Uint8Array<ArrayBuffer>;
  factor: number;
}

/** What a worker answers: the outcome and, where it is `enlarged`, the result. */
export interface Answer {
  outcome: Outcome;
  file?: Uint8Array<ArrayBuffer>;
}

/** A thread with a WebAssembly instance of its own. */
export interface PixelWorker {
  post(job: Job): void;
  stop(): Promise<unknown>;
}

/** Starts a thread. `answer` is called once for each job, also where the thread dies of it. */
export type StartWorker = (answer: (answer: Answer) => void) => PixelWorker;

export const CRASHED: Answer = { outcome: { kind: "crashed" } };

/** Enlarges one image at a time in a thread. An instance that trapped is poisoned, so a crash ends its thread. */
export class Pixels {
  readonly #start: StartWorker;
  #worker: PixelWorker | undefined;
  #answered: (answer: Answer) => void = () => {};
  #last: Promise<unknown> = Promise.resolve();

  constructor(start: StartWorker) {
    this.#start = start;
  }

  /** Never rejects. */
  enlarge(job: Job): Promise<Answer> {
    const answer = this.#last.then(() => this.#run(job));
    this.#last = answer;
    return answer;
  }

  /** Ends the thread. A job in it is never answered; the next one starts another. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.stop();
  }

  async #run(job: Job): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve) => {
      this.#answered = resolve;
      this.#worker ??= this.#start((answer) => this.#answered(answer));
      this.#worker.post(job);
    });
    if (answer.outcome.kind === "crashed") await this.close();
    return answer;
  }
}

/** A worker's side of a {@link Job}. */
export async function work(load: () => Promise<unknown>, enlarge: Enlarge, job: Job): Promise<Answer> {
  try {
    await load();
    const file = enlarge(job.file, job.factor) as Uint8Array<ArrayBuffer>;
    return { outcome: { kind: "enlarged" }, file };
  } catch (error) {
    // Rust's refusals are strings; anything else is a trap, or no WebAssembly to begin with.
    return typeof error === "string" ? { outcome: { kind: "refused", reason: error } } : CRASHED;
  }
}

type Enlarge = (file: Uint8Array, factor: number) => Uint8Array;
