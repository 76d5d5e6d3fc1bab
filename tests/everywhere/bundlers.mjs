// @ts-check
// Builds the same project with each bundler, without a plug-in or configuration made for the package, and runs the
// result.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { installPackages } from "../../scripts/build.mjs";
import { root } from "../../scripts/run.mjs";
import { devServer, filesOf, inChromium, inProcess, inWorkerd, output, site, TOOLS } from "./start.mjs";

/**
 * Builds in a copy of the project, and says where the site is.
 *
 * @typedef {(folder: string) => Promise<string>} Build
 */

const POLICY = { "content-security-policy": "script-src 'self' 'wasm-unsafe-eval'" };

/** Forbids to fetch what is neither on this machine's servers nor by http. */
const LIBRARY_POLICY = {
  "content-security-policy": "script-src 'self' 'wasm-unsafe-eval'; connect-src http:",
};

const VITES = [6, 7, 8];

/**
 * @param {import("./project.mjs").Project} project
 * @param {import("playwright-core").Browser} chromium
 * @param {Awaited<ReturnType<typeof import("../../scripts/runtimes.mjs").runtimes>>} paths
 * @returns {import("./start.mjs").Row[]}
 */
export function bundlerRows({ copy }, chromium, { node20, node24, workerd }) {
  /** @type {(name: string, build: Build, headers?: Record<string, string>) => import("./start.mjs").Row} */
  const page = (name, build, headers) => ({
    name,
    prepare: async () => inChromium(chromium, site(await build(await copy(name)), "/", headers)),
  });
  return [
    ...VITES.flatMap((major) => [
      {
        name: `Vite ${major}, dev`,
        prepare: async () => {
          const copied = await copy(`Vite ${major}, dev`);
          return inChromium(chromium, devServer(copied, [...vite(major), "--host=127.0.0.1"]));
        },
      },
      page(`Vite ${major}, build`, viteBuild(major)),
      page(`Vite ${major}, build, Web Worker`, withEntry("page-of-worker.js", viteBuild(major))),
      page(`Vite ${major}, build, own URL`, withEntry("own-url.js", viteBuild(major))),
    ]),
    page("webpack", webpack()),
    page("webpack, Web Worker", webpack("./src/page-of-worker.js")),
    page("Rspack 2", rspack),
    page("Parcel 2", parcel),
    ...VITES.flatMap((major) =>
      ["umd", "iife"].map((format) =>
        page(`Vite ${major}, library, ${format}, under a policy`, viteLibrary(major, format), LIBRARY_POLICY),
      ),
    ),
    page("Rollup", rollup),
    page("esbuild", esbuild()),
    page("esbuild, splitting", esbuild("--splitting")),
    page("Vite 8, build, under a policy", viteBuild(8), POLICY),
    page("Rollup, under a policy", rollup, POLICY),
    {
      name: "esbuild for Node, as CommonJS",
      async prepare() {
        const copied = await copy("esbuild-node");
        const args = ["process.cjs", "--bundle", "--platform=node", "--outfile=out/process.cjs"];
        await output(copied, [ESBUILD, ...args]);
        return inProcess(copied, [node20, "out/process.cjs"]);
      },
    },
    {
      // Not in Vercel's own, which cannot be had here; workerd refuses to compile bytes just as it does.
      name: "edge-light by esbuild, in workerd",
      async prepare() {
        const copied = await copy("edge-light");
        const args = ["worker.js", "--bundle", "--format=esm", "--outdir=out", "--loader:.wasm=copy"];
        await output(copied, [ESBUILD, ...args, "--conditions=edge-light"]);
        return inWorkerd(
          workerd,
          join(copied, "out"),
          await built(join(copied, "out"), "worker.js", "?module"),
        );
      },
    },
    ...["worker.js", "own-module.js"].map((worker) => ({
      name: `wrangler, ${worker === "worker.js" ? "" : "own module, "}in workerd`,
      async prepare() {
        const copied = await copy(`wrangler, ${worker}`);
        const args = ["deploy", worker, "--dry-run", "--outdir=out", "--name=conformance"];
        const wrangler = `${root}/node_modules/wrangler/bin/wrangler.js`;
        await output(copied, [node24, wrangler, ...args, "--compatibility-date=2024-06-01"]);
        return inWorkerd(workerd, join(copied, "out"), await built(join(copied, "out"), worker));
      },
    })),
  ];
}

const ESBUILD = `${TOOLS}/.bin/esbuild`;

const vite = (/** @type {number} */ major) => [process.execPath, `${TOOLS}/vite-${major}/bin/vite.js`];

/** @type {(major: number) => Build} */
const viteBuild = (major) => async (folder) => {
  await output(folder, [...vite(major), "build"]);
  return join(folder, "dist");
};

/** A library with the package in it. @type {(major: number, format: string) => Build} */
const viteLibrary = (major, format) => async (folder) => {
  // In a package of ES modules, Vite would name a UMD library `.cjs`, which no server takes for a script.
  const lib = `{ entry: "src/index.js", name: "library", formats: ["${format}"], fileName: () => "library.js" }`;
  await writeFile(join(folder, "vite.config.js"), `export default { build: { lib: ${lib} } };\n`);
  await output(folder, [...vite(major), "build"]);
  return writePage(join(folder, "dist"), '<script defer src="library.js"></script>');
};

/** @type {Build} */
const rspack = async (folder) => {
  const tools = `${root}/tests/everywhere/rspack-2`;
  await installPackages(tools);
  const args = ["build", "--entry=./src/index.js", "--mode=production"];
  await output(folder, [process.execPath, `${tools}/node_modules/@rspack/cli/bin/rspack.js`, ...args]);
  return writePage(join(folder, "dist"), '<script defer src="main.js"></script>');
};

/** @type {Build} */
const parcel = async (folder) => {
  const tools = `${root}/tests/everywhere/parcel-2`;
  await installPackages(tools);
  const args = ["build", "index.html", "--no-cache", "--dist-dir=out"];
  await output(folder, [process.execPath, `${tools}/node_modules/parcel/lib/bin.js`, ...args]);
  return join(folder, "out");
};

/** The same with another script in the page. @type {(script: string, build: Build) => Build} */
const withEntry = (script, build) => async (folder) => {
  await writePage(folder, `<script type="module" src="/src/${script}"></script>`);
  return build(folder);
};

/** @type {(entry?: string) => Build} */
const webpack =
  (entry = "./src/index.js") =>
  async (folder) => {
    await output(folder, [process.execPath, `${TOOLS}/webpack/bin/webpack.js`, entry, "--mode=production"]);
    return writePage(join(folder, "dist"), '<script defer src="main.js"></script>');
  };

/** With the node-resolve that any package needs there. @type {Build} */
const rollup = async (folder) => {
  const args = ["src/index.js", "--dir=dist", "--plugin=node-resolve"];
  await output(folder, [process.execPath, `${TOOLS}/rollup/dist/bin/rollup`, ...args]);
  return writePage(join(folder, "dist"), '<script type="module" src="index.js"></script>');
};

/** @type {(...options: string[]) => Build} */
const esbuild =
  (...options) =>
  async (folder) => {
    const args = ["src/index.js", "--bundle", "--minify", "--format=esm", "--outdir=dist"];
    await output(folder, [ESBUILD, ...args, ...options]);
    return writePage(join(folder, "dist"), '<script type="module" src="index.js"></script>');
  };

/**
 * The page, for bundlers that make none.
 *
 * @param {string} folder
 * @param {string} script
 */
async function writePage(folder, script) {
  const html = `<!doctype html>\n<meta charset="utf-8">\n<link rel="icon" href="data:,">\n${script}\n`;
  await writeFile(join(folder, "index.html"), html);
  return folder;
}

/**
 * What a bundler left for workerd: the Worker and its WebAssembly.
 *
 * @param {string} folder
 * @param {string} worker
 * @param {string} [suffix] what is imported is the WebAssembly's file name with this
 * @returns {Promise<[name: string, file: string][]>}
 */
async function built(folder, worker, suffix = "") {
  const wasm = await filesOf(folder, ".", /\.wasm$/);
  return [[worker, worker], ...wasm.map((file) => /** @type {[string, string]} */ ([file + suffix, file]))];
}
