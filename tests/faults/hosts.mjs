// @ts-check
// Starts the runner in Node, in a page in Chromium, and in workerd.
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { build as bundle } from "esbuild";
import { root } from "../../scripts/run.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { startFaults } from "../kit/faults.mjs";
import { bundleWorker } from "../kit/workerd.mjs";

/** When workerd is given up that does not settle, in milliseconds: much, on a busy machine. */
const TIMEOUT = 60_000;

/** @typedef {import("./runner.mjs").Order} Order */
/** @typedef {import("./runner.mjs").End} End */

/**
 * A runner that runs, and the server that it meets.
 *
 * @typedef {object} Host
 * @property {Awaited<ReturnType<typeof startFaults>>} faults
 * @property {(order: Order) => Promise<End>} play
 * @property {Page} [page] where it is one
 * @property {() => Promise<void>} stop
 */

/** @typedef {Awaited<ReturnType<typeof openPage>>} Page */

/** @type {Record<"Node" | "Chromium" | "workerd", () => Promise<Host>>} */
export const hosts = {
  async Node() {
    const faults = await startFaults();
    const child = fork(`${root}/tests/faults/process.mjs`);
    const next = () =>
      new Promise((resolve, reject) => {
        const gone = () => reject(new Error("The runner ended."));
        child.once("exit", gone);
        child.once("message", (message) => {
          child.off("exit", gone);
          resolve(message);
        });
      });
    await next();
    return {
      faults,
      play(order) {
        child.send(order);
        return next();
      },
      async stop() {
        const ended = once(child, "exit");
        child.disconnect();
        await ended;
        faults.close();
      },
    };
  },

  async Chromium() {
    const { outputFiles } = await bundle({
      entryPoints: [`${root}/tests/faults/page.mjs`],
      bundle: true,
      format: "esm",
      target: "es2022",
      write: false,
    });
    const html =
      '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
    const faults = await startFaults({
      files: new Map([
        ["/page", { type: "text/html", body: html }],
        ["/page.js", { type: "text/javascript", body: outputFiles[0]?.text ?? "" }],
        [
          "/wasm/crisp_upscale_bg.wasm",
          { type: "application/wasm", body: await readFile(`${root}/dist/wasm/crisp_upscale_bg.wasm`) },
        ],
      ]),
    });
    const browser = await launchChromium();
    const page = await openPage(browser, `${faults.url}/page`);
    while ((await page.evaluate("typeof play")) !== "function");
    return {
      faults,
      page,
      play: (order) => page.evaluate(`play(${JSON.stringify(order)})`),
      async stop() {
        await browser.close();
        faults.close();
      },
    };
  },

  async workerd() {
    const faults = await startFaults();
    const workerd = `${root}/node_modules/.bin/workerd`;
    const { url, stop } = await bundleWorker(workerd, `${root}/tests/faults/worker.mjs`);
    return {
      faults,
      async play(order) {
        // In a request that hangs, no timer of its own may go off either.
        const signal = AbortSignal.timeout(TIMEOUT);
        const reply = await fetch(url, { method: "POST", body: JSON.stringify(order), signal });
        return /** @type {any} */ (await reply.json());
      },
      async stop() {
        await stop();
        faults.close();
      },
    };
  },
};

/**
 * A page that Playwright does not know of: those that it does are never hidden, and only what is hidden can be frozen.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 */
async function openPage(browser, url) {
  const session = await browser.newBrowserCDPSession();
  const { targetId } = await session.send("Target.createTarget", { url });
  const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
  /** @type {Map<number, (message: any) => void>} */
  const waiting = new Map();
  let sent = 0;
  let failed = 0;
  let onFailed = () => {};
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, method, result, error } = JSON.parse(message);
    waiting.get(id)?.(result ?? error);
    waiting.delete(id);
    if (method !== "Network.loadingFailed") return;
    failed += 1;
    onFailed();
  });
  /** @param {string} method @param {object} [params] @returns {Promise<any>} */
  const send = async (method, params = {}) => {
    sent += 1;
    const id = sent;
    const answered = new Promise((resolve) => waiting.set(id, resolve));
    const message = JSON.stringify({ id, method, params });
    await session.send("Target.sendMessageToTarget", { sessionId, message });
    return answered;
  };
  await send("Network.enable");
  return {
    /** @param {string} expression what may be a promise @returns {Promise<any>} */
    async evaluate(expression) {
      const params = { expression, awaitPromise: true, returnByValue: true };
      return (await send("Runtime.evaluate", params)).result?.value;
    },
    /** @param {"frozen" | "active"} state */
    setState: (state) => send("Page.setWebLifecycleState", { state }),
    /** @param {boolean} offline */
    async setOffline(offline) {
      failed = 0;
      const unlimited = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
      await send("Network.emulateNetworkConditions", { offline, ...unlimited });
    },
    /** Resolves when so many requests have failed since the network went off. @param {number} count */
    failures: (count) =>
      new Promise((resolve) => {
        onFailed = () => failed >= count && resolve(undefined);
        onFailed();
      }),
  };
}
