// @ts-check
// Dependencies are pinned, without a source of their own, and named with their licences. And what is published of
// this project.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { packagesOfCommand } from "../../scripts/command.mjs";
import { bundled, dependencies, titleOf, wordsOf } from "../../scripts/licences.mjs";
import { root, run } from "../../scripts/run.mjs";
import { toolchain } from "../../scripts/toolchain.mjs";
import { client, gateway, sandbox } from "../../scripts/wasm.mjs";

/** What the commands make, and what they install. */
const MADE = new Set([".git", "dist", "node_modules", "output", "target"]);

/**
 * Where there are files of this name, in what is written by hand.
 *
 * @param {string} name
 * @param {string} [folder]
 * @returns {Promise<string[]>}
 */
async function named(name, folder = root) {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = entries.map((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() && !MADE.has(entry.name)) return named(name, path);
    return entry.isFile() && entry.name === name ? [path] : [];
  });
  return (await Promise.all(found)).flat();
}

test("npm's lock files pin what they name, and name no host", async () => {
  const paths = await named("package-lock.json");
  assert.ok(paths.length > 1);
  for (const path of paths) {
    const text = await readFile(path, "utf8");
    assert.doesNotMatch(text, /"resolved": "[a-z+]+:/, path);
    for (const [name, { link, inBundle, integrity }] of Object.entries(JSON.parse(text).packages)) {
      if (!name.includes("node_modules/") || link || inBundle) continue;
      assert.match(String(integrity), /^sha512-/, `${path}: ${name}`);
    }
  }
});

test("Cargo's lock files pin what they name, and name the one registry by its name alone", async () => {
  const paths = await named("Cargo.lock");
  assert.ok(paths.length > 0);
  for (const path of paths) {
    const text = await readFile(path, "utf8");
    const sources = [...text.matchAll(/^source = "(.*)"$/gm)].map(([, source]) => source);
    assert.deepEqual([...new Set(sources)], ["registry+https://github.com/rust-lang/crates.io-index"], path);
    assert.equal([...text.matchAll(/^checksum = "[0-9a-f]{64}"$/gm)].length, sources.length, path);
  }
});

test("every crate that is compiled in is named in the package with the text of its licence", async () => {
  const file = wordsOf(await readFile(`${root}/dist/THIRD-PARTY-LICENSES.txt`, "utf8"));
  const tools = await toolchain();
  for (const crate of [client, sandbox, gateway]) {
    const all = await dependencies(crate, tools);
    assert.ok(all.some(({ name }) => name === "wasm-bindgen") && all.some(({ name }) => name === "std"));
    for (const dependency of all) {
      const title = titleOf(dependency);
      assert.ok(file.includes(` ${title} ${dependency.licence} crisp_upscale`), title);
      assert.ok(dependency.texts.length > 0, `${title} comes without a text, under ${dependency.licence}`);
      for (const text of dependency.texts) assert.ok(file.includes(wordsOf(text)), title);
    }
  }
  const packages = await packagesOfCommand({ write: false });
  assert.ok(packages.includes("log-update"));
  for (const name of packages) {
    const dependency = await bundled(name);
    const { texts } = dependency;
    assert.ok(file.includes(` ${titleOf(dependency)} ${dependency.licence} cli`), name);
    assert.ok(texts.length > 0, `${name} comes without a text`);
    for (const text of texts) assert.ok(file.includes(wordsOf(text)), name);
  }
  const [{ files }] = JSON.parse(await run("npm", ["pack", "--dry-run", "--json"], { quiet: true }));
  assert.ok(files.some(({ path = "" }) => path === "dist/THIRD-PARTY-LICENSES.txt"));
});

test("what is compiled in is on terms that deny.toml allows", async () => {
  const list = /^allow = \[([^\]]*)\]/m.exec(await readFile(`${root}/deny.toml`, "utf8"))?.[1] ?? "";
  const allowed = new Set([...list.matchAll(/"(.*)"/g)].map(([, licence]) => licence));
  assert.ok(allowed.has("MIT"));
  const tools = await toolchain();
  for (const crate of [client, sandbox, gateway]) {
    for (const { name, licence } of await dependencies(crate, tools)) {
      assert.ok(satisfies(licence, allowed), `${name}: ${licence}`);
    }
  }
  for (const name of await packagesOfCommand({ write: false })) {
    const { licence } = await bundled(name);
    assert.ok(satisfies(licence, allowed), `${name}: ${licence}`);
  }
  assert.ok(satisfies("GPL-3.0-only OR (MIT AND Zlib)", allowed));
  assert.ok(!satisfies("(GPL-3.0-only OR MIT) AND MPL-2.0", allowed));
});

/**
 * Whether one may take these licences alone and keep to an SPDX expression. AND binds closer than OR.
 *
 * @param {string} expression
 * @param {Set<string | undefined>} allowed
 * @returns {boolean}
 */
function satisfies(expression, allowed) {
  const inner = /\(([^()]*)\)/.exec(expression);
  if (inner !== null) {
    const [whole, part = ""] = inner;
    return satisfies(expression.replace(whole, satisfies(part, allowed) ? "yes" : "no"), allowed);
  }
  const one = (/** @type {string} */ licence) => licence.trim() === "yes" || allowed.has(licence.trim());
  return expression.split(" OR ").some((either) => either.split(" AND ").every(one));
}

test("the crates have their sources, their licences and nothing else", async () => {
  for (const [name, more] of /** @type {const} */ ([
    ["crisp-upscale-core", []],
    [
      "crisp-upscale",
      ["README.md", ...["exchange", "file", "lease", "random", "waits"].map((name) => `src/js/${name}.js`)],
    ],
  ])) {
    const list = await run("cargo", ["package", "--list", "--allow-dirty", "--offline", "-p", name], {
      quiet: true,
    });
    const files = list.split("\n").filter((line) => /^[\w./-]+$/.test(line));
    const expected = [
      "Cargo.lock",
      "Cargo.toml",
      "Cargo.toml.orig",
      "LICENSE-APACHE",
      "LICENSE-MIT",
      ...more,
    ];
    const others = files.filter((path) => !/^src\/.*\.rs$/.test(path) && path !== ".cargo_vcs_info.json");
    assert.deepEqual(others.sort(), expected.sort(), name);
    assert.ok(files.includes("src/lib.rs"), name);
  }
});
