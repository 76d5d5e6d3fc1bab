// @ts-check
// Time from the import of a client to its first request, in fresh processes, isolates and pages.
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { build as bundle } from "esbuild";
import { Failed, root } from "../../scripts/run.mjs";
import { client } from "../../scripts/wasm.mjs";
import { launchChromium } from "../../tests/kit/chromium.mjs";
import { bundleWorker } from "../../tests/kit/workerd.mjs";
import { startStopwatch } from "./stopwatch.mjs";

/** How long one may take, in milliseconds. */
const TIMEOUT = 30_000;

/**
 * One start in a fresh process of this Node.
 *
 * @param {Awaited<ReturnType<typeof startStopwatch>>} stopwatch
 * @param {string} name of the client
 */
async function inNode(stopwatch, name) {
  const { base, sent } = stopwatch.run(name);
  const child = fork(`${root}/bench/peers/first-process.mjs`, [name, base]);
  const gone = once(child, "exit");
  try {
    return await Promise.race([sent, gone.then(() => fail(name)), late(name)]);
  } finally {
    child.kill("SIGKILL");
    await gone;
  }
}

/**
 * One start in a fresh workerd.
 *
 * @param {Awaited<ReturnType<typeof startStopwatch>>} stopwatch
 * @param {string} name of the client
 * @param {string} workerd its executable
 */
async function inWorkerd(stopwatch, name, workerd) {
  const { base, sent } = stopwatch.run(name);
  const worker = await bundleWorker(workerd, `${root}/bench/peers/first-worker.mjs`);
  const order = fetch(worker.url, { method: "POST", body: JSON.stringify({ name, base }) });
  const failed = order.then(
    (reply) => fail(name, `${reply.status}\n${worker.stderr()}`),
    () => fail(name, worker.stderr()),
  );
  try {
    return await Promise.race([sent, failed, late(name)]);
  } finally {
    await worker.stop();
  }
}

/**
 * One start in a fresh page, whose context has cached nothing.
 *
 * @param {Awaited<ReturnType<typeof startStopwatch>>} stopwatch
 * @param {string} name of the client
 * @param {import("playwright-core").Browser} browser
 */
async function inPage(stopwatch, name, browser) {
  const { base, sent } = stopwatch.run(name);
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const failed = once(/** @type {any} */ (page), "pageerror").then(([error]) => fail(name, String(error)));
    await page.goto(base);
    return await Promise.race([sent, failed, late(name)]);
  } finally {
    await context.close();
  }
}

/**
 * @param {string} name
 * @param {string} [why]
 * @returns {never}
 */
function fail(name, why = "") {
  throw new Failed(`${name} did not send a request. ${why}`.trim());
}

/**
 * Rejects when there has been time enough.
 *
 * @param {string} name
 * @returns {Promise<never>}
 */
function late(name) {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Failed(`${name} did not send a request in time.`)), TIMEOUT).unref();
  });
}

/** What a page loads. Each client is a file of its own. */
async function pageFiles() {
  const { outputFiles } = await bundle({
    stdin: {
      contents: await readFile(`${root}/bench/peers/first-page.mjs`, "utf8"),
      resolveDir: `${root}/bench/peers`,
    },
    entryNames: "page",
    outdir: "/",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  /** @type {Map<string, { type: string, body: string | Buffer }>} */
  const files = new Map(outputFiles.map(({ path, text }) => [path, { type: "text/javascript", body: text }]));
  const wasm = `/wasm/${client.name}_bg.wasm`;
  return files.set(wasm, { type: "application/wasm", body: await readFile(`${root}/dist${wasm}`) });
}

/**
 * All clients by turns, in each runtime.
 *
 * @param {readonly string[]} names of the clients
 * @param {{ rounds: number, workerd: string, say: (text: string) => void }} options
 * @returns {Promise<Record<string, Record<string, number[]>>>} milliseconds, by runtime and client
 */
export async function firstRequests(names, { rounds, workerd, say }) {
  const stopwatch = await startStopwatch(await pageFiles());
  const browser = await launchChromium();
  /** @type {Record<string, (name: string) => Promise<number>>} */
  const runtimes = {
    Node: (name) => inNode(stopwatch, name),
    workerd: (name) => inWorkerd(stopwatch, name, workerd),
    Chromium: (name) => inPage(stopwatch, name, browser),
  };
  /** @type {Record<string, Record<string, number[]>>} */
  const measured = {};
  try {
    for (const [runtime, start] of Object.entries(runtimes)) {
      say(`From import to the first request in ${runtime}, ${rounds} starts of each`);
      /** @type {Record<string, number[]>} */
      const times = Object.fromEntries(names.map((name) => [name, []]));
      for (let round = 0; round < rounds; round += 1) {
        for (const name of names) times[name]?.push(await start(name));
      }
      measured[runtime] = times;
    }
  } finally {
    await browser.close();
    stopwatch.close();
  }
  return measured;
}
