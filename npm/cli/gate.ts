import { Slots } from "./slots.js";

/** What a runtime says that refuses a port: a proof that nothing was sent, and no reason to try again. */
const NOT_SENT = "bad port";

/**
 * How many requests that make tasks are on their way at a time: enough for 20 in 10 s, and as few as that, since each is
 * unknown if the process is killed at this moment.
 */
const CREATING = 4;

/** An image whose task is being made. */
interface Order {
  /** Is called before the request leaves, which waits for it. */
  leaves: () => Promise<void>;
  hasLeft: boolean;
  /** Why it could not leave. */
  error?: unknown;
}

/**
 * Through which all requests go. Once it is closed, no task is made any more; everything else goes on. So it is written
 * down exactly of those images that their request has left.
 */
export class Gate {
  readonly #fetch: (request: Request) => Promise<Response>;
  readonly #orders = new Map<string, Order>();
  readonly #creating = new Slots(CREATING);
  #closed = false;

  constructor(fetch: (request: Request) => Promise<Response>) {
    this.#fetch = fetch;
  }

  close(): void {
    this.#closed = true;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Lets the request pass that makes a task of this URL. */
  open(url: string, order: Order): void {
    this.#orders.set(url, order);
  }

  /** No more requests of this order are to pass. */
  settled(order: Order): void {
    for (const [url, other] of this.#orders) if (other === order) this.#orders.delete(url);
  }

  readonly send = async (request: Request): Promise<Response> => {
    if (!new URL(request.url).pathname.endsWith("/api/v1/jobs/createTask")) return this.#fetch(request);
    const { input } = await request.clone().json();
    return this.#creating.run(() => this.#create(request, this.#orders.get(input.image)));
  };

  async #create(request: Request, order: Order | undefined): Promise<Response> {
    if (order === undefined || this.#closed) throw new TypeError(NOT_SENT);
    if (!order.hasLeft) {
      order.hasLeft = true;
      try {
        await order.leaves();
      } catch (error) {
        order.hasLeft = false;
        order.error = error;
        throw new TypeError(NOT_SENT);
      }
    }
    return this.#fetch(request);
  }
}
