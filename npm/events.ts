/** How many tasks the server takes in one stream. */
const MOST = 50;

/**
 * Opens a stream and reads it to its end; resolves to how many in a row have come to nothing then. So many
 * had before.
 */
type Listen = (stream: Stream, failures: number, signal: AbortSignal) => Promise<number>;

/**
 * Who waits for what the server pushes, and on which stream: one for all jobs of an `Upscaler`, or as few as the
 * server takes. What a stream and its end mean is in the WebAssembly: core/src/push.rs.
 */
export class Events {
  /** Where the server pushes, under the base URL; set once it has said so. */
  path: string | undefined;
  readonly listen: Listen;
  /** How many streams in a row have come to nothing. */
  failures = 0;
  readonly #lines = new Set<Line>();

  constructor(listen: Listen) {
    this.listen = listen;
  }

  /** Waits for what is pushed of a task. */
  join(taskId: string): Ear | undefined {
    if (this.path === undefined) return undefined;
    const ear = new Ear(taskId, this.failures === 0);
    const line = [...this.#lines].find(({ size }) => size < MOST) ?? new Line(this);
    this.#lines.add(line);
    line.join(ear);
    return ear;
  }

  /** Waits no longer. */
  leave(ear: Ear): void {
    for (const line of this.#lines) {
      line.leave(ear);
      if (line.size === 0) this.#lines.delete(line);
    }
  }
}

/** Where one job finds what was pushed of its task. */
class Ear {
  readonly taskId: string;
  /** Messages; 1 for "listening now", and 2 for "broken". */
  readonly #heard: (string | number)[];
  #wake = () => {};

  constructor(taskId: string, listening: boolean) {
    this.taskId = taskId;
    this.#heard = listening ? [1] : [];
  }

  take(): string | number | undefined {
    return this.#heard.shift();
  }

  /** Resolves when there is something to take. */
  woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  put(heard: string | 2): void {
    this.#heard.push(heard);
    this.#wake();
  }
}

/** One stream, as the WebAssembly sees it. */
interface Stream {
  /** The tasks that it is opened for; asked when its request is made. */
  taskIds(): string[];
  tell(taskId: string, text: string): void;
}

/** One stream, and for whom it is. */
interface Opened {
  ears: Set<Ear>;
  readonly controller: AbortController;
}

/** Those who share a stream. While a wider one is opened for a newcomer, the others stay on theirs. */
class Line {
  readonly #events: Events;
  readonly #ears = new Set<Ear>();
  #open: Opened | undefined;
  #opening: Opened | undefined;

  constructor(events: Events) {
    this.#events = events;
  }

  get size(): number {
    return this.#ears.size;
  }

  join(ear: Ear): void {
    this.#ears.add(ear);
    void this.#widen();
  }

  leave(ear: Ear): void {
    this.#ears.delete(ear);
    if (this.#ears.size > 0) return;
    this.#open?.controller.abort();
    this.#opening?.controller.abort();
  }

  /** Opens a stream for all, unless all are on one. One at a time: who comes meanwhile is on the next. */
  async #widen(): Promise<void> {
    if (this.#opening !== undefined || [...this.#ears].every((ear) => this.#open?.ears.has(ear))) return;
    const opened: Opened = { ears: new Set(this.#ears), controller: new AbortController() };
    this.#opening = opened;
    const stream: Stream = {
      taskIds: () => {
        opened.ears = new Set(this.#ears);
        return [...new Set([...opened.ears].map(({ taskId }) => taskId))];
      },
      tell: (taskId, text) => {
        if (this.#opening === opened) this.#replace(opened);
        for (const ear of opened.ears) if (ear.taskId === taskId) ear.put(text);
      },
    };
    const { listen, failures } = this.#events;
    this.#events.failures = await listen(stream, failures, opened.controller.signal);
    if (this.#opening === opened) this.#opening = undefined;
    if (this.#open === opened) this.#open = undefined;
    // Those who stayed and are on no other.
    for (const ear of opened.ears) if (!this.#open?.ears.has(ear)) ear.put(2);
    void this.#widen();
  }

  /** The wider stream works. It began with the present state of each task, so nothing is missed. */
  #replace(opened: Opened): void {
    this.#open?.controller.abort();
    this.#open = opened;
    this.#opening = undefined;
    this.#events.failures = 0;
    void this.#widen();
  }
}
