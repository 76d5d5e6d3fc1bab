// @ts-check
import { readFile } from "node:fs/promises";
import { build as bundle } from "esbuild";
import { chromium } from "playwright-core";
import { browser as findBrowser } from "../scripts/browser.mjs";
import { root } from "../scripts/run.mjs";

/**
 * What a page loads: ours, to be pointed straight at the API.
 *
 * @returns {Promise<import("./mock.mjs").Files>}
 */
export async function pageFiles() {
  const { outputFiles } = await bundle({
    entryPoints: [`${root}/bench/peers/page.mjs`],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const html = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>';
  const wasm = await readFile(`${root}/dist/wasm/crisp_upscale_bg.wasm`);
  return new Map([
    ["/", { type: "text/html", body: html }],
    ["/page.js", { type: "text/javascript", body: outputFiles[0]?.text ?? "" }],
    ["/wasm/crisp_upscale_bg.wasm", { type: "application/wasm", body: wasm }],
  ]);
}

/**
 * Starts ours in a page of Chromium.
 *
 * @param {string} origin where {@link pageFiles} are served
 */
export async function startChromium(origin) {
  const browser = await chromium.launch({
    executablePath: await findBrowser(),
    // Chromium has no sandbox for root, and nothing here comes from outside this machine.
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
  const page = await browser.newPage();
  await page.goto(origin);
  return {
    name: /** @type {const} */ ("ours"),
    title: `Chromium ${browser.version()}`,
    /**
     * As a client's own process does.
     *
     * @param {Omit<import("./player.mjs").Order, "id">} order
     * @returns {Promise<import("./player.mjs").Outcome>}
     */
    order: (order) => page.evaluate((given) => /** @type {any} */ (globalThis).work(given), order),
    /** Ends the browser. */
    stop: () => browser.close(),
  };
}
