import { createHash } from "node:crypto";
import { copyFile, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "../whole-file.js";
import { endingOf, relativeTo } from "./inputs.js";
import { resultNames, sha256 } from "./names.js";
import type { Order } from "./orders.js";
import { existing, type Item } from "./plan.js";
import type { SourceRecord, State } from "./state.js";

/** A result that was written: its path from the result folder, and the SHA-256 of its content. */
export interface Saved {
  file: string;
  sha256: string;
}

/** Settles what an input's result is called, before anything is sent. No other input's result gets that name. */
export async function settleName({ input, state, source, image, record }: Item): Promise<SourceRecord> {
  const kept = record ?? (await state.source(source));
  if (kept?.image === image) return kept;
  const name = kept?.name ?? (await freeName(state, relativeTo(state.results, input.stem), source));
  const settled: SourceRecord = {
    source,
    image,
    name,
    ...(kept?.file === undefined ? {} : { replaces: kept.file }),
  };
  await state.keepSource(settled);
  return settled;
}

async function freeName(state: State, stem: string, source: string): Promise<string> {
  const [plain, distinct] = resultNames(stem, source, state.isSandbox);
  if ((await existing(state, plain)) === undefined && (await state.takeName(plain, source))) return plain;
  await state.takeName(distinct, source);
  return distinct;
}

/** The result that a run wrote which ended before it could say so. */
export async function written(
  state: State,
  { name }: SourceRecord,
  order: Order,
): Promise<Saved | undefined> {
  const path = await existing(state, name);
  if (path === undefined || (await stat(path)).mtimeMs < (order.createdAt ?? Number.POSITIVE_INFINITY))
    return undefined;
  return { file: relativeTo(state.results, path), sha256: sha256(await readFile(path)) };
}

/** Writes a result under a temporary name, and renames it when it is whole and on the disk. */
export async function save(state: State, record: SourceRecord, image: string, blob: Blob): Promise<Saved> {
  const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const ending = endingOf(head);
  if (ending === undefined) throw new Error("The result is no image.");
  const path = join(state.results, `${record.name}.${ending}`);
  const temporary = await temporaryOf(path, image);
  const hash = createHash("sha256");
  try {
    const handle = await open(temporary, "w");
    try {
      for await (const chunk of blob.stream()) {
        hash.update(chunk);
        await handle.writeFile(chunk);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await finish(state, record, temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return { file: relativeTo(state.results, path), sha256: hash.digest("hex") };
}

/** Copies the result of another input with the same content, if it is as it was written. */
export async function copy(
  state: State,
  record: SourceRecord,
  image: string,
  { file, sha256: digest }: Order,
): Promise<Saved | undefined> {
  if (file === undefined || digest === undefined) return undefined;
  const from = join(state.results, file);
  const content = await readFile(from).catch(() => undefined);
  if (content === undefined || sha256(content) !== digest) return undefined;
  const path = join(state.results, `${record.name}.${file.slice(file.lastIndexOf(".") + 1)}`);
  const temporary = await temporaryOf(path, image);
  try {
    await copyFile(from, temporary);
    const handle = await open(temporary, "r+");
    await handle.sync().finally(() => handle.close());
    await finish(state, record, temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return { file: relativeTo(state.results, path), sha256: digest };
}

/** Only the holder of an image writes its result, so a crashed run's half of it is overwritten. */
async function temporaryOf(path: string, image: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  return join(dirname(path), `.crisp-upscale-${image.slice(0, 32)}.part`);
}

async function finish(state: State, record: SourceRecord, temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  await syncFolder(dirname(path));
  const { replaces, ...kept } = record;
  if (replaces !== undefined && join(state.results, replaces) !== path) {
    await rm(join(state.results, replaces), { force: true });
  }
  await state.keepSource({ ...kept, file: relativeTo(state.results, path) });
}
