// @ts-check
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/**
 * A store in a file, which outlives its process.
 *
 * @param {string} path
 * @returns {Required<import("crisp-upscale").Store>}
 */
export function fileStore(path) {
  /** @returns {Map<string, string>} */
  const read = () => new Map(existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : []);
  /** @param {(map: Map<string, string>) => void} change */
  const write = (change) => {
    const map = read();
    change(map);
    writeFileSync(path, JSON.stringify([...map]));
  };
  return {
    get: (name) => read().get(name),
    set: (name, text) => write((map) => map.set(name, text)),
    delete: (name) => write((map) => map.delete(name)),
    keys: () => [...read().keys()],
    putIfAbsent: (name, text) => {
      if (read().has(name)) return false;
      write((map) => map.set(name, text));
      return true;
    },
  };
}
