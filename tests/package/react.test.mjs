// @ts-check
// The hook and the element in Chromium, under React's StrictMode: one upscale is one task, whatever React runs twice.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { SMALL } from "../kit/images.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

/** @typedef {import("node:test").TestContext} TestContext */

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Uint8Array} */
let script;
before(async () => {
  script = await bundled({ entryPoints: [`${root}/tests/package/react/page.jsx`] });
  browser = await launchChromium();
});
after(() => browser.close());

/**
 * The script of a page.
 *
 * @param {Pick<import("esbuild").BuildOptions, "entryPoints" | "stdin">} from
 */
async function bundled(from) {
  const { outputFiles } = await build({
    ...from,
    bundle: true,
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"development"' },
    write: false,
    outdir: "/",
  });
  return outputFiles?.[0]?.contents ?? assert.fail();
}

/** How long each task takes where `finish` is to end it, in milliseconds. */
const HOUR = 3_600_000;

/**
 * A server with the page and the sandbox, and the page.
 *
 * @param {TestContext} t
 * @param {string} show
 * @param {{ slow?: boolean, held?: Promise<unknown>, code?: Uint8Array }} [how] `slow`: tasks end by `finish`; `held`: createTask
 *   is answered after; `code`: the page's script
 */
async function open(t, show, { slow = false, held, code = script } = {}) {
  let passed = 0;
  const sandbox = quickSandbox({
    ...(slow ? { delays: { waiting: 0, queuing: 0, generating: HOUR } } : {}),
    now: () => Date.now() + passed,
  });
  t.after(() => sandbox.close());
  const made = promised();
  const wasm = await readFile(`${root}/dist/wasm/crisp_upscale_bg.wasm`);
  /** @type {Record<string, () => [body: string | Uint8Array, type: string]>} */
  const files = {
    "/": () => [
      '<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>',
      "text/html",
    ],
    "/page.js": () => [code, "text/javascript"],
    "/session/token": () => ["sandbox", "text/plain"],
    "/photo.png": () => [SMALL, "image/png"],
    "/wasm/crisp_upscale_bg.wasm": () => [wasm, "application/wasm"],
  };
  const server = await serve(
    async (request) => {
      const { pathname } = new URL(request.url);
      const [body, type] = files[pathname]?.() ?? [];
      if (body !== undefined)
        return new Response(/** @type {BodyInit} */ (body), { headers: { "content-type": String(type) } });
      const response = await sandbox.fetch(request);
      if (pathname.endsWith("/createTask")) {
        made.resolve(undefined);
        await held;
      }
      return response;
    },
    { port: 0 },
  );
  t.after(() => server.close());
  const page = await browser.newPage();
  t.after(() => page.close());
  /** @type {string[]} */
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  await page.goto(`${server.url}/?show=${show}`);
  return {
    page,
    sandbox,
    /** Settles when a task was made. */
    made: made.promise,
    said: () => said.filter((text) => !text.includes("React DevTools")),
    tasks: async () => (await sandbox.ledger()).tasks.length,
    /** Lets the tasks end. */
    async finish() {
      passed += HOUR;
      await sandbox.ledger();
    },
    shows: (/** @type {string} */ state) => page.locator("#state", { hasText: state }).waitFor(),
  };
}

/** A promise, and what settles it. */
function promised() {
  /** @type {(value?: undefined) => void} */
  let resolve = () => {};
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

test("an effect that runs twice pays once", async (t) => {
  const { tasks, shows, said } = await open(t, "effect");
  await shows("done");
  assert.equal(await tasks(), 1);
  assert.deepEqual(said(), []);
});

test("a double click pays once, and the two pictures are compared", async (t) => {
  const { page, tasks, shows, said } = await open(t, "click");
  await page.dblclick("#upscale");
  await shows("done");
  assert.equal(await tasks(), 1);
  const compare = page.locator("crisp-compare");
  await compare.locator('.frame[data-view="both"]').waitFor();
  await compare.locator("input").focus();
  await page.keyboard.press("Enter");
  assert.equal(await compare.getAttribute("zoomed"), "");
  assert.deepEqual(said(), []);
});

test("a file is uploaded once and paid once", async (t) => {
  const { page, sandbox, tasks, shows } = await open(t, "click");
  await page.click("#file");
  await shows("done");
  assert.equal(await tasks(), 1);
  assert.equal((await sandbox.ledger()).requests["file-stream-upload"], 1);
});

test("after a reload it goes on with the same task", async (t) => {
  const { page, tasks, shows, finish } = await open(t, "click", { slow: true });
  await page.click("#upscale");
  await page.locator("#state[data-progress]").waitFor();
  await page.reload();
  await shows("running");
  await finish();
  await shows("done");
  assert.equal(await tasks(), 1);
});

test("a component that comes back goes on with the task that it left", async (t) => {
  const { page, sandbox, tasks, shows, finish } = await open(t, "removable", { slow: true });
  await page.click("#upscale");
  await page.locator("#state[data-progress]").waitFor();
  await page.click("#toggle");
  const { requests } = await sandbox.ledger();
  await page.click("#toggle");
  await shows("running");
  await finish();
  await shows("done");
  assert.equal(await tasks(), 1);
  assert.ok((requests.recordInfo ?? 0) <= 1);
});

test("a component that leaves while the task is made does not lose it", async (t) => {
  const answer = promised();
  const { page, made, tasks, shows, finish } = await open(t, "removable", {
    slow: true,
    held: answer.promise,
  });
  await page.click("#upscale");
  await made;
  await page.click("#toggle");
  // Past the timer by which the component is seen to be gone for good.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  answer.resolve(undefined);
  const stored = () =>
    new Promise((resolve) => {
      const opening = indexedDB.open("crisp-upscale");
      opening.onsuccess = () => {
        const all = opening.result.transaction("texts").objectStore("texts").getAll();
        all.onsuccess = () => resolve(all.result.some((text) => JSON.parse(text).taskId));
      };
    });
  await page.waitForFunction(stored);
  await page.click("#toggle");
  await shows("running");
  await finish();
  await shows("done");
  assert.equal(await tasks(), 1);
});

test("an error says what was charged, a task of it can be resumed, and cancel leaves the task", async (t) => {
  const { page, sandbox, tasks, shows, finish } = await open(t, "click", { slow: true });
  await sandbox.fail({ route: "recordInfo", kind: "code", code: 401, msg: "no" });
  await page.click("#upscale");
  await shows("error");
  assert.equal(await page.textContent("#error"), "unauthorized unknown");
  await page.click("#resume");
  await shows("running");
  await page.click("#cancel");
  await shows("idle");
  await page.reload();
  await finish();
  await shows("done");
  assert.equal(await tasks(), 1);
});

test("the example of docs/guide/react.md enlarges a file", async (t) => {
  const text = await readFile(`${root}/docs/guide/react.md`, "utf8");
  const example = /^```jsx\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? assert.fail("there is an example");
  const here = example.replace('"https://gateway.example"', "location.origin");
  const render = 'createRoot(document.getElementById("root")).render(<Enlarge />);';
  const contents = `import { createRoot } from "react-dom/client";\n${here}\n${render}`;
  const code = await bundled({ stdin: { contents, loader: "jsx", resolveDir: root } });
  const { page, tasks, said } = await open(t, "", { code });
  await page.setInputFiles("input", { name: "photo.png", mimeType: "image/png", buffer: Buffer.from(SMALL) });
  await page.locator("img").waitFor({ state: "attached" });
  assert.equal(await tasks(), 1);
  assert.deepEqual(said(), []);
});
