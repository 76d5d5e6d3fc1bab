import type { CallbackClaim, CallbackRefusal } from "./boundary.js";
import { read } from "./bytes.js";
import { invalid, UpscaleError } from "./errors.js";
import { callOptions, members, reading } from "./options.js";
import { handOut, isHandedOut, takeBack } from "./receipts.js";
import { withBlob } from "./result.js";
import type { UpscaleResult } from "./types.js";
import type { Upscaler } from "./upscaler.js";
import type { Wasm } from "./wasm.js";
import { STORE_TIMEOUT, settleStore, within } from "./within.js";

/** A callback is a few KB, of which the most is the create request; in bytes. */
const MAX_BODY = 1024 * 1024;

/** What {@link receiveCallback} takes. */
export interface CallbackOptions {
  /**
   * The account's `webhookHmacKey`; several while it is changed, each of which is accepted.
   *
   * Without one, anybody who finds out the URL can post to it. Then only tasks that are in the
   * upscaler's store are looked at, which is searched for every callback.
   */
  keys?: string | readonly string[];
  /**
   * Reads the task's record, with the key that made the task. What it has in its store is what is known
   * of tasks and of callbacks that came before: to recognise a duplicate after a restart, or on
   * another machine, give it a `store`, and one with `putIfAbsent` where two may come at once.
   */
  upscaler: Upscaler;
  /**
   * How far a callback's timestamp may be from this machine's clock, in seconds; a day at most.
   * @defaultValue 300
   */
  tolerance?: number;
}

export type { CallbackRefusal };

/** What a callback came to, by the task's record and never by what was posted. */
export type CallbackOutcome = {
  /** What to answer with, at once: the service waits about 15 s, and calls again unless it is a 200. */
  response: Response;
} & (
  | {
      /** The task has succeeded. */
      kind: "success";
      taskId: string;
      /** Whether a key proves that the service sent this. */
      signed: boolean;
      result: UpscaleResult;
    }
  | {
      /** The task has failed. */
      kind: "failed";
      taskId: string;
      signed: boolean;
      /** Why. */
      error: UpscaleError;
    }
  | {
      /** The store says that the task's end was handed out before. */
      kind: "duplicate";
      taskId: string;
      signed: boolean;
    }
  | {
      /** How the task ended cannot be said now. The response is a 503, so that the service calls again. */
      kind: "later";
      taskId: string;
      signed: boolean;
      /** Why. Its `resume` goes on with the task, since the service gives up after some tries. */
      error: UpscaleError;
    }
  | {
      /** It was not taken. */
      kind: "refused";
      reason: CallbackRefusal;
    }
);

/**
 * Receives what the service posts to `callBackUrl` when a task has ended.
 *
 * The service signs the task's id and not the body, so nothing in the body is believed: the
 * task's record is read again, and the outcome is what that says. An end is handed out once, and
 * its job is not among the upscaler's `pending()` any more.
 *
 * @param request The request, as the runtime's server hands it over, its body not yet read.
 * @returns What it came to, and the response to send. Whatever a stranger sends, this does not reject.
 * @throws {@link UpscaleError} of the kind `invalid-input` where the receiver itself is set up
 *   wrongly, or `load-failed`.
 */
export async function receiveCallback(request: Request, options: CallbackOptions): Promise<CallbackOutcome> {
  const given = reading("options", () => {
    const { keys = [], upscaler, tolerance } = members(options);
    if (typeof upscaler?.internals !== "function")
      throw invalid("The upscaler is missing. Give an Upscaler.");
    const list = [keys ?? []].flat();
    if (!list.every((key) => typeof key === "string" && key !== "")) {
      throw invalid("A key is empty or not a string. Give the account's webhookHmacKey, or leave keys out.");
    }
    if (tolerance != null && typeof tolerance !== "number") {
      throw invalid("The tolerance is no time in seconds, above 0 and up to a day.");
    }
    return { keys: list, upscaler, tolerance: tolerance ?? undefined };
  });
  const internals = given.upscaler.internals();
  const wasm = await internals.backend.wasm(callOptions({}));
  const outcome = await receive(request, given, internals, wasm);
  const word = outcome.kind === "refused" ? outcome.reason : outcome.kind;
  const status = wasm.callbackStatus(word);
  const headers = new Headers({ "content-type": "application/json" });
  if (status === 405) headers.set("allow", "POST");
  const body = JSON.stringify({ code: status, msg: status === 200 ? "success" : word });
  return { ...outcome, response: new Response(body, { status, headers }) };
}

/** {@link CallbackOptions}, checked. */
interface Given {
  keys: string[];
  upscaler: Upscaler;
  tolerance: number | undefined;
}

type Internals = ReturnType<Upscaler["internals"]>;

type Unanswered<T> = T extends unknown ? Omit<T, "response"> : never;

async function receive(
  request: Request,
  { keys, upscaler, tolerance }: Given,
  { backend, attempts, store }: Internals,
  wasm: Wasm,
): Promise<Unanswered<CallbackOutcome>> {
  const createdAt = Date.now();
  // The task may be so new that the service does not know it yet, which a resumed job bears for a while.
  const resume = (taskId: string) => upscaler.resume({ taskId, createdAt });
  const posted = reading("request", () => {
    const { method, headers } = members(request, "request");
    if (typeof method !== "string" || typeof headers?.get !== "function") {
      throw invalid("What was received is not a Request. Make one of it, or hand over the runtime's own.");
    }
    if (request.bodyUsed || request.body?.locked) {
      throw invalid("The request's body was read before. Hand over the request unread, or a clone of it.");
    }
    const header = (name: string) => {
      const value: unknown = headers.get(name);
      return typeof value === "string" ? value : null;
    };
    return { method, timestamp: header("x-webhook-timestamp"), signature: header("x-webhook-signature") };
  });
  const imported = await Promise.all(keys.map(importKey)).catch((cause) => {
    throw invalid("This runtime has no HMAC in crypto.subtle. A page has it on https only.", cause);
  });

  const signed = imported.length > 0;
  const opened = wasm.openCallback(
    posted.method,
    posted.timestamp,
    posted.signature,
    await textOf(request),
    signed,
    tolerance,
  );
  if (opened === undefined) throw invalid("The tolerance is no time in seconds, above 0 and up to a day.");
  if (typeof opened === "string") return { kind: "refused", reason: opened };
  const { claims, signature, otherwise } = opened;

  let taskId = "";
  try {
    const claim = await find(claims, ({ taskId: id, message }: CallbackClaim) => {
      taskId = id;
      return signed ? isSigned(message, signature, imported) : isKnown(id);
    });
    if (claim === undefined) return { kind: "refused", reason: otherwise };
    if (await stored(isHandedOut(store, taskId))) return { kind: "duplicate", taskId, signed };

    const meaning = backend.unwrap(await wasm.readCallbackRecord(backend.settings, {}, taskId), resume);
    if (meaning.kind === "refused") return meaning;
    if (meaning.kind === "later") {
      return {
        kind: "later",
        taskId,
        signed,
        error: new UpscaleError(meaning.failure, meaning.cause, resume),
      };
    }
    // Two of the same may be under way at once.
    if (!(await handedOut(taskId))) return { kind: "duplicate", taskId, signed };
    await settleStore(() => attempts.endedTask(taskId));
    return meaning.kind === "success"
      ? { kind: "success", taskId, signed, result: withBlob(meaning.result, backend) }
      : { kind: "failed", taskId, signed, error: new UpscaleError(meaning.failure, meaning.cause, resume) };
  } catch (cause) {
    // What the record's reading throws is about this receiver; all else is the store's.
    if (cause instanceof UpscaleError) throw cause;
    const error = new UpscaleError({ ...STORE_FAILED, taskId }, cause, resume);
    return { kind: "later", taskId, signed, error };
  }

  async function isKnown(taskId: string): Promise<boolean> {
    return (await stored(isHandedOut(store, taskId))) || (await stored(attempts.hasTask(taskId)));
  }

  /** Whether the end is handed out now. What a slow store writes after this has given up does not count. */
  async function handedOut(taskId: string): Promise<boolean> {
    const handing = handOut(store, taskId);
    try {
      return await stored(handing);
    } catch (error) {
      handing.then((isNew) => (isNew ? takeBack(store, taskId) : undefined)).catch(() => {});
      throw error;
    }
  }
}

/** Waits for the store, but not for ever: the service waits about 15 s for the response. */
function stored<T>(work: Promise<T>): Promise<T> {
  const limits = { timeout: STORE_TIMEOUT, began: performance.now() };
  return within(
    limits,
    () => work,
    () => new Error(`The store has not answered within ${STORE_TIMEOUT} ms.`),
  );
}

const STORE_FAILED = {
  kind: "store-failed",
  code: null,
  failCode: null,
  status: null,
  message: "The store failed, so nothing was handed out. The service is asked to call again.",
  charged: "unknown",
  retryable: true,
  resumable: true,
} as const;

/** The first of the items that passes. */
async function find<T>(items: T[], passes: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await passes(item)) return item;
  return undefined;
}

async function importKey(key: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(key);
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

/** Whether one of the keys makes the signature. All are tried, so that the time it takes does not tell which. */
async function isSigned(
  message: string | null,
  signature: number[] | null,
  keys: CryptoKey[],
): Promise<boolean> {
  if (message === null || signature === null) return false;
  const [made, bytes] = [Uint8Array.from(signature), new TextEncoder().encode(message)];
  const verified = keys.map((key) => crypto.subtle.verify("HMAC", key, made, bytes));
  return (await Promise.all(verified)).includes(true);
}

/** The body's text; nothing where it is too long, and an empty one where it breaks off. */
async function textOf(request: Request): Promise<string | undefined> {
  try {
    // Firefox has no `Request.body`.
    const message = request.body === undefined ? new Response(await request.blob()) : request;
    const body = await read(message, MAX_BODY);
    return "bytes" in body ? new TextDecoder().decode(body.bytes) : undefined;
  } catch {
    return "";
  }
}
