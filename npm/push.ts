import type { EventSink, Notification, Subscribers, Subscription } from "./boundary.js";

/** How many tasks the gateway takes in one stream. */
const MAX_TASKS = 50;

/**
 * Reads one event stream to its end.
 *
 * @param failures consecutive failed streams so far
 * @returns how many there are then
 */
type StreamEvents = (sink: EventSink, failures: number, signal: AbortSignal) => Promise<number>;

/**
 * The subscriptions of an `Upscaler`. They share one event stream, or as few as the gateway allows. What a stream and
 * its end mean is decided in core/src/event_stream.rs.
 */
export class PushChannel implements Subscribers {
  path: string | undefined;
  readonly streamEvents: StreamEvents;
  /** Consecutive failed streams. */
  failures = 0;
  readonly #groups = new Set<Group>();

  constructor(streamEvents: StreamEvents) {
    this.streamEvents = streamEvents;
  }

  subscribe(taskId: string): Subscription | undefined {
    if (this.path === undefined) return undefined;
    const group = [...this.#groups].find(({ size }) => size < MAX_TASKS) ?? new Group(this);
    this.#groups.add(group);
    const subscription = new TaskSubscription(taskId, () => {
      group.remove(subscription);
      if (group.size === 0) this.#groups.delete(group);
    });
    if (this.failures === 0) subscription.notify({ kind: "subscribed" });
    group.add(subscription);
    return subscription;
  }
}

class TaskSubscription implements Subscription {
  readonly taskId: string;
  readonly unsubscribe: () => void;
  readonly #notifications: Notification[] = [];
  #resolve = () => {};

  constructor(taskId: string, unsubscribe: () => void) {
    this.taskId = taskId;
    this.unsubscribe = unsubscribe;
  }

  take(): Notification | undefined {
    return this.#notifications.shift();
  }

  notified(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  notify(notification: Notification): void {
    this.#notifications.push(notification);
    this.#resolve();
  }
}

/** An event stream, and the subscriptions that it serves. */
interface Stream {
  subscriptions: Set<TaskSubscription>;
  readonly controller: AbortController;
}

/** Subscriptions that share a stream. While a wider one is opened for a newcomer, the others stay on theirs. */
class Group {
  readonly #channel: PushChannel;
  readonly #subscriptions = new Set<TaskSubscription>();
  #open: Stream | undefined;
  #opening: Stream | undefined;

  constructor(channel: PushChannel) {
    this.#channel = channel;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  add(subscription: TaskSubscription): void {
    this.#subscriptions.add(subscription);
    void this.#widen();
  }

  remove(subscription: TaskSubscription): void {
    this.#subscriptions.delete(subscription);
    if (this.#subscriptions.size > 0) return;
    this.#open?.controller.abort();
    this.#opening?.controller.abort();
  }

  /** Opens a stream for all, unless one serves all. One at a time: newcomers in the meantime are on the next. */
  async #widen(): Promise<void> {
    const isServed = [...this.#subscriptions].every((each) => this.#open?.subscriptions.has(each));
    if (this.#opening !== undefined || isServed) return;
    const stream: Stream = {
      subscriptions: new Set(this.#subscriptions),
      controller: new AbortController(),
    };
    this.#opening = stream;
    const sink: EventSink = {
      taskIds: () => {
        stream.subscriptions = new Set(this.#subscriptions);
        return [...new Set([...stream.subscriptions].map(({ taskId }) => taskId))];
      },
      push: (taskId, text) => {
        if (this.#opening === stream) this.#replaceBy(stream);
        for (const each of stream.subscriptions) {
          if (each.taskId === taskId) each.notify({ kind: "message", text });
        }
      },
    };
    const { streamEvents, failures } = this.#channel;
    this.#channel.failures = await streamEvents(sink, failures, stream.controller.signal);
    if (this.#opening === stream) this.#opening = undefined;
    if (this.#open === stream) this.#open = undefined;
    // Of those that stayed, some may be on no other.
    for (const each of stream.subscriptions) {
      if (!this.#open?.subscriptions.has(each)) each.notify({ kind: "lost" });
    }
    void this.#widen();
  }

  /** The wider stream works. It began with the present state of each task, so nothing is missed. */
  #replaceBy(stream: Stream): void {
    this.#open?.controller.abort();
    this.#open = stream;
    this.#opening = undefined;
    this.#channel.failures = 0;
    void this.#widen();
  }
}
