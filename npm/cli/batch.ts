import type { Gate } from "./gate.js";
import type { Outcome } from "./outcome.js";
import type { Item } from "./plan.js";
import type { Reporter } from "./report.js";
import { Slots } from "./slots.js";
import { type Later, type Run, work } from "./work.js";

/** How many images are read, uploaded and ordered at a time; how many results are downloaded; how many tasks may be under way. */
const SENDING = 10;
const FETCHING = 3;
const UNDER_WAY = 200;
/** How often it is looked whether another run is done with an image, in milliseconds. */
const LOOK = 300;
/** After so many images in a row for which the service could not be reached, no more are tried. */
const UNREACHABLE = 3;

export interface BatchOptions {
  again: boolean;
  retryUnknown: boolean;
  max: number;
  isGateway: boolean;
  isSandbox: boolean;
}

/** Enlarges the images of a run. */
export class Batch {
  readonly #gate: Gate;
  readonly #reporter: Reporter;
  readonly #options: BatchOptions;
  readonly #aborts = new Set<() => void>();
  readonly #underWay = new Slots(UNDER_WAY);
  /** The images under way in this run. Of two inputs with the same content the second waits for the first. */
  readonly #images = new Map<string, Promise<unknown>>();
  #left: number;
  #stopped: string | undefined;
  #interrupted = false;
  #unreachable = 0;
  #wake = () => {};

  constructor(gate: Gate, reporter: Reporter, options: BatchOptions) {
    this.#gate = gate;
    this.#reporter = reporter;
    this.#options = options;
    this.#left = options.max;
  }

  /** Makes no more tasks. What is under way is finished. */
  stop(reason: string): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = reason;
    this.#gate.close();
    this.#reporter.note(`${reason} Nothing more is sent; what is under way is finished.`);
  }

  /** Ends the run as soon as nothing is lost by it. */
  interrupt(): void {
    this.#interrupted = true;
    this.#stopped = "It was interrupted.";
    this.#gate.close();
    for (const abort of this.#aborts) abort();
    this.#wake();
  }

  get isInterrupted(): boolean {
    return this.#interrupted;
  }

  /** @returns When all that can be done is done. */
  async run(items: Item[]): Promise<void> {
    const run = this.#run();
    const waiting: { item: Item; later: Later }[] = [];
    const begun: Promise<void>[] = [];
    for (const item of items) {
      await this.#underWay.take();
      const done = this.#one(item, run).then((outcome) => {
        this.#underWay.give();
        if ("later" in outcome) waiting.push({ item, later: outcome });
        else this.#reporter.outcome(outcome);
      });
      begun.push(done);
    }
    await Promise.all(begun);
    await this.#wait(waiting, run);
  }

  /** Waits for what other runs hold. */
  async #wait(waiting: { item: Item; later: Later }[], run: Run): Promise<void> {
    if (waiting.length > 0 && !this.#interrupted) {
      const { later } = waiting[0]?.later ?? {};
      this.#reporter.note(
        `Waiting for ${waiting.length} images that another run works on${later ? ` (process ${later.pid} on ${later.host})` : ""}.`,
      );
    }
    let held = waiting;
    while (held.length > 0) {
      if (this.#interrupted) {
        for (const { item } of held) {
          this.#reporter.outcome({
            input: item.input,
            status: "elsewhere",
            reason: "Another run works on it.",
          });
        }
        return;
      }
      const still: typeof held = [];
      for (const { item } of held) {
        const outcome = await this.#one(item, run);
        if ("later" in outcome) still.push({ item, later: outcome });
        else this.#reporter.outcome(outcome);
        if (this.#interrupted) break;
      }
      const looked = new Set(still.map(({ item }) => item));
      held = this.#interrupted
        ? held.filter(({ item }) => looked.has(item) || !this.#reporter.has(item.input))
        : still;
      if (held.length > 0 && !this.#interrupted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, LOOK);
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  }

  async #one(item: Item, run: Run): Promise<Outcome | Later> {
    const name = `${item.state.folder}\0${item.image}`;
    const before = this.#images.get(name);
    const result = (async () => {
      await before;
      return work(item, run);
    })();
    this.#images.set(name, result);
    return result;
  }

  #run(): Run {
    const { again, retryUnknown, isGateway, isSandbox } = this.#options;
    return {
      gate: this.#gate,
      sending: new Slots(SENDING),
      fetching: new Slots(FETCHING),
      options: { again, retryUnknown },
      isGateway,
      isSandbox,
      begin: (input) => this.#reporter.begin(input),
      mayOrder: () => {
        if (this.#left <= 0) return false;
        this.#left -= 1;
        return true;
      },
      stop: (reason) => this.stop(reason),
      stopped: () => this.#stopped,
      reached: (isReached) => {
        this.#unreachable = isReached ? 0 : this.#unreachable + 1;
        if (this.#unreachable >= UNREACHABLE) this.stop("The service cannot be reached.");
      },
      abortable: (isSafe) => {
        const controller = new AbortController();
        const abort = () => {
          if (isSafe()) controller.abort(new Error("It was interrupted."));
        };
        this.#aborts.add(abort);
        if (this.#interrupted) abort();
        return { signal: controller.signal, done: () => this.#aborts.delete(abort) };
      },
    };
  }
}
