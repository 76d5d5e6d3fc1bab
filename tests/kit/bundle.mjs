// @ts-check
// Bundles what a page loads to submit a job and wait for its result, of this client and of others alike.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build as esbuild } from "esbuild";
import { root } from "../../scripts/run.mjs";
import { client } from "../../scripts/wasm.mjs";

/** Where {@link bundle} leaves ours. */
export const folder = `${root}/target/size`;

/** What a user would write; `Upscaler` is exported, too, so that tests can ask more of the very files measured. */
const OURS = `
import { Upscaler } from "crisp-upscale";
export const upscale = (image, options) => new Upscaler(options).upscale(image);
export { Upscaler };
`;

/** The same of the others. */
const PEERS = {
  fal: `
import { fal } from "@fal-ai/client";
export const upscale = (image_url) => fal.subscribe("fal-ai/recraft/upscale/crisp", { input: { image_url } });
`,
  replicate: `
import Replicate from "replicate";
export const upscale = (image, options) =>
  new Replicate(options).run("recraft-ai/recraft-crisp-upscale", { input: { image } });
`,
  runway: `
import RunwayML from "@runwayml/sdk";
export const upscale = (imageUri, options) =>
  new RunwayML(options).imageUpscale.create({ imageUri, model: "magnific_precision_upscaler_v2" }).waitForTaskOutput();
`,
};

/** @typedef {{ raw: number, gzip: number, brotli: number }} Size in bytes */

/**
 * @typedef {object} File
 * @property {string} name its path in {@link folder}
 * @property {Uint8Array} bytes
 * @property {boolean} loaded in an ordinary run. What only an `import()` loads is not: it is the WebAssembly as
 *   JavaScript, for pages whose bundler did not copy the file
 */

/**
 * Bundles ours and leaves the files in {@link folder}. The page's entry is the first, `page.js`.
 *
 * @returns {Promise<File[]>}
 */
export async function bundle() {
  const built = await bundled(OURS, root);
  const files = built.map(({ path, ...file }) => ({ name: basename(path), ...file }));
  // Esbuild does not copy what `new URL(…, import.meta.url)` names, so its users do.
  const name = `wasm/${client.name}_bg.wasm`;
  files.push({ name, bytes: await readFile(`${root}/dist/${name}`), loaded: true });
  await rm(folder, { recursive: true, force: true });
  await mkdir(`${folder}/wasm`, { recursive: true });
  for (const { name, bytes } of files) await writeFile(`${folder}/${name}`, bytes);
  return files;
}

/** The sizes of ours and of its parts. */
export async function ours() {
  const files = await bundle();
  const loaded = files.filter(({ loaded }) => loaded);
  return {
    total: sizeOf(loaded),
    wasm: sizeOf(loaded.filter(({ name }) => name.endsWith(".wasm"))),
    javascript: sizeOf(loaded.filter(({ name }) => name.endsWith(".js"))),
    fallback: sizeOf(files.filter(({ loaded }) => !loaded)),
  };
}

/** What of the package is imported beside the client, by those who want it. */
const ENTRIES = ["ai-sdk", "react", "compare"];

/** The size of each further entry by itself, without React. */
export async function entries() {
  const sizes = ENTRIES.map(async (entry) => [
    `crisp-upscale/${entry}`,
    sizeOf(await bundled(`export * from "crisp-upscale/${entry}";`, root, ["react"])),
  ]);
  return /** @type {Record<string, Size>} */ (Object.fromEntries(await Promise.all(sizes)));
}

/** The sizes of the others, whose packages are installed in `bench`. */
export async function peers() {
  const sizes = Object.entries(PEERS).map(async ([name, contents]) => [
    name,
    sizeOf(await bundled(contents, `${root}/bench`)),
  ]);
  return /** @type {Record<keyof typeof PEERS, Size>} */ (Object.fromEntries(await Promise.all(sizes)));
}

/**
 * Bundles a page's script, minified, for a browser of today.
 *
 * @param {string} contents
 * @param {string} resolveDir where its imports are looked for; in ours, the package finds itself by its own name
 *   and `exports`
 * @param {string[]} [external]
 */
async function bundled(contents, resolveDir, external = []) {
  const { outputFiles, metafile } = await esbuild({
    stdin: { contents, resolveDir },
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    entryNames: "page",
    absWorkingDir: root,
    outdir: "target/size",
    write: false,
    metafile: true,
    external,
    logLevel: "warning",
  });
  const entry = "target/size/page.js";
  const loaded = new Set([entry]);
  for (const path of loaded) {
    for (const { kind, path: imported } of metafile.outputs[path]?.imports ?? []) {
      if (kind === "import-statement") loaded.add(imported);
    }
  }
  const isLoaded = (/** @type {string} */ path) => [...loaded].some((known) => path === `${root}/${known}`);
  return outputFiles
    .map(({ path, contents }) => ({ path, bytes: contents, loaded: isLoaded(path) }))
    .sort((a, b) => Number(b.path.endsWith(entry)) - Number(a.path.endsWith(entry)));
}

/**
 * Each file by itself, as a server sends it, and the sum.
 *
 * @param {{ bytes: Uint8Array }[]} files
 * @returns {Size}
 */
export function sizeOf(files) {
  const sum = (/** @type {(bytes: Uint8Array) => Uint8Array} */ sent) =>
    files.reduce((total, { bytes }) => total + sent(bytes).length, 0);
  return {
    raw: sum((bytes) => bytes),
    gzip: sum((bytes) => gzipSync(bytes, { level: 9 })),
    // Its quality is 11 by default.
    brotli: sum((bytes) => brotliCompressSync(bytes)),
  };
}
