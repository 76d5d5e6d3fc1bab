// @ts-check
import { readdir, readFile } from "node:fs/promises";
import { extname, relative, sep } from "node:path";

const TYPES = new Map([
  [".css", "text/css; charset=utf-8"],
  [".html", "text/html; charset=utf-8"],
  [".jpg", "image/jpeg"],
  [".js", "text/javascript; charset=utf-8"],
  [".map", "application/json"],
  [".png", "image/png"],
  [".svg", "image/svg+xml"],
  [".wasm", "application/wasm"],
  [".webp", "image/webp"],
]);

/**
 * Reads a folder once and answers from memory, so that no path can reach anything else.
 *
 * @param {string} folder
 * @returns {Promise<(path: string) => { body: Buffer<ArrayBuffer>, type: string } | undefined>}
 */
export async function folderOf(folder) {
  const files = new Map();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES.get(extname(entry.name));
    if (!entry.isFile() || type === undefined) continue;
    const file = `${entry.parentPath}/${entry.name}`;
    // As it stands in a URL: a name may have spaces.
    const path = encodeURI(`/${relative(folder, file).split(sep).join("/")}`);
    files.set(path === "/index.html" ? "/" : path, { body: await readFile(file), type });
  }
  return (path) => files.get(path);
}
