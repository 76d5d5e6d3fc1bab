import type { Input } from "./inputs.js";
import type { Outcome } from "./outcome.js";

/** How many images stand how. */
export interface Counts {
  total: number;
  /** Not begun. */
  waiting: number;
  /** Under way. */
  running: number;
  done: number;
  /** Neither done nor to come in this run. */
  failed: number;
  /** Credits spent in this run. */
  credits: number;
}

/** Where the progress is shown. */
export interface Display {
  /** Something has changed. */
  update(counts: Counts): void;
  /** An image has ended. */
  outcome(outcome: Outcome): void;
  /** Something to be said. */
  note(text: string): void;
  /** The end. What is left is listed. */
  end(counts: Counts, left: Outcome[]): void;
}

/** Counts what happens, and shows it. */
export class Reporter {
  readonly #display: Display;
  readonly #begun = new Set<Input>();
  readonly #ended = new Set<Input>();
  /** What is not done. */
  readonly left: Outcome[] = [];
  readonly #counts: Counts = { total: 0, waiting: 0, running: 0, done: 0, failed: 0, credits: 0 };

  constructor(display: Display) {
    this.#display = display;
  }

  total(total: number): void {
    this.#counts.total = total;
    this.#update();
  }

  note(text: string): void {
    this.#display.note(text);
  }

  begin(input: Input): void {
    this.#begun.add(input);
    this.#update();
  }

  has(input: Input): boolean {
    return this.#ended.has(input);
  }

  outcome(outcome: Outcome): void {
    this.#ended.add(outcome.input);
    this.#begun.delete(outcome.input);
    const counts = this.#counts;
    if (outcome.status === "done") counts.done += 1;
    else {
      counts.failed += 1;
      this.left.push(outcome);
    }
    counts.credits += outcome.credits ?? 0;
    this.#display.outcome(outcome);
    this.#update();
  }

  end(): void {
    this.#display.end(this.#counts, this.left);
  }

  #update(): void {
    const counts = this.#counts;
    counts.running = this.#begun.size;
    counts.waiting = Math.max(0, counts.total - counts.done - counts.failed - counts.running);
    this.#display.update(counts);
  }
}
