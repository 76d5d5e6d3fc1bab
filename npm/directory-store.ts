import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Store } from "./store.js";
import { codeOf, createFile, replaceFile, TEMPORARY } from "./whole-file.js";

const ENTRY = /^([0-9a-f]{64})\.json$/;
/** The name by which an entry is listed whose own name cannot be read. It counts as an attempt of this package. */
const UNREADABLE = "crisp-upscale/unreadable-";
/** How many files may be open at a time. */
const MAX_OPEN = 16;
/** How old a file is that a crashed process began to write and nobody finishes, in milliseconds. */
const ABANDONED = 60 * 60 * 1000;

/**
 * A store in a folder, for Node, Deno and Bun. Several processes may share it: `putIfAbsent` is atomic among them.
 *
 * Each entry is a JSON file, `{"name": …, "text": …}`, called after the SHA-256 of its name. Only its owner can read it.
 * It is on the disk before the promise is fulfilled. An entry that a crash has cut off counts as an attempt whose outcome
 * is unknown; it is listed as such and never used anew.
 *
 * @param path The folder, which no one else may use. It is created when it is first needed.
 */
export function directoryStore(path: string | URL): Required<Store> {
  const folder = resolve(path instanceof URL ? fileURLToPath(path) : path);
  const limited = limit(MAX_OPEN);
  let opening: Promise<void> | undefined;

  const use = async <T>(work: () => Promise<T>): Promise<T> => {
    opening ??= prepare(folder).catch((error) => {
      opening = undefined;
      throw error;
    });
    await opening;
    return limited(work);
  };

  return {
    get: (name) => use(async () => (await read(folder, fileOf(name)))?.text),
    set: (name, text) => use(() => replaceFile(folder, fileOf(name), contentOf(name, text))),
    delete: (name) => use(() => rm(join(folder, fileOf(name)), { force: true })),
    putIfAbsent: (name, text) => use(() => createFile(folder, fileOf(name), contentOf(name, text))),
    keys: async () => {
      const files = await use(() => readdir(folder));
      const entries = await Promise.all(
        files.filter((file) => ENTRY.test(file)).map((file) => use(() => read(folder, file))),
      );
      return entries.flatMap((entry) => (entry === undefined ? [] : [entry.name]));
    },
  };
}

interface Entry {
  name: string;
  text: string;
}

const contentOf = (name: string, text: string) => `${JSON.stringify({ name, text })}\n`;

function fileOf(name: string): string {
  if (name.startsWith(UNREADABLE)) {
    const file = `${name.slice(UNREADABLE.length)}.json`;
    if (ENTRY.test(file)) return file;
  }
  return `${createHash("sha256").update(name).digest("hex")}.json`;
}

/** The entry in a file; `undefined` where there is no file. */
async function read(folder: string, file: string): Promise<Entry | undefined> {
  let content: string;
  try {
    content = await readFile(join(folder, file), "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { name, text }: Entry = JSON.parse(content);
    if (typeof name === "string" && typeof text === "string") return { name, text };
  } catch {
    // It was cut off.
  }
  return { name: UNREADABLE + file.replace(ENTRY, "$1"), text: content };
}

/** Makes the folder, and removes what crashed processes have not finished writing. */
async function prepare(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const file of await readdir(folder)) {
    if (!file.startsWith(TEMPORARY)) continue;
    const path = join(folder, file);
    try {
      if (Date.now() - (await stat(path)).mtimeMs > ABANDONED) await rm(path, { force: true });
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
}

/** Lets so many calls run at a time, first come, first served. */
function limit(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
