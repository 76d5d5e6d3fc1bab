// @ts-check
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { bundleCommand } from "./command.mjs";
import { writeLicences } from "./licences.mjs";
import { Failed, root, run, script, step } from "./run.mjs";
import { toolchain } from "./toolchain.mjs";
import { client, compile, gateway, sandbox } from "./wasm.mjs";

const STAGES = 4;

/**
 * Says how far the build is.
 *
 * @param {number} stage
 * @param {string} text
 */
const say = (stage, text) => step(`[${stage}/${STAGES}] ${text}`);

/** Does all the set-up and builds all of `dist/`; what is there already is left alone. */
export async function build() {
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 20) throw new Failed(`This needs Node 20 or later; here is ${process.versions.node}.`);
  say(1, "Packages");
  await installPackages(root);
  say(2, "A compiler for WebAssembly");
  const tools = await toolchain();
  say(3, "The client, the sandbox and the gateway in WebAssembly (the first time takes some minutes)");
  // The sandbox and the gateway share a folder, in which Cargo lets one wait for the other.
  await Promise.all([client, sandbox, gateway].map((crate) => compile(crate, tools)));
  say(4, "The TypeScript, the command and the page");
  // Nothing is written where nothing has changed: another process may be reading, as tests do beside an `npm start`.
  const stamp = `${root}/dist/.made-from`;
  const hash = await hashOfSources();
  if (existsSync(stamp) && (await readFile(stamp, "utf8")) === hash) return;
  await rm(stamp, { force: true });
  for (const file of ["worker.js", "worker.d.ts"]) {
    await cp(`${root}/gateway/${file}`, `${root}/dist/${gateway.folder}/${file}`);
  }
  await writeLicences([client, sandbox, gateway], tools, await bundleCommand());
  await inline();
  await compileTypeScript();
  await bundleEntries();
  await bundlePage();
  await writeFile(stamp, hash);
}

/** What the last stage makes `dist/` from: files, and folders with all that is in them. */
const SOURCES = [
  "npm",
  "www",
  "scripts",
  "gateway/worker.js",
  "gateway/worker.d.ts",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "Cargo.lock",
];

/** A hash of `SOURCES` and of the three WebAssembly files. */
async function hashOfSources() {
  const hash = createHash("sha256");
  const wasm = [client, sandbox, gateway].map(({ folder, name }) => `dist/${folder}/${name}_bg.wasm`);
  for (const path of [...SOURCES, ...wasm]) {
    const isFolder = (await stat(`${root}/${path}`)).isDirectory();
    const entries = isFolder
      ? await readdir(`${root}/${path}`, { recursive: true, withFileTypes: true })
      : [];
    const within = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath}/${name}`);
    for (const file of isFolder ? within.sort() : [`${root}/${path}`]) {
      hash
        .update(file.slice(root.length))
        .update("\0")
        .update(await readFile(file))
        .update("\0");
    }
  }
  return hash.digest("hex");
}

/**
 * `npm ci` in a folder, unless it was done for its very lock file.
 *
 * @param {string} folder
 */
export async function installPackages(folder) {
  const lock = await readFile(`${folder}/package-lock.json`);
  const hash = createHash("sha256").update(lock).digest("hex");
  const stamp = `${folder}/node_modules/.installed`;
  if (existsSync(stamp) && (await readFile(stamp, "utf8")) === hash) return;
  await run("npm", ["ci", "--no-audit", "--no-fund", "--prefix", folder]);
  await writeFile(stamp, hash);
}

/** The wasm as a module, for pages whose bundler does not copy the file; loaded only then. */
async function inline() {
  const bytes = await readFile(`${root}/dist/wasm/${client.name}_bg.wasm`);
  const module = `export const base64 = "${bytes.toString("base64")}";\n`;
  await writeFile(`${root}/dist/wasm/inline.js`, module);
  await writeFile(`${root}/dist/wasm/inline.d.ts`, "export const base64: string;\n");
}

/** Leaves the JavaScript and the types of `npm/` in `dist/`. */
async function compileTypeScript() {
  // The types of the WebAssembly import those beside them, and would find the last build's.
  for (const file of await readdir(`${root}/dist`)) {
    if (/\.(js|ts|map)$/.test(file)) await rm(`${root}/dist/${file}`);
  }
  await run(`${root}/node_modules/.bin/tsc`, ["-p", "tsconfig.json"]);
}

/** The runtimes with a loader of their own, by the condition under which package.json names it. Others have the browser's. */
async function runtimes() {
  const { imports } = JSON.parse(await readFile(`${root}/package.json`, "utf8"));
  return Object.keys(imports["#loader"]).map((condition) =>
    condition === "default" ? "browser" : condition,
  );
}

/** Modules that other entries import as well: whatever they are imported by, an `UpscaleError` is of one class. */
const SHARED = ["errors.js", "bytes.js"];

/**
 * One file for each runtime, which starts quicker than thirty modules. What `import()` imports is part of it, and is
 * not evaluated before.
 */
async function bundleEntries() {
  const { build: bundle } = await import("esbuild");
  /** @type {Set<string>} */
  const parts = new Set(["dist/boundary.js", "dist/types.js"]);
  for (const runtime of await runtimes()) {
    const { metafile } = await bundle({
      absWorkingDir: root,
      entryPoints: { [runtime]: "dist/index.js" },
      outdir: "dist",
      bundle: true,
      format: "esm",
      target: "es2022",
      platform: "neutral",
      conditions: [runtime],
      external: [
        "node:*",
        "./wasm/inline.js",
        "*.wasm",
        "*.wasm?module",
        ...SHARED.map((file) => `./${file}`),
      ],
      sourcemap: true,
      metafile: true,
      logLevel: "warning",
    });
    for (const part of Object.keys(metafile.inputs)) parts.add(part);
    await writeFile(`${root}/dist/${runtime}.d.ts`, 'export * from "./index.js";\n');
  }
  for (const part of parts) {
    if (part.startsWith("dist/wasm/")) continue;
    for (const file of [part, `${part}.map`]) await rm(`${root}/${file}`);
  }
}

async function bundlePage() {
  const { build: bundle } = await import("esbuild");
  const www = `${root}/dist/www`;
  await rm(www, { recursive: true, force: true });
  await bundle({
    entryPoints: [`${root}/www/main.ts`],
    outdir: www,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    sourcemap: true,
    logLevel: "warning",
  });
  for (const file of ["index.html", "style.css", "favicon.svg", "_headers", "samples"]) {
    await cp(`${root}/www/${file}`, `${www}/${file}`, { recursive: true });
  }
  await cp(`${root}/dist/wasm/${client.name}_bg.wasm`, `${www}/wasm/${client.name}_bg.wasm`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await script(async () => {
    await build();
    step("dist/ is built");
  });
}
