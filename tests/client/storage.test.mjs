// @ts-check
// The stores of a browser, in a real Chromium, with two tabs at once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { folderOf } from "../../scripts/static.mjs";
import { launchChromium } from "../kit/chromium.mjs";

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
        content: `import { indexedDb, webStorage } from "/browser.js"; globalThis.store = ${make};`,
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

/**
 * A page with an IndexedDB store of its own, in a context that others may share.
 *
 * @param {import("playwright-core").BrowserContext} context
 */
async function storePage(context) {
  const page = await context.newPage();
  await page.goto(server.url);
  await page.addScriptTag({
    type: "module",
    content: `import { indexedDb } from "/browser.js"; globalThis.indexedDb = indexedDb; globalThis.store = indexedDb();`,
  });
  await page.waitForFunction("globalThis.store");
  return page;
}

/** @param {import("node:test").TestContext} t */
async function contextOf(t) {
  const context = await browser.newContext();
  t.after(() => context.close());
  return context;
}

test("IndexedDB: the database can be deleted at any time, and is made anew at the next use", async (t) => {
  const context = await contextOf(t);
  const [one, two] = [await storePage(context), await storePage(context)];
  for (const page of [one, two]) await page.evaluate("store.set('a', '1')");
  const events = await one.evaluate(
    () =>
      new Promise((resolve) => {
        /** @type {string[]} */
        const events = [];
        const request = indexedDB.deleteDatabase("crisp-upscale");
        request.onblocked = () => events.push("blocked");
        request.onerror = () => resolve([...events, "error"]);
        request.onsuccess = () => resolve([...events, "success"]);
      }),
  );
  assert.deepEqual(events, ["success"], "no tab of ours blocks it");
  for (const page of [two, one]) {
    assert.deepEqual(await page.evaluate("store.get('a').then((text) => text ?? null)"), null);
  }
  assert.equal(await two.evaluate("store.putIfAbsent('a', '2')"), true);
  assert.equal(await one.evaluate("store.putIfAbsent('a', '3')"), false);
});

test("IndexedDB: a connection that was closed is opened again, once", async (t) => {
  const page = await storePage(await contextOf(t));
  const opened = await page.evaluate(async () => {
    const { store } = /** @type {any} */ (globalThis);
    /** @type {IDBDatabase[]} */
    const connections = [];
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (...args) {
      connections.push(this);
      return transaction.apply(this, args);
    };
    await store.set("a", "1");
    // As when the browser has closed it and has not said so yet.
    connections.at(-1)?.close();
    const texts = [await store.get("a")];
    // And when it has said so.
    const closed = connections.at(-1);
    closed?.close();
    closed?.dispatchEvent(new Event("close"));
    texts.push(await store.get("a"));
    // At once for several.
    connections.at(-1)?.close();
    const puts = await Promise.all([1, 2, 3].map((nth) => store.putIfAbsent("b", String(nth))));
    // It is closed each time: it is tried once more, and not for ever.
    IDBDatabase.prototype.transaction = function (...args) {
      this.close();
      connections.push(this);
      return transaction.apply(this, args);
    };
    const before = connections.length;
    const name = await store.get("a").catch((/** @type {DOMException} */ error) => error.name);
    return [...texts, puts.filter(Boolean).length, name, connections.length - before];
  });
  assert.deepEqual(opened, ["1", "1", 1, "InvalidStateError", 2]);
});

test("IndexedDB: a database that somebody made without our objects is healed", async (t) => {
  const context = await contextOf(t);
  const [one, two] = [await storePage(context), await storePage(context)];
  await one.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open("crisp-upscale", 7);
        request.onupgradeneeded = () => request.result.createObjectStore("theirs").put("text", "name");
        request.onerror = () => reject(request.error);
        request.onsuccess = () => resolve(request.result.close());
      }),
  );
  // Both tabs at once.
  await Promise.all([one, two].map((page, tab) => page.evaluate(`store.set('a${tab}', '${tab}')`)));
  assert.deepEqual(await one.evaluate("store.keys()"), ["a0", "a1"]);
  const theirs = await two.evaluate(
    () =>
      new Promise((resolve) => {
        const request = indexedDB.open("crisp-upscale");
        request.onsuccess = () => {
          const { result } = request;
          const got = result.transaction("theirs").objectStore("theirs").get("name");
          got.onsuccess = () => resolve(got.result);
        };
      }),
  );
  assert.equal(theirs, "text", "and theirs is left alone");
});

test("IndexedDB: a database that somebody holds does not hang a call", async (t) => {
  const page = await storePage(await contextOf(t));
  const said = await page.evaluate(async () => {
    const { store } = /** @type {any} */ (globalThis);
    /** @type {IDBDatabase} */
    const held = await new Promise((resolve) => {
      const request = indexedDB.open("crisp-upscale", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("theirs");
      request.onsuccess = () => resolve(request.result);
    });
    // The time-out of an open database is the one timer: it has come as soon as it is set.
    const { setTimeout } = globalThis;
    /** @type {(() => void)[]} */
    const timers = [];
    globalThis.setTimeout = /** @type {any} */ ((/** @type {() => void} */ call) => -timers.push(call));
    const blocked = store.get("a").catch((/** @type {Error} */ error) => error.message);
    // The one for the first connection, which is opened, and the one for the second, which is held up.
    while (timers.length < 2) await new Promise((resolve) => setTimeout(resolve));
    timers.at(-1)?.();
    const message = await blocked;
    globalThis.setTimeout = setTimeout;
    held.close();
    await store.set("a", "1");
    return [message, await store.get("a")];
  });
  assert.match(String(said[0]), /held by another tab/);
  assert.equal(said[1], "1", "and it works once it is let go");
});
