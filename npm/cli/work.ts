import { join } from "node:path";
import {
  isUpscaleError,
  type Job,
  type Pending,
  type UpscaleError,
  type UpscaleOptions,
  type UpscaleResult,
} from "crisp-upscale";
import type { Gate } from "./gate.js";
import type { Holder } from "./holder.js";
import { contentOf, type Input, imageOf } from "./inputs.js";
import type { Outcome } from "./outcome.js";
import { type Item, unknown } from "./plan.js";
import { copy, type Saved, save, settleName, written } from "./save.js";
import type { Slots } from "./slots.js";
import { type Held, isFull, LostHold, type SourceRecord } from "./state.js";

/** What the images of a run share. */
export interface Run {
  gate: Gate;
  sending: Slots;
  fetching: Slots;
  options: { again: boolean; retryUnknown: boolean };
  isGateway: boolean;
  isSandbox: boolean;
  /** An image is begun. */
  begin(input: Input): void;
  /** Takes one of the orders that `--max` allows; `false` where none is left. */
  mayOrder(): boolean;
  /** Nothing more is to be sent, and why. */
  stop(reason: string): void;
  stopped(): string | undefined;
  /** The service could not be reached for an image, or has answered. */
  reached(isReached: boolean): void;
  /** What ends the waiting for an image when the run is interrupted. `isSafe`: whether nothing is lost by that now. */
  abortable(isSafe: () => boolean): { signal: AbortSignal; done(): void };
}

/** Another run works on the image. */
export interface Later {
  later: Holder | undefined;
}

/** Kinds of errors that concern the account or the service as a whole, and not one image. */
const ACCOUNT = [
  ...["unauthorized", "insufficient-credits", "key-limit", "maintenance", "feature-disabled", "store-failed"],
  "load-failed",
];
/** The HTTP status with which a gateway says that a key was used for another image. */
const CONFLICT = 422;
/** How long a task is waited for, in milliseconds. */
const TIMEOUT = 15 * 60 * 1000;
/** How often something is tried that costs nothing, and the pause before the second try, which doubles. */
const TRIES = 3;
const PAUSE = 1_000;
/** The library forgets a key after a day. From a little earlier on, it is not asked. In milliseconds. */
const REMEMBERED = 23 * 60 * 60 * 1000;

/** Does for an image what is to be done, from whatever step it is at. */
export async function work(item: Item, run: Run): Promise<Outcome | Later> {
  let held: Held | undefined;
  try {
    const taken = await item.state.hold(item.image);
    if ("elsewhere" in taken) return { later: taken.elsewhere };
    held = taken;
    return await advance(item, held, run);
  } catch (error) {
    if (error instanceof LostHold) return { later: undefined };
    return unexpected(item, held, error, run);
  } finally {
    // Another run that waits for it may go on.
    if (held?.order.holder !== undefined) await held.step({ holder: undefined }).catch(() => {});
  }
}

async function advance(item: Item, held: Held, run: Run): Promise<Outcome> {
  const { input } = item;
  // What the sandbox made was over with its process.
  if (run.isSandbox && held.order.state !== "free") await anew(held);
  for (;;) {
    const { state, reason, taskId } = held.order;
    // A gateway may know by now what it did not know then.
    const hasJob = state === "unknown" && taskId !== undefined;
    if (state === "made" || state === "done" || state === "gone" || hasJob) {
      const outcome = await fetchResult(item, held, run);
      if (item.anew === undefined || outcome.status !== item.anew) return outcome;
      item.anew = undefined;
      await anew(held);
    } else if (state === "unknown") {
      if (item.anew !== "unknown") return unknown(input, reason);
      item.anew = undefined;
      await anew(held);
    } else if (state === "sending") {
      const outcome = await settle(item, held, run);
      if (outcome !== undefined) return outcome;
    } else if (item.todo === "fetch") {
      return item.then ?? notSent(item, "Nothing was sent for it.");
    } else {
      if (state === "failed") await anew(held);
      const outcome = await submit(item, held, run);
      if (outcome !== undefined) return outcome;
    }
  }
}

/** Begins another order. */
function anew(held: Held): Promise<void> {
  return held.step({
    ...{ state: "free", number: held.order.number + 1 },
    ...{ taskId: undefined, createdAt: undefined, credits: undefined, reason: undefined },
    ...{ file: undefined, sha256: undefined },
  });
}

/**
 * Finds out what became of an order that a run left while it was being sent, and writes it down.
 *
 * @returns An outcome where that cannot be known now.
 */
async function settle(item: Item, held: Held, run: Run): Promise<Outcome | undefined> {
  const pending = await pendingOf(item, held);
  if (pending?.taskId != null) {
    await held.step({ state: "made", taskId: pending.taskId, createdAt: pending.createdAt });
    return undefined;
  }
  if (pending !== undefined && run.isGateway) return askGateway(item, held, pending, run);
  if (pending === undefined && Date.now() - held.order.at < REMEMBERED) {
    // The library has seen its end, or that nothing was made.
    await held.step({ state: "free" });
    return undefined;
  }
  const reason = "It was cut off while its task was being made.";
  await held.step({ state: "unknown", reason, holder: undefined });
  return undefined;
}

/** The library's entry of an order that it has not seen to end. */
async function pendingOf({ state }: Item, held: Held): Promise<Pending | undefined> {
  return (await state.upscaler.pending()).find(({ attempt }) => attempt === held.key);
}

/** Asks a gateway what became of an order, which may take two minutes where its request may still arrive. */
async function askGateway(item: Item, held: Held, pending: Pending, run: Run): Promise<Outcome | undefined> {
  const { signal, done } = run.abortable(() => true);
  const answered = new AbortController();
  try {
    const options = { signal: AbortSignal.any([signal, answered.signal]), timeout: TIMEOUT };
    // The first update has the task. It is written down before its result is waited for.
    for await (const { taskId } of item.state.upscaler.resume(pending, options)) {
      answered.abort();
      await held.step({ state: "made", taskId, createdAt: pending.createdAt });
      break;
    }
  } catch (error) {
    const isOurs = isUpscaleError(error);
    if (!signal.aborted && !isOurs) throw error;
    if (isOurs && error.taskId !== null) {
      await held.step({ state: "made", taskId: error.taskId, createdAt: pending.createdAt });
    } else if (isOurs && error.charged === "no" && !error.retryable && !ACCOUNT.includes(error.kind)) {
      // It never arrived.
      await held.step({ state: "free" });
    } else if (isOurs && error.kind === "outcome-unknown" && !error.retryable) {
      await held.step({ state: "unknown", reason: error.message, holder: undefined });
    } else {
      const reason = isOurs ? `${error.message} Run the command again to go on.` : run.stopped();
      return { input: item.input, status: "unfinished", reason };
    }
  } finally {
    done();
  }
  return undefined;
}

/** Makes the task; an outcome only where it is not made. */
async function submit(item: Item, held: Held, run: Run): Promise<Outcome | undefined> {
  const mayOrder = once(() => run.mayOrder());
  for (let tries = 1; ; tries += 1) {
    const failed = await run.sending.run(async () => {
      const stopped = run.stopped();
      if (stopped !== undefined) return notSent(item, stopped);
      if (!mayOrder()) return { ...notSent(item, "--max was reached."), isLeft: true };
      return trySubmit(item, held, run);
    });
    if (!isUpscaleError(failed)) return failed;
    if (!failed.retryable || tries === TRIES || run.gate.isClosed) return refused(item, held, failed, run);
    await pause(PAUSE * 2 ** (tries - 1));
  }
}

/** @returns Nothing where the task is made, or a gateway can say so; an error that cost nothing; or what else there is to say. */
async function trySubmit(item: Item, held: Held, run: Run): Promise<Outcome | UpscaleError | undefined> {
  const { input, state } = item;
  run.begin(input);
  // Before the digest, so that Node sends nothing that is changed after it.
  const image = await contentOf(input);
  if ((await imageOf(input)) !== item.image) {
    return { input, status: "changed", reason: "It was changed meanwhile. Run the command again." };
  }
  await settleName(item);
  if (held.order.state === "free" && !held.isNew && (await pendingOf(item, held))?.taskId === null) {
    // A run was killed between the library's entry and the request, so nothing was sent. An entry that has ended stays:
    // its task is this order's.
    await state.upscaler.forget({ attempt: held.key });
  }
  const order = {
    hasLeft: false,
    error: undefined as unknown,
    leaves: async () => {
      if (held.order.state !== "sending") await held.step({ state: "sending" });
    },
  };
  if (typeof image === "string") run.gate.open(image, order);
  const { signal, done } = run.abortable(() => !order.hasLeft);
  const options: UpscaleOptions = {
    ...{ signal, idempotencyKey: held.key, preflight: true, timeout: TIMEOUT },
    onUpdate: (update) => {
      if ("url" in update) run.gate.open(update.url, order);
    },
  };
  let job: Job;
  try {
    job = await state.upscaler.submit(image, options);
    run.reached(true);
  } catch (error) {
    if (order.error !== undefined) throw order.error;
    if (signal.aborted && !order.hasLeft) {
      await state.upscaler.forget({ attempt: held.key });
      return notSent(item, run.stopped());
    }
    if (!isUpscaleError(error)) throw error;
    if (error.kind === "unreachable") run.reached(false);
    if (error.taskId !== null && error.resume !== undefined) {
      await held.step({ state: "made", taskId: error.taskId, createdAt: Date.now() });
      return undefined;
    }
    if (run.isGateway && error.status === CONFLICT) {
      // It has a job with this key, for an earlier upload of the image. Another key might make a second task.
      const { key: attempt, image, order } = held;
      return askGateway(item, held, { attempt, image, taskId: null, createdAt: order.at }, run);
    }
    if (error.charged === "no") {
      // A gateway keeps the key of what was refused, with the URL of this upload.
      if (held.order.state === "sending") await anew(held);
      return error;
    }
    // A gateway can be asked.
    if (run.isGateway && held.order.state === "sending") return undefined;
    await held.step({ state: "unknown", reason: error.message, holder: undefined });
    return { ...unknown(input, error.message), kind: error.kind };
  } finally {
    done();
    run.gate.settled(order);
  }
  await held.step({ state: "made", taskId: job.taskId, createdAt: job.toJSON().createdAt });
  return undefined;
}

/** No task was made, and it cost nothing. */
async function refused(item: Item, held: Held, error: UpscaleError, run: Run): Promise<Outcome> {
  if (ACCOUNT.includes(error.kind)) {
    run.stop(isFull(error) ? "The disk is full." : error.message);
    return { ...notSent(item, run.stopped()), kind: error.kind };
  }
  if (run.gate.isClosed || error.retryable) {
    return { ...notSent(item, run.stopped() ?? error.message), kind: error.kind };
  }
  await held.step({ state: "failed", reason: error.message, holder: undefined });
  return { input: item.input, status: "failed", reason: error.message, kind: error.kind };
}

/** Waits for the task and writes its result. */
async function fetchResult(item: Item, held: Held, run: Run): Promise<Outcome> {
  const { input, state } = item;
  run.begin(input);
  const record = await settleName(item);
  const { order } = held;
  // No run has seen its end yet.
  const isOpen = order.state === "made" || order.state === "unknown";
  const there = (await written(state, record, order)) ?? (await copy(state, record, item.image, order));
  if (there !== undefined) {
    await state.keepSource({ ...record, file: there.file });
    return finish(item, held, there, isOpen, order.credits);
  }
  const { signal, done } = run.abortable(() => true);
  try {
    const ticket = { taskId: order.taskId ?? "", createdAt: order.createdAt ?? 0, attempt: held.key };
    const job = state.upscaler.resume(ticket, { signal, timeout: TIMEOUT });
    const result = await job.result();
    const saved = await run.fetching.run(() => download(item, record, result, signal));
    if (saved === undefined) return await gone(item, held, "Its result has expired.");
    return await finish(item, held, saved, isOpen, result.credits);
  } catch (error) {
    const task = order.taskId;
    if (signal.aborted) return { input, status: "unfinished", reason: run.stopped(), taskId: task };
    if (!isUpscaleError(error)) throw error;
    if (ACCOUNT.includes(error.kind)) run.stop(error.message);
    if (error.charged === "no" && error.resume === undefined && isOpen) {
      await held.step({ state: "failed", reason: error.message, holder: undefined });
      return { input, status: "failed", reason: error.message, kind: error.kind, taskId: task };
    }
    if (error.kind === "outcome-unknown") {
      // The gateway got no answer itself.
      const over = item.anew === "unknown" ? {} : { holder: undefined };
      await held.step({ state: "unknown", reason: error.message, ...over });
      return { ...unknown(input, error.message), kind: error.kind, taskId: task };
    }
    if (error.kind === "not-found") return gone(item, held, "The service no longer knows its task.");
    const reason = `${error.message} Run the command again to go on.`;
    return { input, status: "unfinished", reason, kind: error.kind, taskId: task };
  } finally {
    done();
  }
}

/** Downloads a result; nothing where it is no longer there. */
async function download(
  { state, image }: Item,
  record: SourceRecord,
  result: UpscaleResult,
  signal: AbortSignal,
): Promise<Saved | undefined> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await save(state, record, image, await result.blob({ signal }));
    } catch (error) {
      if (signal.aborted || !isUpscaleError(error)) throw error;
      if (tries === TRIES) {
        if ([404, 410].includes(error.status ?? 0)) return undefined;
        throw error;
      }
    }
    await pause(PAUSE * 2 ** (tries - 1));
  }
}

async function finish(
  { input, state, then, warning }: Item,
  held: Held,
  saved: Saved,
  wasOpen: boolean,
  credits: number | null | undefined,
): Promise<Outcome> {
  await held.step({ ...saved, state: "done", credits, holder: undefined });
  const file = join(state.results, saved.file);
  const paid = wasOpen && !state.isSandbox ? { credits } : {};
  if (then !== undefined) return { ...then, file, taskId: held.order.taskId, ...paid };
  return { input, status: "done", file, taskId: held.order.taskId, warning, ...paid };
}

async function gone({ input, anew }: Item, held: Held, why: string): Promise<Outcome> {
  if (held.order.state !== "gone") {
    await held.step({ state: "gone", reason: why, ...(anew === "gone" ? {} : { holder: undefined }) });
  }
  const reason = `${why} It is paid and gone. Add --again to order it anew, which costs credits.`;
  return { input, status: "gone", reason, taskId: held.order.taskId };
}

/** An error that is not the library's: of the file system, as a rule. */
function unexpected(item: Item, held: Held | undefined, error: unknown, run: Run): Outcome {
  const { input } = item;
  const message = error instanceof Error ? error.message : String(error);
  const reason = isFull(error) ? "The disk is full." : message;
  run.stop(reason);
  const taskId = held?.order.taskId;
  const isOpen = held !== undefined && held.order.state !== "free";
  return {
    input,
    status: isOpen ? "unfinished" : "not-sent",
    reason: `${reason} Run the command again to go on.`,
    taskId,
  };
}

function notSent({ input }: Item, reason: string | undefined): Outcome {
  return { input, status: "not-sent", reason };
}

function once(work: () => boolean): () => boolean {
  let done: boolean | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
