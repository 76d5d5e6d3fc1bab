// @ts-check
// The stores of a browser, in a real Chromium: what two tabs do at once is what they are for.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { root } from "../scripts/run.mjs";
import { serve } from "../scripts/serve.mjs";
import { folderOf } from "../scripts/static.mjs";
import { launchChromium } from "./support/chromium.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;

before(async () => {
  const files = await folderOf(`${root}/dist`);
  server = await serve(
    async (request) => {
      const file = files(new URL(request.url).pathname);
      const [body, type] =
        file === undefined ? ["<!doctype html><title>Empty</title>", "text/html"] : [file.body, file.type];
      return new Response(body, { headers: { "content-type": type } });
    },
    { port: 0 },
  );
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

for (const [name, make] of Object.entries({
  localStorage: "webStorage(localStorage)",
  IndexedDB: "indexedDb()",
})) {
  test(`${name} keeps texts for other tabs and for later`, async (t) => {
    const context = await browser.newContext();
    t.after(() => context.close());
    const load = async (/** @type {import("playwright-core").Page} */ page) => {
      await page.goto(server.url);
      await page.addScriptTag({
        type: "module",
        content: `import { indexedDb, webStorage } from "/store.js"; globalThis.store = ${make};`,
      });
      await page.waitForFunction("globalThis.store");
      return page;
    };
    const [one, two] = [await load(await context.newPage()), await load(await context.newPage())];

    assert.deepEqual(
      await one.evaluate(async () => {
        const { store } = /** @type {any} */ (globalThis);
        await store.set("a", "1");
        await store.set("b", "2");
        await store.set("b", "3");
        await store.delete("a");
        await store.delete("nothing");
        return [(await store.get("a")) ?? null, await store.get("b"), [...(await store.keys())]];
      }),
      [null, "3", ["b"]],
    );
    // Another tab has it, after a reload, as soon as its process has heard of it.
    await load(two);
    await two.waitForFunction(async () => (await /** @type {any} */ (globalThis).store.get("b")) === "3");
    // localStorage cannot say who was first: see npm/store.ts.
    if (name !== "IndexedDB") return;

    const puts = await Promise.all(
      [one, two].map((page, tab) =>
        page.evaluate(async (tab) => {
          const { store } = /** @type {any} */ (globalThis);
          const names = Array.from({ length: 50 }, (_, index) => `name ${index}`);
          return Promise.all(names.map((name) => store.putIfAbsent(name, `tab ${tab}`)));
        }, tab),
      ),
    );
    const [first = [], second = []] = puts;
    for (const [index, put] of first.entries()) assert.notEqual(put, second[index], `name ${index}`);
  });
}
