import { stat } from "node:fs/promises";
import { join } from "node:path";
import { check } from "./check.js";
import { contentOf, type Input, imageOf, relativeTo, sentenceOf, sourceOf } from "./inputs.js";
import { ENDINGS, resultNames } from "./names.js";
import type { Outcome } from "./outcome.js";
import type { SourceRecord, State } from "./state.js";

export interface PlanOptions {
  again: boolean;
  retryUnknown: boolean;
}

/** What is to be done for an image. */
export interface Item {
  input: Input;
  state: State;
  source: string;
  image: string;
  /** What is known of the input from before. */
  record: SourceRecord | undefined;
  /** `order`: a task is to be made. `fetch`: there is one, whose result is to be fetched. */
  todo: "order" | "fetch";
  /** Why it is ordered a second time, where it is. */
  anew?: "unknown" | "gone" | undefined;
  /** What is to be said of the input once an earlier order of it is finished. */
  then?: Outcome | undefined;
  warning?: string | undefined;
}

/** Finds out what is to be done for an input, without sending anything. */
export async function plan(input: Input, state: State, options: PlanOptions): Promise<Item | Outcome> {
  const source = sourceOf(input, state.results);
  const record = await state.source(source);
  const digest = await read(input);
  if ("reason" in digest) {
    return finished(state, input, source, record, { input, status: "failed", ...digest });
  }
  const { image } = digest;
  if (record !== undefined && record.image !== image && !options.again) {
    const reason = "It has changed since it was ordered. Add --again to order it anew, which costs credits.";
    return finished(state, input, source, record, { input, status: "changed", reason });
  }
  const there = await resultOf(state, input, source, record, image);
  if (there !== undefined) return { input, status: "done", file: there, before: true };

  const item: Item = { input, state, source, image, record, todo: "order" };
  // Of what the sandbox made, only files are left.
  const order = state.isSandbox ? undefined : (await state.latest(image))?.order;
  switch (order?.state) {
    case "unknown":
      if (options.retryUnknown) item.anew = "unknown";
      else if (order.taskId !== undefined) return { ...item, todo: "fetch" };
      else if (order.holder === undefined) return unknown(input, order.reason);
      break;
    case "gone":
      if (options.again) item.anew = "gone";
      else item.todo = "fetch";
      break;
    case "made":
    case "done":
      return { ...item, todo: "fetch" };
  }
  const { refused, warning } = await check(await contentOf(input));
  if (refused !== undefined) {
    return { input, status: "failed", reason: refused.message, kind: refused.kind };
  }
  return { ...item, warning };
}

/** It is not known whether a task was made. */
export function unknown(input: Input, why: string | undefined): Outcome {
  const reason =
    `${why ?? "It was cut off while its task was being made."} ` +
    "Look at the account. Add --retry-unknown to order it anew, which may cost credits a second time.";
  return { input, status: "unknown", reason };
}

/** The image's digest, or why it cannot be read. */
async function read(input: Input): Promise<{ image: string } | { reason: string }> {
  if (input.problem !== undefined) return { reason: input.problem };
  try {
    return { image: await imageOf(input) };
  } catch (error) {
    return { reason: await sentenceOf(error, input.path ?? "") };
  }
}

/** An input that is not to be ordered as it is now. What was ordered before and is paid for is fetched all the same. */
async function finished(
  state: State,
  input: Input,
  source: string,
  record: SourceRecord | undefined,
  then: Outcome,
): Promise<Item | Outcome> {
  if (record === undefined || record.file !== undefined || state.isSandbox) return then;
  const order = (await state.latest(record.image))?.order;
  if (order === undefined || !["sending", "made", "done"].includes(order.state)) return then;
  return { input, state, source, image: record.image, record, todo: "fetch", then };
}

/** The result of an input, where it is there. */
async function resultOf(
  state: State,
  input: Input,
  source: string,
  record: SourceRecord | undefined,
  image: string,
): Promise<string | undefined> {
  if (record !== undefined) {
    if (record.image !== image || record.file === undefined) return undefined;
    const path = join(state.results, record.file);
    return (await isFile(path)) ? path : undefined;
  }
  // Its record is lost, or it was moved. A file of its name is not made again and not overwritten.
  for (const name of resultNames(relativeTo(state.results, input.stem), source, state.isSandbox)) {
    if (await state.isTaken(name, source)) continue;
    return existing(state, name);
  }
  return undefined;
}

/** The file of a result's name, whatever its ending. */
export async function existing(state: State, name: string): Promise<string | undefined> {
  for (const ending of ENDINGS) {
    const path = join(state.results, `${name}.${ending}`);
    if (await isFile(path)) return path;
  }
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
