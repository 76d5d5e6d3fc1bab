// @ts-check
// The demo page in a real Chromium against injected markup, under its policy.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { startGateway } from "../../scripts/gateway.mjs";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { KEY, TOKEN_SECRET } from "../kit/gateway.mjs";
import { imageHost } from "../kit/images.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

const PASSPHRASE = "open-the-page";
const CAT = `${root}/www/samples/cat.jpg`;
/** Would run if it were taken for markup, by itself or where something else holds it. */
const MARKUP = `"'><img src=x onerror="window.ran='it'"><script>window.ran='it'</script>`;

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof imageHost>>} */
let images;
/** @type {Awaited<ReturnType<typeof serve>>} */
let upstream;
/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** @type {ReturnType<typeof quickSandbox>} the sandbox of the test that runs */
let sandbox;

/** @param {Record<string, string>} [changes] of the settings */
const gatewayOf = (changes) =>
  startGateway({
    settings: {
      KIE_API_KEY: KEY,
      TOKEN_SECRET,
      PASSPHRASE,
      BASE_URL: upstream.url,
      UPLOAD_BASE_URL: upstream.url,
      UPSTREAM_NAME: "sandbox",
      IMAGE_ORIGINS: `${images.url} ${upstream.url}`,
      CREATE_LIMIT: "0",
      PAGE_TASKS_PER_HOUR: "1000",
      ...changes,
    },
  });

before(async () => {
  images = await imageHost();
  upstream = await serve((request) => sandbox.fetch(request), { port: 0 });
  gateway = await gatewayOf();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await gateway?.close();
  await upstream?.close();
  await images?.close();
});

/**
 * The page, watched. `seen()`: what its policy was broken by, and what ran that is not the page's own.
 *
 * @param {import("node:test").TestContext} t
 * @param {{ url?: string, options?: import("crisp-upscale/sandbox").SandboxOptions,
 *   prepare?: (page: import("playwright-core").Page) => Promise<unknown> }} [how]
 */
async function watched(t, { url = gateway.url, options, prepare } = {}) {
  sandbox = quickSandbox({ key: KEY, ...options });
  t.after(() => sandbox.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  t.after(() => context.close());
  await context.addInitScript(() => {
    const broken = /** @type {string[]} */ ([]);
    Object.assign(window, { broken });
    addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
      broken.push(`${effectiveDirective} ${blockedURI}`),
    );
  });
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => {
    errors.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await prepare?.(page);
  await page.goto(`${url}/#passphrase=${PASSPHRASE}`);
  return {
    page,
    async seen() {
      const { broken, ran } = await page.evaluate(() => {
        const { broken, ran } = /** @type {any} */ (window);
        return { broken, ran };
      });
      return { broken, ran, errors, markup: await page.locator('img[src="x"], script:not([src])').count() };
    },
  };
}

/** Nothing was broken, and nothing ran. */
const NOTHING = { broken: [], ran: undefined, errors: [], markup: 0 };

/**
 * Presses the button, and waits for the end of what that begins, however short it is.
 *
 * @param {import("playwright-core").Page} page
 */
async function press(page) {
  const over = page.evaluate(
    () =>
      new Promise((resolve) => {
        const { body } = document;
        let running = false;
        new MutationObserver((changes, observer) => {
          running ||= changes.some(({ oldValue }) => oldValue === "running");
          if (!running || body.dataset.state === "running") return;
          observer.disconnect();
          resolve(undefined);
        }).observe(body, { attributeFilter: ["data-state"], attributeOldValue: true });
      }),
  );
  await page.click("#upscale");
  await over;
}

/** @param {import("playwright-core").Page} page @param {string} url */
async function upscale(page, url) {
  await page.fill("#image-url", url);
  await press(page);
}

test("what the page is made of has no inline script, no inline style and no handler", async () => {
  const html = await readFile(`${root}/dist/www/index.html`, "utf8");
  for (const inline of [
    /<script(?![^>]*\ssrc=)/i,
    /<style/i,
    /\sstyle\s*=/i,
    /\son\w+\s*=/i,
    /["']\s*javascript:/i,
  ]) {
    assert.doesNotMatch(html, inline);
  }
  const sources = [...html.matchAll(/\s(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? "");
  assert.ok(sources.length > 3);
  for (const source of sources) assert.match(source, /^[/#](?!\/)/, "nothing is loaded from elsewhere");
});

test("the watch sees what it is there to see, and the policy keeps it from running", async (t) => {
  const { page, seen } = await watched(t);
  await page.locator("#form").waitFor();
  await page.evaluate(async (markup) => {
    const broken = new Promise((resolve) => addEventListener("securitypolicyviolation", resolve));
    document.querySelector("main")?.insertAdjacentHTML("beforeend", markup);
    await broken;
  }, MARKUP);
  const { broken, ran, markup } = await seen();
  assert.deepEqual([broken, ran, markup], [["script-src-attr inline"], undefined, 2]);
  // Each in its own way: what the policy forbids is not done.
  const tried = await page.evaluate(async (elsewhere) => {
    const script = document.createElement("script");
    script.textContent = "window.ran = 'inline'";
    document.head.append(script);
    const style = document.createElement("style");
    style.textContent = "body { display: none }";
    document.head.append(style);
    document.head.append(Object.assign(document.createElement("base"), { href: elsewhere }));
    const frame = Object.assign(document.createElement("iframe"), { src: elsewhere });
    document.body.append(frame);
    return {
      shown: getComputedStyle(document.body).display !== "none",
      base: document.baseURI,
      // Not within what the debugger evaluates, which may do more than a page.
      evaluated: await new Promise((resolve) =>
        setTimeout(() => {
          try {
            resolve(new Function("return 1 + 1")());
          } catch (error) {
            resolve(/** @type {Error} */ (error).name);
          }
        }),
      ),
      fetched: await fetch(elsewhere).then(
        () => "sent",
        (error) => error.name,
      ),
      ran: /** @type {any} */ (window).ran,
    };
  }, `${images.url}/cat.jpg`);
  assert.deepEqual(tried, {
    shown: true,
    base: page.url(),
    evaluated: "EvalError",
    fetched: "TypeError",
    ran: undefined,
  });
});

test("a page of another origin cannot frame it", async (t) => {
  const { page } = await watched(t);
  // A page without a policy of its own.
  await page.goto(`${images.url}/page.jpg`);
  await page.setContent(`<iframe src="${gateway.url}/"></iframe>`);
  const frame = await (await page.waitForSelector("iframe")).contentFrame();
  await frame?.waitForLoadState();
  assert.equal(await frame?.locator("#form").count(), 0);
});

test("whatever a visitor does, the page keeps to its own policy", async (t) => {
  const { page, seen } = await watched(t);
  await page.locator(".sample").first().click();
  await press(page);
  await page.locator("#compare").focus();
  await page.keyboard.press("ArrowRight");
  await page.click("label[for=zoom-actual]");
  const frame = await page.locator("#frame").boundingBox();
  assert.ok(frame);
  await page.mouse.move(frame.x + 50, frame.y + 50);
  await page.mouse.down();
  await page.mouse.move(frame.x + 90, frame.y + 70, { steps: 4 });
  await page.mouse.up();
  await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  await page.setInputFiles("#image-file", CAT);
  await press(page);
  assert.equal(await page.getAttribute("body", "data-state"), "done");
  await upscale(page, `${images.url}/nothing.jpg`);
  assert.equal(await page.getAttribute("body", "data-state"), "error");
  assert.deepEqual(await seen(), NOTHING);
});

test("messages of the service that hold markup are shown as text", async (t) => {
  const { page, seen } = await watched(t);
  await sandbox.fail({ route: "task", kind: "code", code: 500, msg: `Failed: ${MARKUP}` });
  await upscale(page, `${images.url}/cat.jpg`);
  assert.ok((await page.locator("#error").innerText()).includes(MARKUP));
  await sandbox.fail({ route: "createTask", kind: "code", code: 422, msg: `Refused: ${MARKUP}` });
  await upscale(page, `${images.url}/cat.jpg`);
  assert.ok((await page.locator("#error").innerText()).includes(`Refused: ${MARKUP}`));
  await sandbox.fail({
    route: "file-stream-upload",
    kind: "code",
    code: 400,
    msg: `Not taken: ${MARKUP}`,
    times: 3,
  });
  await page.setInputFiles("#image-file", {
    name: `${MARKUP}.jpg`,
    mimeType: "image/jpeg",
    buffer: await readFile(CAT),
  });
  assert.ok(((await page.textContent("#chosen-name")) ?? "").includes("onerror"), "a file's name, too");
  await press(page);
  assert.ok((await page.locator("#error").innerText()).includes("Not taken"));
  assert.deepEqual(await seen(), NOTHING);
});

test("what the gateway says of itself, and of a passphrase, is shown as text", async (t) => {
  const named = await gatewayOf({ UPSTREAM_NAME: MARKUP });
  t.after(() => named.close());
  const { page, seen } = await watched(t, {
    url: named.url,
    prepare: (page) =>
      page.route("**/token", (route) => route.fulfill({ status: 401, json: { code: 401, msg: MARKUP } })),
  });
  await page.getByText("onerror").first().waitFor();
  await page.locator("#access-message.wrong").waitFor();
  for (const id of ["upstream", "access-message"]) {
    assert.ok(((await page.textContent(`#${id}`)) ?? "").includes(MARKUP), id);
  }
  assert.deepEqual(await seen(), NOTHING);
});

test("states, names and addresses that hold markup are shown as text, and only one of the web is shown or linked to", async (t) => {
  /** @type {object} the record of every task */
  let record = {};
  const { page, seen } = await watched(t, {
    prepare: async (page) => {
      await page.route("**/api/v1/jobs/createTask", (route) =>
        route.fulfill({ json: { code: 200, msg: "success", data: { taskId: `task ${MARKUP}` } } }),
      );
      await page.route("**/api/v1/jobs/recordInfo*", (route) =>
        route.fulfill({ json: { code: 200, msg: "success", data: { resultJson: "", ...record } } }),
      );
    },
  });
  await page.locator("#form").waitFor();

  record = { state: `odd ${MARKUP}` };
  await page.fill("#image-url", `${images.url}/${encodeURIComponent(MARKUP)}.jpg`);
  await page.click("#upscale");
  await page.getByText("The service calls this").waitFor();
  assert.ok(((await page.textContent("#status")) ?? "").includes(MARKUP));
  await page.click("#cancel");
  assert.ok(((await page.textContent("#status")) ?? "").includes(`task ${MARKUP}`));
  await page.locator("#pending li").first().waitFor();
  assert.match(await page.locator("#pending").innerText(), /onerror/, "the picture's name");

  for (const url of [
    `javascript:window.ran='it'`,
    `https://host.example/"onload="window.ran='it'`,
    `data:text/html,${MARKUP}`,
    "blob:https://host.example/result",
    "file:///etc/hostname",
    "/samples/cat.jpg",
    "https:",
  ]) {
    const isWeb = url.startsWith("https://");
    record = { state: "success", resultJson: JSON.stringify({ resultUrls: [url] }) };
    await upscale(page, `${images.url}/cat.jpg`);
    const shown = await page.evaluate(async (follow) => {
      const download = /** @type {HTMLAnchorElement} */ (document.getElementById("download"));
      // Not from within the debugger, and then as long as a navigation takes to begin.
      await new Promise((resolve) => setTimeout(resolve));
      if (follow) download.click();
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const sources = ["after", "before"].map((id) => document.getElementById(id)?.getAttribute("src"));
      return { attributes: download.getAttributeNames(), hidden: download.hidden, sources };
    }, !isWeb);
    const attributes = ["id", "class", "download", isWeb ? "href" : "hidden"];
    const sources = [isWeb ? new URL(url).href : null, `${images.url}/cat.jpg`];
    assert.deepEqual(
      { ...shown, attributes: shown.attributes.sort() },
      { attributes: attributes.sort(), hidden: !isWeb, sources },
      url,
    );
    assert.equal(await page.getAttribute("body", "data-state"), "error", url);
    const { ran, errors, markup } = await seen();
    assert.deepEqual([ran, errors, markup], [undefined, [], 0], url);
  }
  const { broken } = await seen();
  // The page asks for a result's first bytes; its policy says from where it may.
  for (const what of broken) assert.match(what, /^(connect-src|img-src|script-src-elem|script-src) /);
  assert.ok(
    broken.every((/** @type {string} */ what) => !what.startsWith("script-src-attr")),
    `${broken}`,
  );
});

test("the page keeps the passphrase for the tab, the tickets of its jobs, and nothing else", async (t) => {
  const { page, seen } = await watched(t, {
    options: { delays: { waiting: 0, queuing: 0, generating: 3_600_000 } },
  });
  /** @type {string[]} */
  const tokens = [];
  page.on("request", (request) => {
    const token = request.headers().authorization;
    if (token) tokens.push(token.replace("Bearer ", ""));
  });
  await page.fill("#image-url", `${images.url}/cat.jpg`);
  await page.click("#upscale");
  await page.getByText("Waiting for the service.").waitFor();
  const kept = await page.evaluate(async () => {
    const ends = (/** @type {IDBRequest} */ request) =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const texts = [];
    for (const { name = "" } of await indexedDB.databases()) {
      const database = await ends(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        texts.push(...(await ends(database.transaction(store).objectStore(store).getAll())));
      }
      database.close();
    }
    return {
      texts: texts.map(String),
      local: { ...localStorage },
      session: { ...sessionStorage },
      cookie: document.cookie,
      address: location.href,
      caches: await caches.keys(),
    };
  });
  assert.ok(tokens.length > 0);
  assert.equal(kept.texts.length, 1);
  // By which other tabs tell this one's lock from their own: a random number, of no use to anybody.
  assert.match(kept.session.tab, /^\d+,\d+$/);
  assert.deepEqual(
    { ...kept, texts: [] },
    {
      texts: [],
      local: {},
      session: { passphrase: PASSPHRASE, tab: kept.session.tab },
      cookie: "",
      address: `${gateway.url}/`,
      caches: [],
    },
  );
  const all = [...kept.texts, await page.content()].join("\n");
  for (const secret of [KEY, TOKEN_SECRET, PASSPHRASE, ...tokens]) assert.ok(!all.includes(secret));
  assert.deepEqual(await seen(), NOTHING);
});
