// @ts-check
// The runtimes, pages and bundlers in which the suite runs.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failed } from "../../scripts/run.mjs";
import { runtimes, versionOf } from "../../scripts/runtimes.mjs";
import { browsers } from "../kit/pages.mjs";
import { bundlerRows } from "./bundlers.mjs";
import { frameworkRows } from "./frameworks.mjs";
import { filesOf, inBrowser, inChromium, inProcess, inWorkerd, site } from "./start.mjs";

/** @typedef {import("./start.mjs").Start} Start */
/** @typedef {import("./start.mjs").Row} Row */
/** @typedef {import("./project.mjs").Project} Project */

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
    ...(await ofPages(project, chromium)),
    ...bundlerRows(project, chromium, paths),
    ...frameworkRows(project, chromium, paths),
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
  ];
}

/**
 * @param {Project} project
 * @param {import("playwright-core").Browser} chromium
 * @returns {Promise<Row[]>}
 */
async function ofPages({ folder }, chromium) {
  const plain = site(folder, "/import-map.html");
  const others = browsers.filter(({ name }) => name !== "chromium");
  return [
    { name: "Chromium, no bundler", prepare: async () => inChromium(chromium, plain) },
    ...(await Promise.all(
      others.map(async (browser) => ({
        name: `${browser.title}, no bundler`,
        prepare: async () => inBrowser(browser, plain),
        absent: await absence(browser),
      })),
    )),
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
 * Why a browser cannot be run on this machine, or nothing.
 *
 * @param {import("../kit/pages.mjs").Browser} browser
 */
async function absence({ find }) {
  try {
    await find();
    return undefined;
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return error.message;
  }
}
