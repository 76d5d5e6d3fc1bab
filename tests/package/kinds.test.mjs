// @ts-check
// The kinds of errors stand in three places: in Rust, in the types, and in the guide.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { root } from "../../scripts/run.mjs";

/** @param {string} file */
const read = (file) => readFile(`${root}/${file}`, "utf8");

/**
 * The words that a pattern finds in a part of a text, in order.
 *
 * @param {string} text
 * @param {RegExp} part
 * @param {RegExp} word
 */
function words(text, part, word) {
  const [found] = part.exec(text) ?? assert.fail(`${part} is not found`);
  return [...found.matchAll(word)].map(([, one = ""]) => one).sort();
}

test("the kinds of errors are the same in Rust, in the types and in the guide", async () => {
  const rust = words(
    await read("core/src/failure.rs"),
    /fn as_str[\s\S]*?\n {4}\}\n/,
    /Kind::\w+ => "(.*?)"/g,
  );
  const types = words(await read("npm/errors.ts"), /export type ErrorKind =[\s\S]*?;\n/, /^ {2}\| "(.*?)"/gm);
  const guide = await read("docs/guide/errors.md");
  const rows = [...guide.matchAll(/^\| (`.*?) \|/gm)].map(([, cell = ""]) => cell);
  const documented = rows.flatMap((cell) => cell.split(", ").map((kind) => kind.replaceAll("`", "")));
  assert.ok(rust.length > 15);
  assert.deepEqual(types, rust);
  assert.deepEqual(documented.filter((kind) => kind !== "kind").sort(), rust);
});
