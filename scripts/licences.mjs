// @ts-check
// Writes `dist/THIRD-PARTY-LICENSES.txt`: the authors and licences of what is in the wasm files and the command.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { root, run } from "./run.mjs";
import { command } from "./wasm.mjs";

/** What the licence files of a crate are called. */
const FILE = /^(licen[cs]e|copying|copyright|notice|unlicense)/i;

/**
 * @typedef {object} Dependency
 * @property {string} name of the crate
 * @property {string} version
 * @property {string} licence an SPDX expression
 * @property {string[]} texts of the licence; empty where its source has none and Apache-2.0 is not among the terms
 */

/**
 * Leaves `dist/THIRD-PARTY-LICENSES.txt`.
 *
 * @param {import("./wasm.mjs").Crate[]} crates
 * @param {import("./toolchain.mjs").Toolchain} tools
 * @param {string[]} packages of npm that the command is bundled with
 */
export async function writeLicences(crates, tools, packages) {
  /** @type {Map<string, Dependency & { files: string[] }>} */
  const all = new Map();
  for (const crate of crates) {
    for (const dependency of await dependencies(crate, tools)) {
      const { files } = all.get(titleOf(dependency)) ?? { files: [] };
      all.set(titleOf(dependency), { ...dependency, files: [...files, `${crate.name}_bg.wasm`] });
    }
  }
  for (const name of packages) {
    const dependency = await bundled(name);
    all.set(titleOf(dependency), { ...dependency, files: ["cli"] });
  }
  const sorted = [...all].sort(([one], [other]) => (one < other ? -1 : 1));
  /** @type {Map<string, { text: string, titles: string[] }>} who has a text, by its words */
  const holders = new Map();
  for (const [title, { texts }] of sorted) {
    for (const text of texts) {
      const { titles } = holders.get(wordsOf(text)) ?? { titles: [] };
      holders.set(wordsOf(text), { text, titles: [...titles, title] });
    }
  }
  const line = "-".repeat(80);
  const parts = [
    "What others wrote that is compiled into the WebAssembly of crisp-upscale or bundled with its command, on what terms, and in which files.",
    sorted.map(([title, { licence, files }]) => `${title}\n  ${licence}\n  ${files.join(", ")}`).join("\n"),
    ...[...holders.values()].map(
      ({ text, titles }) => `${line}\n${titles.join("\n")}\n${line}\n\n${text.trim()}`,
    ),
  ];
  await writeFile(`${root}/dist/THIRD-PARTY-LICENSES.txt`, `${parts.join("\n\n")}\n`);
}

/** @param {string} text which crates differ in how they break and indent */
export const wordsOf = (text) => text.replaceAll(/\s+/g, " ").trim();

/** @param {Dependency} dependency */
export const titleOf = ({ name, version }) => `${name} ${version}`;

/**
 * The crates of others that are compiled into a wasm, the standard library's with them. Cargo itself tells: what it
 * built for wasm32, and not what ran while it built.
 *
 * @param {import("./wasm.mjs").Crate} crate
 * @param {import("./toolchain.mjs").Toolchain} tools
 * @returns {Promise<Dependency[]>}
 */
export async function dependencies(crate, tools) {
  const { args, env } = command(crate, tools);
  const output = await run(tools.cargo, [...args, "--message-format=json"], { env, quiet: true });
  const compiler = /\d[\d.]*/.exec(await run(tools.rustc, ["--version"], { quiet: true }))?.[0] ?? "";
  /** @type {Map<string, Promise<Dependency>>} by the path of its Cargo.toml */
  const found = new Map();
  for (const text of output.split("\n").filter((text) => text.startsWith("{"))) {
    const { reason, package_id: id, manifest_path: manifest, filenames } = JSON.parse(text);
    if (reason !== "compiler-artifact" || manifest.startsWith(`${root}/`)) continue;
    if (!filenames.some((/** @type {string} */ file) => file.includes("/wasm32-unknown-unknown/"))) continue;
    // Of what is not ours, only the standard library comes from a folder.
    found.set(manifest, dependency(manifest, id.startsWith("path+") ? compiler : undefined));
  }
  return Promise.all(found.values());
}

/**
 * @param {string} manifest the path of its Cargo.toml
 * @param {string | undefined} compiler the version of Rust, where the crate is of its standard library
 * @returns {Promise<Dependency>}
 */
async function dependency(manifest, compiler) {
  const toml = await readFile(manifest, "utf8");
  const field = (/** @type {string} */ name) => RegExp(`^${name} = "(.*)"`, "m").exec(toml)?.[1] ?? "";
  const folder = dirname(manifest);
  let texts = await textsIn(folder);
  let [version, licence] = [field("version"), field("license")];
  if (compiler !== undefined) {
    version = `of Rust ${compiler}`;
    // As the whole of it is, where a crate of it says nothing.
    licence ||= "MIT OR Apache-2.0";
    if (texts.length === 0) texts = await textsIn(dirname(folder));
  }
  // Ours has no name in it, so it is anybody's.
  if (texts.length === 0 && /\bApache-2\.0\b(?! WITH)/.test(licence)) {
    texts = [await readFile(`${root}/LICENSE-APACHE`, "utf8")];
  }
  return { name: field("name"), version, licence: licence.replaceAll("/", " OR "), texts };
}

/**
 * A package of npm, as it is bundled.
 *
 * @param {string} name
 * @returns {Promise<Dependency>}
 */
export async function bundled(name) {
  const folder = `${root}/node_modules/${name}`;
  const { version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
  return { name, version, licence: license, texts: await textsIn(folder) };
}

/** @param {string} folder */
async function textsIn(folder) {
  const files = (await readdir(folder)).filter((file) => FILE.test(file)).sort();
  return Promise.all(files.map((file) => readFile(`${folder}/${file}`, "utf8")));
}
