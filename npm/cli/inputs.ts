import { createHash } from "node:crypto";
import { createReadStream, type Dirent, openAsBlob } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { codeOf } from "../whole-file.js";
import { isResult, nameOfUrl, sha256, stemOf } from "./names.js";
import { STATE_FOLDERS } from "./where.js";

/** An image to be enlarged, or what was named in place of one. */
export interface Input {
  /** As the user knows it: a path or a URL. */
  name: string;
  /** Where the result goes: a folder. */
  out: string;
  /** The path of the result without what is added to it. */
  stem: string;
  /** The file's path; `undefined` of a URL. */
  path?: string;
  url?: string;
  /** Why it is no image, where that is known already. */
  problem?: string;
}

export interface Gathered {
  inputs: Input[];
  /** Results of this command, which are left out. */
  results: string[];
  /** How many files in folders are no images. */
  others: number;
}

export interface GatherOptions {
  out: string | undefined;
  recursive: boolean;
  includeResults: boolean;
}

/** The endings of images, also of such as the service does not take: they are named, and not left out in silence. */
const IMAGE = /\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|heic|heif|avif|jxl)$/i;

/** What the arguments and the list name, each once, in their order. */
export async function gather(names: string[], options: GatherOptions): Promise<Gathered> {
  const gathered: Gathered = { inputs: [], results: [], others: 0 };
  const seen = new Set<string>();
  const add = (input: Input) => {
    const key = input.url ?? resolve(input.path ?? "");
    if (seen.has(key)) return;
    seen.add(key);
    if (!options.includeResults && isResult(basename(input.path ?? ""))) gathered.results.push(input.name);
    else gathered.inputs.push(input);
  };
  for (const name of names) {
    if (/^https?:\/\//i.test(name)) add(urlInput(name, options.out ?? "."));
    else await addPath(name, options, add, gathered);
  }
  return gathered;
}

function urlInput(name: string, out: string): Input {
  if (!URL.canParse(name))
    return { name, out, stem: join(out, "image"), url: name, problem: "It is no URL." };
  const url = new URL(name);
  return { name, out, stem: join(out, stemOf(nameOfUrl(url))), url: url.href };
}

function fileInput(path: string, out: string | undefined, under: string, problem?: string): Input {
  const folder = out === undefined ? dirname(path) : join(out, under);
  return {
    ...{ name: path, path, out: out ?? folder, stem: join(folder, stemOf(basename(path))) },
    ...(problem === undefined ? {} : { problem }),
  };
}

/** What an input is called in a state: the same in every run, wherever it is started from, and after a move of both. */
export function sourceOf({ path, url }: Input, results: string): string {
  return path === undefined ? (url ?? "") : relativeTo(results, path);
}

/** A path as it is written in a state. */
export function relativeTo(results: string, path: string): string {
  return relative(results, resolve(path)).split(sep).join("/");
}

async function addPath(
  path: string,
  options: GatherOptions,
  add: (input: Input) => void,
  gathered: Gathered,
): Promise<void> {
  const problem = (text: string) => add(fileInput(path, options.out, "", text));
  let isFolder: boolean;
  try {
    const found = await stat(path);
    isFolder = found.isDirectory();
    if (!isFolder && !found.isFile()) return problem("It is neither a file nor a folder.");
  } catch (error) {
    return problem(await sentenceOf(error, path));
  }
  if (!isFolder) return add(fileInput(path, options.out, ""));
  if (!options.recursive) return problem("It is a folder. Add --recursive to take the images in it.");
  await walk(path, "", new Set(), options, add, gathered);
}

/** Reads a folder in the order of the names; follows links, but into no folder twice. */
async function walk(
  folder: string,
  under: string,
  visited: Set<string>,
  options: GatherOptions,
  add: (input: Input) => void,
  gathered: Gathered,
): Promise<void> {
  let entries: Dirent[];
  try {
    const real = await realpath(folder);
    if (visited.has(real)) return;
    visited.add(real);
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    return add(fileInput(folder, options.out, under, await sentenceOf(error, folder)));
  }
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const { name } of entries) {
    if (name.startsWith(".") || STATE_FOLDERS.includes(name)) continue;
    const path = join(folder, name);
    const isImage = IMAGE.test(name);
    try {
      const found = await stat(path);
      if (found.isDirectory()) {
        // The results of a run into a folder inside are none of its inputs; their names say so.
        await walk(path, join(under, name), visited, options, add, gathered);
      } else if (found.isFile() && (isImage || (await beginsAsImage(path)))) {
        add(fileInput(path, options.out, under));
      } else if (isImage) add(fileInput(path, options.out, under, "It is neither a file nor a folder."));
      else gathered.others += 1;
    } catch (error) {
      if (isImage) add(fileInput(path, options.out, under, await sentenceOf(error, path)));
      else gathered.others += 1;
    }
  }
}

/** Whether a file of any name begins as an image does that the service takes. */
async function beginsAsImage(path: string): Promise<boolean> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(12), 0, 12, 0);
    return endingOf(buffer.subarray(0, bytesRead)) !== undefined;
  } finally {
    await handle.close();
  }
}

/** The ending of an image by its first bytes; `undefined` where it is none that the service takes or makes. */
export function endingOf(bytes: Uint8Array): "jpg" | "png" | "webp" | undefined {
  const text = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  if (text.startsWith("\xff\xd8\xff")) return "jpg";
  if (text.startsWith("\x89PNG")) return "png";
  return text.startsWith("RIFF") && text.slice(8) === "WEBP" ? "webp" : undefined;
}

/** What an error of the file system means for the user. */
export async function sentenceOf(error: unknown, path: string): Promise<string> {
  switch (codeOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return (await isLink(path)) ? "It is a link that leads nowhere." : "There is no such file.";
    case "EACCES":
    case "EPERM":
      return "It may not be read. Check its permissions.";
    case "ELOOP":
      return "It is a link that leads in a circle.";
    case "ENAMETOOLONG":
      return "Its name is too long for the file system.";
    default:
      return `It cannot be read: ${error instanceof Error ? error.message : error}`;
  }
}

async function isLink(path: string): Promise<boolean> {
  const { lstat } = await import("node:fs/promises");
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

/** Of a file that is larger no more is read, in bytes: the service does not take it anyway. */
const MOST = 64 * 1024 * 1024;

/** What tells one image from all others: a digest of the file, or of its URL. */
export async function imageOf({ path, url = "" }: Input): Promise<string> {
  if (path === undefined) return sha256(`url ${url}`);
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { end: MOST - 1 }), hash);
  return hash.digest("hex");
}

/**
 * The file, or the URL. A file's content stays on the disk. Where it changes before it is sent, Node cannot read it any
 * more, and Bun sends what is there then; the next run says that it has changed.
 */
export async function contentOf({ path, url = "" }: Input): Promise<Blob | string> {
  return path === undefined ? url : openAsBlob(path);
}

/** A list of names: with a line each, or, as of `find -print0`, with a zero byte after each. */
export function namesIn(list: string): string[] {
  const names = list.includes("\0")
    ? list.split("\0")
    : list.split("\n").map((line) => line.replace(/\r$/, ""));
  return names.filter((name) => name !== "");
}
