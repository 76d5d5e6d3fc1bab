// @ts-check
// Aborts of every kind at every moment, and invalid keys, in Node and in a real Chromium.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { folderOf } from "../../scripts/static.mjs";
import { CASES } from "../kit/aborts.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { virtualClock } from "../kit/clock.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").Page} */
let page;
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {unknown[]} */
const unhandled = [];
const onUnhandled = (/** @type {unknown} */ error) => unhandled.push(error);

const PAGE = `<!doctype html><script type="module">
  import { Upscaler } from "/browser.js";
  import { CASES } from "/kit/aborts.mjs";
  import { virtualClock } from "/kit/clock.mjs";
  const unhandled = [];
  addEventListener("unhandledrejection", ({ reason }) => unhandled.push(reason));
  // A turn of the event loop that no timer has a part in, as Node has it.
  globalThis.setImmediate = (call) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      call();
    };
    port2.postMessage(undefined);
  };
  globalThis.play = (name) => CASES[name]({ Upscaler, virtualClock, unhandled });
</script>`;

before(async () => {
  process.on("unhandledRejection", onUnhandled);
  const files = await folderOf(`${root}/dist`);
  server = await serve(
    async (request) => {
      const { pathname } = new URL(request.url);
      const [body, type] = pathname.startsWith("/kit/")
        ? [await readFile(`${root}/tests${pathname}`), "text/javascript"]
        : [files(pathname)?.body ?? PAGE, files(pathname)?.type ?? "text/html"];
      return new Response(body, { headers: { "content-type": type } });
    },
    { port: 0 },
  );
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(server.url);
  await page.waitForFunction("globalThis.play");
});
after(async () => {
  process.off("unhandledRejection", onUnhandled);
  await browser?.close();
  await server?.close();
});

for (const [name, play] of Object.entries(CASES)) {
  test(`${name}, in Node`, { timeout: 60_000 }, async () => {
    assert.deepEqual(await play({ Upscaler, virtualClock, unhandled }), []);
  });
  test(`${name}, in Chromium`, { timeout: 60_000 }, async () => {
    const problems = await page.evaluate((name) => /** @type {any} */ (globalThis).play(name), name);
    assert.deepEqual(problems, []);
  });
}
