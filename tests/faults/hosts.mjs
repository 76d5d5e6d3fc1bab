// @ts-check
// Where the player runs: Node, a page in Chromium, workerd.
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { build as bundle } from "esbuild";
import { startWorkerd } from "../../bench/workerd.mjs";
import { root } from "../../scripts/run.mjs";
import { launchChromium } from "../support/chromium.mjs";
import { startFaults } from "./server.mjs";

/** @typedef {import("./player.mjs").Order} Order */
/** @typedef {import("./player.mjs").End} End */

/**
 * A player that runs, and the server that it meets.
 *
 * @typedef {object} Host
 * @property {Awaited<ReturnType<typeof startFaults>>} faults
 * @property {(order: Order) => Promise<End>} play
 * @property {import("playwright-core").Page} [page] where it is one
 * @property {() => Promise<void>} stop
 */

/** @type {Record<"Node" | "Chromium" | "workerd", () => Promise<Host>>} */
export const hosts = {
  async Node() {
    const faults = await startFaults();
    const child = fork(`${root}/tests/faults/process.mjs`);
    const next = () =>
      new Promise((resolve, reject) => {
        const gone = () => reject(new Error("The player ended."));
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
    const faults = await startFaults(
      new Map([
        ["/page", { type: "text/html", body: html }],
        ["/page.js", { type: "text/javascript", body: outputFiles[0]?.text ?? "" }],
        [
          "/wasm/crisp_upscale_bg.wasm",
          { type: "application/wasm", body: await readFile(`${root}/dist/wasm/crisp_upscale_bg.wasm`) },
        ],
      ]),
    );
    const browser = await launchChromium();
    const page = await browser.newPage();
    await page.goto(`${faults.url}/page`);
    await page.waitForFunction("globalThis.play !== undefined");
    return {
      faults,
      page,
      play: (order) => page.evaluate((order) => /** @type {any} */ (globalThis).play(order), order),
      async stop() {
        await browser.close();
        faults.close();
      },
    };
  },

  async workerd() {
    const faults = await startFaults();
    const { order, stop } = await startWorkerd(
      `${root}/node_modules/.bin/workerd`,
      `${root}/tests/faults/worker.mjs`,
    );
    return {
      faults,
      play: (asked) => /** @type {Promise<any>} */ (order(/** @type {any} */ (asked))),
      async stop() {
        await stop();
        faults.close();
      },
    };
  },
};
