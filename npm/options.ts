import type { Pending } from "./attempts.js";
import { invalid, UpscaleError } from "./errors.js";
import type { CallOptions, ImageFile, Ticket } from "./types.js";
import { DEFAULT_TIMEOUT, type Limits } from "./within.js";

/**
 * Reads what a caller hands in, of which anything may throw: a getter, a Proxy, a `toString`.
 *
 * @throws {@link UpscaleError} of the kind `invalid-input`.
 */
export function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof UpscaleError) throw cause;
    throw invalid(`The ${what} cannot be read. Give plain values.`, cause);
  }
}

/** The members of an options object; none where there is no object. */
export function members<T extends object>(options: T | null | undefined, what = "options"): Partial<T> {
  if (options == null) return {};
  if (typeof options !== "object" && typeof options !== "function") {
    throw invalid(`The ${what} must be an object.`);
  }
  return options;
}

/** `signal` and `timeout`, as any call takes them. */
export function callOptions(options: CallOptions | null | undefined): Limits {
  return reading("options", () => {
    const { signal, timeout } = members(options);
    if (signal != null && !isSignal(signal)) {
      throw invalid("The signal is not an AbortSignal. Give the signal of an AbortController.");
    }
    if (timeout != null && !(typeof timeout === "number" && timeout >= 0)) {
      throw invalid("The timeout must be a number of milliseconds, 0 or more.");
    }
    return {
      signal: signal ?? undefined,
      timeout: timeout ?? DEFAULT_TIMEOUT,
      began: performance.now(),
    };
  });
}

/** By what it can do, since a signal may come from another realm. */
function isSignal(signal: AbortSignal): boolean {
  return (
    typeof signal.aborted === "boolean" &&
    typeof signal.addEventListener === "function" &&
    typeof signal.removeEventListener === "function"
  );
}

/** A listener for updates. */
export function listenerOf<F>(onUpdate: F | null | undefined): F | undefined {
  if (onUpdate != null && typeof onUpdate !== "function") throw invalid("The onUpdate must be a function.");
  return onUpdate ?? undefined;
}

/** A text, or what can be turned into one, as a URL can. */
export function textOf(value: unknown, what: string): string {
  return reading(what, () => String(value));
}

/** A task's id. */
export function taskIdOf(taskId: unknown): string {
  if (typeof taskId !== "string") throw invalid("The task id must be a string.");
  return taskId;
}

/** An `idempotencyKey`, as far as it concerns text: half of a surrogate pair cannot be sent. */
export function keyOf(key: unknown): string | undefined {
  if (key == null) return undefined;
  if (typeof key !== "string" || /\p{Cs}/u.test(key)) {
    throw invalid("The idempotencyKey must be a well-formed text. Use another key.");
  }
  return key;
}

/** What is to be resumed; `gateway`: whether one can be asked for the task of an attempt that has none. */
export function ticketOf(ticket: Ticket | Pending | string, gateway: boolean): Ticket {
  return reading("ticket", () => {
    if (typeof ticket === "string") return { taskId: ticket, createdAt: 0 };
    const { taskId, createdAt, attempt } = members<{ [Name in keyof Ticket]: unknown }>(ticket, "ticket");
    // Of an attempt without a task, the gateway is asked for it.
    const isUnknown = taskId === null && gateway && typeof attempt === "string";
    if (taskId === null && !isUnknown) {
      throw invalid(
        "It is not known whether this attempt made a task, so there is none to resume. " +
          "Look at the account, then forget() the attempt.",
      );
    }
    if (typeof taskId !== "string" && !isUnknown) {
      throw invalid(
        "This is not a ticket. Give what a Job's toJSON() gave, an entry of pending(), or a task's id.",
      );
    }
    const kept: Ticket = {
      taskId: taskId ?? "",
      createdAt: Number.isFinite(createdAt) ? Number(createdAt) : 0,
    };
    if (typeof attempt === "string") kept.attempt = attempt;
    return kept;
  });
}

/** What a value says that it is; the same in every realm, where `instanceof` is not. */
function brand(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/**
 * A file as a Blob, from which on its content stays the same; `undefined` where it is none.
 *
 * @param image A Blob or bytes, of any realm.
 */
export function fileOf(image: unknown): Blob | undefined {
  return reading("file", () => {
    if (image === null || typeof image !== "object") return undefined;
    if (ArrayBuffer.isView(image) || /^(Shared)?ArrayBuffer$/.test(brand(image))) {
      return new Blob([unshared(image as ImageFile)]);
    }
    return isBlob(image) ? image : undefined;
  });
}

function isBlob(value: object): value is Blob {
  // In workerd with an older compatibility date, a Blob does not say that it is one.
  if (value instanceof Blob) return true;
  const { size, slice } = value as Partial<Blob>;
  return typeof size === "number" && typeof slice === "function" && /^(Blob|File)$/.test(brand(value));
}

/** Bytes which a Blob can be made of: it does not take shared memory. */
function unshared(bytes: ImageFile): BlobPart {
  const view = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes as ArrayBuffer);
  return (brand(view.buffer) === "SharedArrayBuffer" ? view.slice() : view) as Uint8Array<ArrayBuffer>;
}
