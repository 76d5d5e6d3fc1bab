// What crosses between JavaScript and the WebAssembly. What goes in is read by src/js/settings.rs; what comes out is
// plain data, made of the structs of core.
import type { Failure } from "./errors.js";
import type { TaskDetail, UpscaleResult } from "./types.js";

export type { TaskDetail, UpscaleResult };

/** What a call ends with. A promise of the WebAssembly resolves to it and never rejects. */
export type Outcome<T> =
  | { ok: T }
  | { failure: Failure; cause: unknown }
  | {
      /** The caller's own reason. */
      aborted: unknown;
      /** What is known of the charge. */
      charged: Failure["charged"];
    };

/** What an `Upscaler` is set up with. */
export interface Settings {
  readonly baseUrl: string | undefined;
  readonly uploadBaseUrl: string | undefined;
  /** The key, or a function that gives a gateway's token; `refused` is one that the gateway did not accept. */
  readonly bearer: string | ((refused?: string) => Promise<string>);
  readonly limiter: object | undefined;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly isPrerenderError: (error: unknown) => boolean;
  /** How long the last tasks took, in milliseconds, which decides when the next is polled. The WebAssembly fills it. */
  readonly durations: number[];
  readonly subscribers: Subscribers;
  /** Listens to a signal, until the returned function is called. */
  readonly listen: (signal: AbortSignal, listener: () => void) => () => void;
}

/** What one call is given. */
export interface CallContext {
  readonly signal?: AbortSignal | undefined;
  /** In milliseconds. */
  readonly timeout?: number;
  /** When the timeout began, as a time of `performance.now()`. */
  readonly began?: number;
  /** The `Idempotency-Key` of all createTask requests of the call, where the server takes one. */
  readonly idempotencyKey?: string | undefined;
  /** Called with a state, and what there is to say of it. It must not throw. */
  readonly onUpdate?: (state: string, detail: string) => void;
}

/** Who is notified of what the server pushes. */
export interface Subscribers {
  /** The path of the event stream under the base URL, once a response has announced it. */
  path: string | undefined;
  /** Subscribes to a task, where the server pushes. */
  subscribe(taskId: string): Subscription | undefined;
}

/** One task's subscription. */
export interface Subscription {
  /** Takes the oldest notification. */
  take(): Notification | undefined;
  /** Settles when there is one to take. */
  notified(): Promise<void>;
  unsubscribe(): void;
}

/** What is notified: that the stream is open, a message, or that the stream has ended. */
export type Notification = { kind: "subscribed" } | { kind: "message"; text: string } | { kind: "lost" };

/** The tasks that share one event stream. */
export interface EventSink {
  /** Their ids, when the stream's request is made. */
  taskIds(): string[];
  push(taskId: string, text: string): void;
}

/** Why a callback was refused, and the status of the response. */
export type CallbackRefusal =
  /** 405: it is no POST. */
  | "method-not-allowed"
  /** 413: its body is longer than 1 MiB. */
  | "too-large"
  /** 400: its body was cut, or is not JSON. */
  | "unreadable"
  /** 400: its body names no task. */
  | "no-task-id"
  /** 403: there are `keys`, and its signature or timestamp is missing. */
  | "unsigned"
  /** 403: its timestamp is not a whole number of seconds. */
  | "bad-timestamp"
  /** 403: its timestamp is older than `tolerance`, or as far in the future. */
  | "outside-window"
  /** 403: no key makes its signature. */
  | "bad-signature"
  /** 403: there are no `keys`, and the task is not in the store. */
  | "unknown-task"
  /** 403: the service answered with the record of another task. */
  | "other-task";

/** A callback that is well formed and fresh. Nothing in it is proven. */
export interface OpenedCallback {
  /** What it may be about; the first that holds is what it is about. */
  claims: CallbackClaim[];
  /** An HMAC-SHA256; `null` where there are no keys. */
  signature: number[] | null;
  /** Why it is refused where no claim holds. */
  otherwise: CallbackRefusal;
}

/** A claim that a task has ended. */
export interface CallbackClaim {
  taskId: string;
  /** What must be signed for the claim to hold; `null` where there are no keys, and the task must be known instead. */
  message: string | null;
}

/** What a callback means, by the record of its task. */
export type CallbackMeaning =
  | { kind: "success"; result: UpscaleResult }
  | { kind: "failed" | "later"; failure: Failure; cause: unknown }
  | { kind: "refused"; reason: CallbackRefusal };
