import type { Job } from "./job.js";

/**
 * What went wrong. A closed list, so a `switch` over it can be checked for completeness.
 *
 * Codes are the API's own, from the body of its reply.
 */
export type ErrorKind =
  /** The call itself is wrong; nothing was sent. */
  | "invalid-input"
  /** Code 400: a bad request, or content that the service's policy refuses. */
  | "bad-request"
  /** Code 401 or 403: the key is missing, wrong, or not allowed to do this. */
  | "unauthorized"
  /** Code 402: not enough credits. */
  | "insufficient-credits"
  /** Code 404, or a record that never appeared. */
  | "not-found"
  /** Code 405: not what this URL is for. */
  | "method-not-allowed"
  /** Code 422: the service refused the parameters. */
  | "validation"
  /** Code or status 429: too many requests. */
  | "rate-limited"
  /** Code 433: the key's own limit is used up. */
  | "key-limit"
  /** Code 451: the content was refused. */
  | "content-refused"
  /** Code 455: maintenance. */
  | "maintenance"
  /**
   * Code 500 or 408, or an HTTP 5xx, of a request that only reads. Of the request to make a task these are
   * `outcome-unknown`, unless the message of a 500 is one that is known for a refusal.
   */
  | "server-error"
  /** A task that ended with `fail`; or code 501, of a request that only reads. */
  | "generation-failed"
  /** Code 505: the feature is switched off. */
  | "feature-disabled"
  /** A code that the API's documentation does not know, of a request that only reads. */
  | "unknown-code"
  /** No connection could be made. */
  | "unreachable"
  /** The answer was not the API's: a web page, broken JSON, a cut body, a redirect. */
  | "bad-reply"
  /**
   * The request to make the task left, and no readable answer came. It is not sent again, except to a gateway. Where
   * it is the gateway that got none, there are a `taskId` and a `resume`, since the answer may come late.
   */
  | "outcome-unknown"
  /** The time that the call was given is over. Where there is a `taskId`, the task goes on; else nothing was sent. */
  | "timeout"
  /** The WebAssembly could not be loaded; nothing was sent. */
  | "load-failed"
  /** The store failed. A call sent nothing then; a callback was not handed out. */
  | "store-failed";

/** Whether this is an {@link UpscaleError}, also one of another copy of this package or of another realm. */
export function isUpscaleError(error: unknown): error is UpscaleError {
  try {
    return error instanceof UpscaleError || (isError(error) && error.name === "UpscaleError");
  } catch {
    // A Proxy or a getter that throws.
    return false;
  }
}

/** Whether this is an error, of whatever realm. */
function isError(error: unknown): error is Error {
  return error instanceof Error || Object.prototype.toString.call(error) === "[object Error]";
}

/**
 * Whether the call that rejected with this may be made again, and costs nothing twice. An error that was
 * wrapped in others is found in their chain of causes.
 */
export function isRetryable(error: unknown): boolean {
  const seen = new Set<unknown>();
  try {
    for (let cause = error; isError(cause) && !seen.has(cause); cause = cause.cause) {
      if (isUpscaleError(cause)) return cause.retryable;
      seen.add(cause);
    }
  } catch {
    // Not of this package, whose errors can be read.
  }
  return false;
}

/** What an {@link UpscaleError} is made of. */
export interface Failure {
  kind: ErrorKind;
  code: number | null;
  failCode: string | null;
  status: number | null;
  message: string;
  taskId: string | null;
  charged: "no" | "yes" | "unknown";
  retryable: boolean;
  resumable: boolean;
}

/** @internal What holds for every failure before anything is sent. */
export const NOTHING_SENT = {
  code: null,
  failCode: null,
  status: null,
  taskId: null,
  charged: "no",
  resumable: false,
} as const;

/**
 * Every rejection of this package, except for an abort, which rejects with the signal's own reason.
 *
 * `cause` is what the runtime threw, or the first 1,024 characters of the reply. The key is in neither.
 */
export class UpscaleError extends Error {
  override readonly name = "UpscaleError";
  /** What went wrong. */
  readonly kind: ErrorKind;
  /** The API's code, or a failed task's `failCode` where that is a number; `null` where none came. */
  readonly code: number | null;
  /** A failed task's `failCode` as the service says it, which may be a word; `null` where there is none. */
  readonly failCode: string | null;
  /** The HTTP status; `null` where no reply came. The API answers 200 to nearly everything. */
  readonly status: number | null;
  /** The task; `null` where none is known. */
  readonly taskId: string | null;
  /** Whether it cost something. `unknown` also stands for a task that goes on: success is charged, failure is not. */
  readonly charged: "no" | "yes" | "unknown";
  /** Whether the same call may succeed later, and costs nothing twice. */
  readonly retryable: boolean;
  /** Goes on waiting for the same task, which costs nothing; `undefined` where there is nothing to wait for. */
  readonly resume: (() => Job) | undefined;

  /** @internal */
  constructor(failure: Failure, cause: unknown, resume?: (taskId: string) => Job) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.kind = failure.kind;
    this.code = failure.code;
    this.failCode = failure.failCode;
    this.status = failure.status;
    this.taskId = failure.taskId;
    this.charged = failure.charged;
    this.retryable = failure.retryable;
    const { taskId } = failure;
    this.resume = resume && failure.resumable && taskId !== null ? () => resume(taskId) : undefined;
  }
}

/** @internal The error of a call that is wrong in itself, before anything is sent. */
export function invalid(message: string, cause?: unknown): UpscaleError {
  return new UpscaleError({ ...NOTHING_SENT, kind: "invalid-input", message, retryable: false }, cause);
}
