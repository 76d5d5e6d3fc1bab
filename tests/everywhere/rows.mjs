// @ts-check
// Where the suite is run: the runtimes, and what each bundler makes of the same project.
import { readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { browsers } from "../../bench/pages.mjs";
import { root } from "../../scripts/run.mjs";
import { runtimes, versionOf } from "../../scripts/runtimes.mjs";
import { devServer, inBrowser, inChromium, inProcess, inWorkerd, output, site, TOOLS } from "./start.mjs";

/** @typedef {import("./start.mjs").Start} Start */
/** @typedef {import("./project.mjs").Project} Project */

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {() => Promise<Start>} prepare builds, where there is something to be built
 * @property {string} [absent] why it cannot be run on this machine
 */

/** The page for bundlers that make none. */
const PAGE = (/** @type {string} */ script) =>
  `<!doctype html>\n<meta charset="utf-8">\n<link rel="icon" href="data:,">\n${script}\n`;

const POLICY = { "content-security-policy": "script-src 'self' 'wasm-unsafe-eval'" };

/**
 * All rows, in the order of the table.
 *
 * @param {Project} project
 * @param {import("playwright-core").Browser} chromium
 * @returns {Promise<Row[]>}
 */
export async function rowsOf(project, chromium) {
  const paths = await runtimes();
  return [
    ...(await ofRuntimes(project, paths)),
    ...ofPages(project, chromium),
    ...ofBundlers(project, chromium, paths),
  ];
}

/**
 * @param {Project} project
 * @param {Awaited<ReturnType<typeof runtimes>>} paths
 * @returns {Promise<Row[]>}
 */
async function ofRuntimes({ folder, copy }, { node20, node22, node24, deno, bun, workerd }) {
  /** @type {[title: string, path: string, args: string[]][]} */
  const processes = [
    ["Node", node20, ["process.js"]],
    ["Node", node20, ["process.cjs"]],
    ["Node", node22, ["process.js"]],
    ["Node", node22, ["process.cjs"]],
    ["Node", node24, ["process.js"]],
    ["Node", node24, ["process.cjs"]],
    // No permission to read: the package needs none.
    ["Deno", deno, ["run", "--no-remote", "--allow-net=127.0.0.1", "process.js"]],
    ["Bun", bun, ["process.js"]],
  ];
  const rows = processes.map(async ([title, path, args]) => {
    const version = await versionOf(path);
    const how = args.includes("process.cjs") ? ", require()" : "";
    return {
      name: `${title} ${version ?? ""}${how}`,
      prepare: async () => inProcess(folder, [path, ...args]),
      ...(version === undefined ? { absent: "it does not run on this machine" } : {}),
    };
  });
  const version = await versionOf(workerd);
  const absent = version === undefined ? { absent: "it does not run on this machine" } : {};
  return [
    ...(await Promise.all(rows)),
    {
      name: `workerd ${version ?? ""}, no bundler`,
      ...absent,
      async prepare() {
        const copied = await copy("workerd");
        const dist = "node_modules/crisp-upscale/dist";
        // workerd knows no packages, only modules by name.
        await writeFile(join(copied, "by-name.js"), `export * from "./${dist}/workerd.js";\n`);
        const files = await filesOf(copied, dist, /(?<!sandbox.*)\.(js|wasm)$/);
        return inWorkerd(workerd, copied, [
          ["worker.js", "worker.js"],
          ["src/conformance.js", "src/conformance.js"],
          ["crisp-upscale", "by-name.js"],
          ...files.map((file) => /** @type {[string, string]} */ ([file, file])),
        ]);
      },
    },
    {
      // Not in Vercel's own, which cannot be had here; workerd refuses to compile bytes just as it does.
      name: "edge-light's entry, in workerd",
      ...absent,
      async prepare() {
        const copied = await copy("edge-light");
        const args = ["worker.js", "--bundle", "--format=esm", "--outdir=out", "--loader:.wasm=copy"];
        await output(copied, [`${TOOLS}/.bin/esbuild`, ...args, "--conditions=edge-light"]);
        return inWorkerd(workerd, join(copied, "out"), await built(join(copied, "out"), "?module"));
      },
    },
  ];
}

/**
 * @param {Project} project
 * @param {import("playwright-core").Browser} chromium
 * @returns {Row[]}
 */
function ofPages({ folder }, chromium) {
  return [
    ...browsers.map((browser) => ({
      name: `${browser.title}, no bundler`,
      prepare: async () => {
        const page = site(folder, "/import-map.html");
        return browser.name === "chromium" ? inChromium(chromium, page) : inBrowser(browser, page);
      },
    })),
    {
      name: "Chromium, Web Worker",
      prepare: async () => inChromium(chromium, site(folder, "/web-worker.html")),
    },
    {
      name: "Chromium, service worker",
      prepare: async () => inChromium(chromium, site(folder, "/service-worker.html")),
    },
    {
      name: "Chromium, service worker, own module",
      prepare: async () => inChromium(chromium, site(folder, "/service-worker.html?module")),
    },
  ];
}

/**
 * @param {Project} project
 * @param {import("playwright-core").Browser} chromium
 * @param {Awaited<ReturnType<typeof runtimes>>} paths
 * @returns {Row[]}
 */
function ofBundlers({ copy }, chromium, { node20, node24, workerd }) {
  const webpack = async () => {
    const copied = await copy("webpack");
    await output(copied, [process.execPath, `${TOOLS}/webpack/bin/webpack.js`, "--mode=production"]);
    await writeFile(join(copied, "dist/index.html"), PAGE('<script defer src="main.js"></script>'));
    return join(copied, "dist");
  };
  const rollup = async (/** @type {string} */ name) => {
    const copied = await copy(name);
    const bin = `${TOOLS}/rollup/dist/bin/rollup`;
    await output(copied, [process.execPath, bin, "src/index.js", "--dir=dist", "--plugin=node-resolve"]);
    await writeFile(join(copied, "dist/index.html"), PAGE('<script type="module" src="index.js"></script>'));
    return join(copied, "dist");
  };
  const esbuild = async (/** @type {string} */ name, /** @type {string[]} */ ...more) => {
    const copied = await copy(name);
    const args = ["src/index.js", "--bundle", "--minify", "--format=esm", "--outdir=dist", ...more];
    await output(copied, [`${TOOLS}/.bin/esbuild`, ...args]);
    await writeFile(join(copied, "dist/index.html"), PAGE('<script type="module" src="index.js"></script>'));
    return join(copied, "dist");
  };
  return [
    ...[6, 7, 8].flatMap((major) => {
      const vite = [process.execPath, `${TOOLS}/vite-${major}/bin/vite.js`];
      return [
        {
          name: `Vite ${major}, dev`,
          async prepare() {
            const copied = await copy(`vite-${major}-dev`);
            return inChromium(chromium, devServer(copied, [...vite, "--host=127.0.0.1"]));
          },
        },
        {
          name: `Vite ${major}, build`,
          async prepare() {
            const copied = await copy(`vite-${major}`);
            await output(copied, [...vite, "build"]);
            return inChromium(chromium, site(join(copied, "dist")));
          },
        },
      ];
    }),
    { name: "webpack", prepare: async () => inChromium(chromium, site(await webpack())) },
    { name: "Rollup", prepare: async () => inChromium(chromium, site(await rollup("rollup"))) },
    { name: "esbuild", prepare: async () => inChromium(chromium, site(await esbuild("esbuild"))) },
    {
      name: "esbuild, splitting",
      prepare: async () => inChromium(chromium, site(await esbuild("esbuild-splitting", "--splitting"))),
    },
    {
      name: "Rollup, under a policy",
      prepare: async () => inChromium(chromium, site(await rollup("policy"), "/", POLICY)),
    },
    {
      name: "esbuild for Node, as CommonJS",
      async prepare() {
        const copied = await copy("esbuild-node");
        const args = ["process.cjs", "--bundle", "--platform=node", "--outfile=out/process.cjs"];
        await output(copied, [`${TOOLS}/.bin/esbuild`, ...args]);
        return inProcess(copied, [node20, "out/process.cjs"]);
      },
    },
    {
      name: "wrangler, in workerd",
      async prepare() {
        const copied = await copy("wrangler");
        const args = ["deploy", "worker.js", "--dry-run", "--outdir=out", "--name=conformance"];
        const wrangler = `${root}/node_modules/wrangler/bin/wrangler.js`;
        await output(copied, [node24, wrangler, ...args, "--compatibility-date=2024-06-01"]);
        return inWorkerd(workerd, join(copied, "out"), await built(join(copied, "out")));
      },
    },
  ];
}

/**
 * What a bundler left for workerd: the Worker and its WebAssembly.
 *
 * @param {string} folder
 * @param {string} [suffix] what is imported is the WebAssembly's file name with this
 * @returns {Promise<[name: string, file: string][]>}
 */
async function built(folder, suffix = "") {
  const wasm = await filesOf(folder, ".", /\.wasm$/);
  return [
    ["worker.js", "worker.js"],
    ...wasm.map((file) => /** @type {[string, string]} */ ([file + suffix, file])),
  ];
}

/**
 * Files below a folder, by their paths from `from` on.
 *
 * @param {string} from
 * @param {string} folder
 * @param {RegExp} pattern
 */
async function filesOf(from, folder, pattern) {
  const entries = await readdir(join(from, folder), { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return paths.map((path) => relative(from, path)).filter((path) => pattern.test(path));
}
