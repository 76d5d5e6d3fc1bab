// @ts-check
// The demo page in a real Chromium, through the gateway in real workerd: by `npm start`, as a person does it, and by
// one of the tests' own, behind which each test has its own sandbox.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startGateway } from "../../scripts/gateway.mjs";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { BAD_IMAGES, imageHost, SAMPLES } from "../kit/images.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

const SCREENSHOTS = fileURLToPath(new URL("../output/", import.meta.url));

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof imageHost>>} */
let images;
/** @type {Awaited<ReturnType<typeof serve>>} */
let upstream;
/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** The sandbox of the test that runs. */
let { fetch: answer } = quickSandbox();

const KEY = "sk-0123456789abcdef0123456789abcdef";
const TOKEN_SECRET = "tokens are signed with this and nothing else";
const PASSPHRASE = "open-the-page";

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
      // All tests are one caller.
      CREATE_LIMIT: "0",
      PAGE_TASKS_PER_HOUR: "1000",
      // 3 s, so that an outcome is given up while a test looks on.
      OUTCOME_MINUTES: "0.05",
      ...changes,
    },
  });

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  images = await imageHost();
  upstream = await serve((request) => answer(request), { port: 0 });
  gateway = await gatewayOf();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await gateway?.close();
  await upstream?.close();
  await images?.close();
});

/** The page's address, as `npm start` prints it. @param {string} url */
const opened = (url, passphrase = PASSPHRASE) => `${url}/#passphrase=${passphrase}`;

/**
 * @param {import("node:test").TestContext} t
 * @param {string} url
 * @param {import("playwright-core").BrowserContextOptions & { lost?: RegExp }} [options] `lost`: the paths at which
 *   there is the page instead of the file
 */
async function open(t, url, { lost, ...options } = {}) {
  const context = await browser.newContext(options);
  t.after(() => context.close());
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  if (lost) await page.route(lost, (route) => route.fulfill({ path: `${root}/dist/www/index.html` }));
  await page.goto(url);
  return { page, errors };
}

/** @param {import("playwright-core").Page} page */
const ended = (page) => page.waitForSelector('body[data-state="done"], body[data-state="error"]');

/**
 * @param {import("playwright-core").Page} page
 * @param {string} url
 */
async function upscale(page, url) {
  await page.fill("#image-url", url);
  await page.click("#upscale");
  await ended(page);
}

/** @param {import("playwright-core").Page} page */
const naturalSizes = (page) =>
  page.evaluate(() =>
    ["before", "after"].map((id) => {
      const image = /** @type {HTMLImageElement} */ (document.getElementById(id));
      return [image.naturalWidth, image.naturalHeight];
    }),
  );

/**
 * `npm start`, as a person runs it, until it says where the page is.
 *
 * @param {import("node:test").TestContext} t
 */
async function start(t) {
  // A group of its own, so that npm's children end with it.
  const child = spawn("npm", ["start", "--", "--port", "0"], { cwd: root, detached: true });
  const closed = new Promise((resolve) => child.once("close", resolve));
  t.after(async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid);
    await closed;
  });
  let output = "";
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      output += chunk;
      const url = /http:\/\/127\.0\.0\.1:\d+\/#passphrase=\S+/.exec(output)?.[0];
      if (url !== undefined) resolve(url);
    });
    child.once("close", () => reject(new Error(`npm start ended:\n${output}`)));
  });
}

/**
 * The page, with a sandbox of the test's own behind it.
 *
 * @param {import("node:test").TestContext} t
 * @param {import("crisp-upscale/sandbox").SandboxOptions} [options]
 */
async function serverOf(t, options) {
  const sandbox = quickSandbox({ key: KEY, ...options });
  answer = sandbox.fetch;
  t.after(() => sandbox.close());
  return { ...sandbox, url: opened(gateway.url) };
}

test("npm start serves a page on which a pasted photo comes out four times as large", async (t) => {
  const url = await start(t);
  const { page, errors } = await open(t, url, { viewport: { width: 1280, height: 900 } });
  await page.screenshot({ path: `${SCREENSHOTS}idle.png` });
  await page.fill("#image-url", new URL("/samples/cat.jpg", url).href);
  await page.click("#upscale");
  await page.waitForSelector('body[data-state="running"]');
  await underWay(page);
  await page.screenshot({ path: `${SCREENSHOTS}running.png` });
  await page.waitForSelector('body[data-state="done"]');
  await page.screenshot({ path: `${SCREENSHOTS}done.png` });

  assert.deepEqual(await naturalSizes(page), [
    [420, 280],
    [1680, 1120],
  ]);
  assert.equal(await page.textContent("#before-size"), "420 × 280 px");
  assert.equal(await page.textContent("#after-size"), "1680 × 1120 px");
  assert.match((await page.textContent("#elapsed")) ?? "", /^\d+\.\d s$/);

  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  assert.match(download.suggestedFilename(), /^[0-9a-f]{32}\.png$/);
  const file = await readFile(await download.path());
  assert.deepEqual([file.readUInt32BE(16), file.readUInt32BE(20)], [1680, 1120]);

  await page.click("label[for=zoom-actual]");
  await page.screenshot({ path: `${SCREENSHOTS}actual-pixels.png` });
  assert.deepEqual(errors, []);
});

test("an upscale polls nothing in the page, and no secret comes out of the gateway", async (t) => {
  const { url, ledger } = await serverOf(t);
  const { page } = await open(t, "about:blank");
  /** @type {string[]} */
  const asked = [];
  /** @type {Promise<string>[]} */
  const seen = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("response", async (response) => {
    seen.push(response.allHeaders().then(JSON.stringify));
    seen.push(response.text().catch(() => ""));
  });
  await page.goto(url);
  assert.equal(page.url(), `${gateway.url}/`, "the passphrase does not stay in sight");
  await upscale(page, `${images.url}/rocket.png`);
  assert.equal(await page.getAttribute("body", "data-state"), "done");
  const count = (/** @type {string} */ path) => asked.filter((url) => url.includes(path)).length;
  assert.deepEqual([count("createTask"), count("recordInfo"), (await ledger()).tasks.length], [1, 0, 1]);
  assert.ok(count("/jobs/events") > 0);
  assert.ok(asked.every((url) => !url.includes(PASSPHRASE)));
  const told = [await page.content(), ...(await Promise.all(seen)), ...gateway.logs].join("\n");
  assert.match(told, /createTask/, "the gateway's logs are among it");
  for (const secret of [KEY, TOKEN_SECRET, PASSPHRASE]) assert.ok(!told.includes(secret));
});

test("the page asks for the passphrase until it is right, and remembers it for this tab", async (t) => {
  await serverOf(t);
  const { page, errors } = await open(t, gateway.url, { viewport: { width: 1280, height: 900 } });
  const field = page.getByLabel("Passphrase");
  await field.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "passphrase");
  assert.equal(await page.isVisible("#form"), false);
  await page.screenshot({ path: `${SCREENSHOTS}passphrase.png` });
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("This is not the passphrase. Try again.").waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await page.setViewportSize({ width: 360, height: 740 });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: `${SCREENSHOTS}passphrase-wrong.png` });
  await page.keyboard.type(PASSPHRASE);
  await page.keyboard.press("Enter");
  await page.locator("#form").waitFor();
  assert.equal(await page.isVisible("#access"), false);

  await page.reload();
  await upscale(page, `${images.url}/rocket.png`);
  assert.equal(await page.getAttribute("body", "data-state"), "done");

  const other = await page.context().newPage();
  await other.goto(gateway.url);
  await other.getByLabel("Passphrase").waitFor();
  // The address with the passphrase, pasted into a tab that has the page: nothing is loaded anew.
  await other.goto(opened(gateway.url));
  await other.locator("#form").waitFor();
  assert.equal(other.url(), `${gateway.url}/`);
  assert.deepEqual(errors, []);
});

test("a token that is refused is renewed, and a passphrase that is refused is asked for again", async (t) => {
  const { url, ledger } = await serverOf(t);
  const { page } = await open(t, "about:blank");
  let asked = 0;
  await page.route("**/token", (route) => {
    asked += 1;
    return asked === 1
      ? route.fulfill({ json: { token: "one.that.ended", expiresAt: 0 } })
      : asked === 2
        ? route.fulfill({ status: 401, json: { code: 401, msg: "This is not the passphrase." } })
        : route.continue();
  });
  await page.goto(url);
  await page.fill("#image-url", `${images.url}/rocket.png`);
  await page.click("#upscale");
  await page.fill("#passphrase", PASSPHRASE);
  await page.keyboard.press("Enter");
  await ended(page);
  assert.equal(await page.getAttribute("body", "data-state"), "done");
  assert.deepEqual([asked, (await ledger()).tasks.length], [3, 1]);
});

test("where the owner has set no passphrase, or no key, the page says so and serves nobody", async (t) => {
  for (const [settings, says] of /** @type {[Record<string, string>, RegExp][]} */ ([
    [{ PASSPHRASE: "" }, /serves nobody yet: .* has yet to set PASSPHRASE\./],
    [{ PASSPHRASE: "", KIE_API_KEY: "" }, /has yet to set KIE_API_KEY and PASSPHRASE\./],
  ])) {
    const closed = await gatewayOf(settings);
    t.after(() => closed.close());
    const { page, errors } = await open(t, opened(closed.url), { viewport: { width: 1280, height: 900 } });
    await ended(page);
    assert.match((await page.textContent("#error")) ?? "", says);
    assert.deepEqual([await page.isVisible("#form"), await page.isVisible("#access")], [false, false]);
    assert.equal(await page.isVisible("#upstream"), !("KIE_API_KEY" in settings));
    await page.screenshot({ path: `${SCREENSHOTS}closed.png` });
    assert.deepEqual(errors, []);
  }
});

test("the page is served with a strict policy, and no file beside it", async () => {
  const reply = await fetch(gateway.url);
  const policy = reply.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
  assert.equal(reply.headers.get("referrer-policy"), "no-referrer");
  assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
  for (const path of ["/_headers", "/package.json", "/%2e%2e/package.json", "/../gateway/worker.js"]) {
    assert.equal((await fetch(gateway.url + path)).status, 404, path);
  }
});

test("each sample is one click and the button", async (t) => {
  const { url, ledger } = await serverOf(t);
  const { page } = await open(t, url);
  for (const [index, [width, height]] of Object.values(SAMPLES).entries()) {
    await page.locator(".sample").nth(index).click();
    await page.click("#upscale");
    await page.waitForSelector('body[data-state="running"]');
    await ended(page);
    const [, large] = await naturalSizes(page);
    assert.deepEqual(large, [Number(width) * 4, Number(height) * 4]);
  }
  assert.equal((await ledger()).tasks.length, 3);
});

const CAT = fileURLToPath(new URL("../../www/samples/cat.jpg", import.meta.url));

test("a jpeg from disk is picked, uploaded and enlarged", async (t) => {
  const { url, ledger } = await serverOf(t);
  const { page, errors } = await open(t, url, { viewport: { width: 1280, height: 900 } });
  await page.setInputFiles("#image-file", CAT);
  assert.equal(await page.textContent("#chosen-name"), "cat.jpg");
  await page.locator("#chosen-preview").evaluate((image) => /** @type {HTMLImageElement} */ (image).decode());
  await page.screenshot({ path: `${SCREENSHOTS}file.png` });
  await page.click("#upscale");
  await ended(page);
  assert.deepEqual(await naturalSizes(page), [
    [420, 280],
    [1680, 1120],
  ]);
  const first = await ledger();
  assert.deepEqual([first.requests["file-stream-upload"], first.tasks.length], [1, 1]);
  assert.equal(first.keysSentToFiles, 0);
  assert.deepEqual(errors, []);
});

test("what is wrong with a file is said before anything is sent", async (t) => {
  const photo = await readFile(CAT);
  for (const [name, buffer, says] of /** @type {[string, Buffer, RegExp][]} */ ([
    ["animation.gif", Buffer.from("GIF89a\x01\x00\x01\x00"), /is a GIF; only jpeg, png and webp/],
    ["renamed.jpg", Buffer.from("GIF89a\x01\x00\x01\x00"), /is a GIF/],
    ["large.jpg", Buffer.concat([photo, Buffer.alloc(11 * 1024 * 1024)]), /11\.1 MB; at most 10 MB/],
    ["empty.png", Buffer.alloc(0), /is empty/],
  ])) {
    await t.test(name, async (t) => {
      const { url, ledger } = await serverOf(t);
      const { page } = await open(t, url, { viewport: { width: 1280, height: 900 } });
      await page.setInputFiles("#image-file", { name, mimeType: "image/jpeg", buffer });
      await page.click("#upscale");
      await ended(page);
      const text = (await page.textContent("#error")) ?? "";
      assert.match(text, says);
      assert.match(text, /Nothing was charged/);
      assert.equal((await ledger()).requests["file-stream-upload"], undefined);
      if (name === "animation.gif") await page.screenshot({ path: `${SCREENSHOTS}file-refused.png` });
    });
  }
});

/**
 * A photo that arrives by `drop` or `paste`, as the browser tells a page of it.
 *
 * @param {import("playwright-core").Page} page
 * @param {"drop" | "paste"} way
 */
const arrive = (page, way) =>
  page.evaluate(async (way) => {
    const photo = await (await fetch("/samples/cat.jpg")).blob();
    const data = new DataTransfer();
    data.items.add(new File([photo], `${way}.jpg`, { type: "image/jpeg" }));
    const init = { bubbles: true, cancelable: true };
    const on = document.querySelector("h1");
    const event =
      way === "drop"
        ? new DragEvent("drop", { ...init, dataTransfer: data })
        : new ClipboardEvent("paste", { ...init, clipboardData: data });
    on?.dispatchEvent(event);
    return event.defaultPrevented;
  }, way);

for (const way of /** @type {const} */ (["drop", "paste"])) {
  test(`a photo that arrives by ${way} is enlarged`, async (t) => {
    const { url, ledger } = await serverOf(t);
    const { page } = await open(t, url);
    await page.fill("#image-url", "https://host.example/other.jpg");
    assert.equal(await arrive(page, way), true, "the browser does not do its own with it");
    assert.equal(await page.textContent("#chosen-name"), `${way}.jpg`);
    assert.equal(await page.inputValue("#image-url"), "");
    await page.click("#upscale");
    await ended(page);
    const [, large] = await naturalSizes(page);
    assert.deepEqual(large, [1680, 1120]);
    assert.equal((await ledger()).requests["file-stream-upload"], 1);
  });
}

test("a file gives way to an address, to a sample and to its remove button", async (t) => {
  const { url } = await serverOf(t);
  const { page } = await open(t, url);
  const chosen = page.locator("#chosen");
  for (const instead of [
    () => page.fill("#image-url", `${images.url}/cat.jpg`),
    () => page.locator(".sample").first().click(),
    () => page.click("#chosen-remove"),
  ]) {
    await page.setInputFiles("#image-file", CAT);
    assert.equal(await chosen.isVisible(), true);
    await instead();
    assert.equal(await chosen.isVisible(), false);
  }
  assert.equal(await page.evaluate(() => document.activeElement?.id), "image-file", "the focus is not lost");
});

test("a large picture is warned of, and sent all the same", async (t) => {
  const { url, ledger } = await serverOf(t);
  const { page } = await open(t, url);
  // A PNG's header that says 5000 × 4000; its pixels are missing, so the task fails.
  const header = "89504e470d0a1a0a0000000d494844520000138800000fa00802000000";
  await page.setInputFiles("#image-file", {
    name: "large.png",
    mimeType: "image/png",
    buffer: Buffer.from(header, "hex"),
  });
  await page.click("#upscale");
  await ended(page);
  assert.match((await page.textContent("#warning")) ?? "", /5000 × 4000 pixels/);
  assert.equal((await ledger()).tasks.length, 1);
});

test("the two pictures are compared by dragging and by the keyboard", async (t) => {
  const { url } = await serverOf(t);
  const { page } = await open(t, url);
  await upscale(page, `${images.url}/rocket.png`);
  const range = page.locator("#compare");
  const position = async () => Number(await range.inputValue());
  const middle = await position();
  await range.focus();
  await page.keyboard.press("ArrowRight");
  assert.ok((await position()) > middle, "an arrow key moves the divider");
  const frame = await page.locator("#frame").boundingBox();
  assert.ok(frame);
  await page.mouse.move(frame.x + frame.width / 2, frame.y + frame.height / 2);
  await page.mouse.down();
  await page.mouse.move(frame.x + frame.width / 4, frame.y + frame.height / 2, { steps: 4 });
  await page.mouse.up();
  assert.ok(Math.abs((await position()) - 25) <= 2, "and so does the mouse");
});

test("the page can be used with the keyboard alone, and on a narrow and dark screen", async (t) => {
  const { url } = await serverOf(t);
  const { page } = await open(t, url, { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
  await page.locator("#image-url").focus();
  await page.keyboard.type(`${images.url}/coffee.webp`);
  await page.keyboard.press("Enter");
  await page.waitForSelector('body[data-state="done"]');
  await page.screenshot({ path: `${SCREENSHOTS}narrow-dark.png`, fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${overflow} px hang over`);
});

/**
 * A server whose tasks take an hour, and `finish`, which lets that hour pass.
 *
 * @param {import("node:test").TestContext} t
 */
async function longServerOf(t) {
  let passed = 0;
  const hour = 60 * 60 * 1000;
  const server = await serverOf(t, {
    delays: { waiting: 0, queuing: 0, generating: hour },
    now: () => Date.now() + passed,
  });
  const finish = async () => {
    passed += hour;
    // At any request the sandbox looks at the clock, and calls back.
    await server.ledger();
  };
  return { ...server, finish };
}

/** @param {import("playwright-core").Page} page */
const underWay = (page) => page.getByText("Waiting for the service.").waitFor();

/**
 * A picture whose task is under way in the page.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
async function begin(page, name) {
  await page.fill("#image-url", `${images.url}/${name}`);
  await page.click("#upscale");
  await underWay(page);
}

/**
 * What the page's store holds, once `job` is put into it.
 *
 * @param {import("playwright-core").Page} page
 * @param {object} [job]
 * @returns {Promise<string[]>}
 */
const stored = (page, job) =>
  page.evaluate(async (job) => {
    const ends = (/** @type {IDBRequest} */ request) =>
      new Promise((resolve) => {
        request.onsuccess = () => resolve(request.result);
      });
    const opening = indexedDB.open("crisp-upscale", 1);
    // Where the page has not made it yet.
    opening.onupgradeneeded = () => opening.result.createObjectStore("texts");
    const database = await ends(opening);
    const texts = database.transaction("texts", "readwrite").objectStore("texts");
    if (job !== undefined) await ends(texts.put(JSON.stringify(job), "crisp-upscale/a"));
    const all = await ends(texts.getAll());
    database.close();
    return all;
  }, job);

test("a page that reloads in the middle goes on by itself and pays nothing more", async (t) => {
  const { url, ledger, finish } = await longServerOf(t);
  const { page, errors } = await open(t, url, { viewport: { width: 1280, height: 900 } });
  await begin(page, "cat.jpg");
  for (let reload = 0; reload < 2; reload += 1) {
    await page.reload();
    await underWay(page);
  }
  assert.equal(await page.inputValue("#image-url"), `${images.url}/cat.jpg`);
  assert.equal(await page.isVisible("#pending"), false, "what is shown is not listed as well");
  await page.screenshot({ path: `${SCREENSHOTS}reloaded.png` });
  await finish();
  await page.waitForSelector('body[data-state="done"]');
  assert.deepEqual(await naturalSizes(page), [
    [420, 280],
    [1680, 1120],
  ]);
  const { tasks, requests } = await ledger();
  assert.deepEqual([tasks.length, requests.createTask], [1, 1]);

  assert.deepEqual(await stored(page), [], "and after the end there is nothing to go on with");
  assert.deepEqual(errors, []);
});

test("a file's job goes on from where it was uploaded to, also in a new tab", async (t) => {
  const { url, ledger, finish } = await longServerOf(t);
  const { page } = await open(t, url);
  await page.setInputFiles("#image-file", CAT);
  await page.click("#upscale");
  await underWay(page);
  const context = page.context();
  await page.close();
  const other = await context.newPage();
  await other.goto(url);
  await underWay(other);
  await finish();
  await other.waitForSelector('body[data-state="done"]');
  assert.deepEqual(await naturalSizes(other), [
    [420, 280],
    [1680, 1120],
  ]);
  const { tasks, requests } = await ledger();
  assert.deepEqual([tasks.length, requests["file-stream-upload"]], [1, 1]);
});

for (const [
  what,
  choose,
] of /** @type {[string, (page: import("playwright-core").Page) => Promise<unknown>][]} */ ([
  ["an address", (page) => page.fill("#image-url", `${images.url}/cat.jpg`)],
  ["a file", (page) => page.setInputFiles("#image-file", CAT)],
])) {
  test(`a reload before the reply to createTask goes on with the task that was made: ${what}`, async (t) => {
    const server = await serverOf(t);
    const { page, errors } = await open(t, server.url);
    await page.route("**/createTask", async (route) => {
      // The gateway has it, and the page never sees the reply.
      await route.fetch();
      await page.unroute("**/createTask");
      void page.reload();
    });
    await choose(page);
    await page.click("#upscale");
    await page.waitForSelector('body[data-state="done"]');
    const [, large] = await naturalSizes(page);
    assert.deepEqual(large, [1680, 1120]);
    assert.deepEqual(await stored(page), []);
    const { tasks, requests } = await server.ledger();
    assert.deepEqual([tasks.length, requests.createTask], [1, 1]);
    assert.deepEqual(errors, []);
  });

  test(`a reload before createTask arrived orders nothing, and can be dismissed: ${what}`, async (t) => {
    const server = await serverOf(t);
    const { page, errors } = await open(t, server.url, { viewport: { width: 1280, height: 900 } });
    let [creates, remembers] = [0, -1];
    await page.route("**/createTask", (route) => {
      creates += 1;
      return route.abort();
    });
    await page.route("**/jobs/attempt", async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      body.data.remembersFor += remembers;
      await route.fulfill({ response, json: remembers < 0 ? { code: 200, data: { taskId: null } } : body });
    });
    await choose(page);
    await page.click("#upscale");
    while (creates === 0) await page.waitForTimeout(20);
    await page.reload();
    await page.locator("#error").getByText("cannot say whether a task was made").waitFor();
    const unknown = page.locator("#pending li.unknown");
    await unknown.waitFor();
    assert.match((await unknown.textContent()) ?? "", /No answer came.*makes none.*account’s list of tasks/);
    await page.screenshot({ path: `${SCREENSHOTS}unknown.png` });
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.screenshot({ path: `${SCREENSHOTS}unknown-narrow-dark.png`, fullPage: true });

    const kept = JSON.parse(`${(await stored(page))[0]}`);
    await unknown.getByRole("button", { name: "Dismiss" }).click();
    await unknown.waitFor({ state: "detached" });
    assert.equal(await page.isVisible("#pending"), false);
    assert.equal(await page.evaluate(() => document.activeElement?.id), "upscale", "the focus is not lost");
    assert.deepEqual(await stored(page), []);

    // An hour old, as a gateway is that has been asked before; the attempt is some minutes old.
    remembers = 3_600_000;
    const [createdAt, sendsUntil] = [kept.createdAt - 200_000, kept.sendsUntil - 200_000];
    await stored(page, { ...kept, attempt: "a", createdAt, sendsUntil });
    await page.reload();
    await page.locator("#error").getByText("never arrived").waitFor();
    assert.match((await page.textContent("#error")) ?? "", /Nothing was charged/);
    assert.deepEqual(await stored(page), []);
    const { tasks, requests } = await server.ledger();
    assert.deepEqual([tasks.length, requests.createTask], [0, undefined]);
    assert.deepEqual(errors, []);
  });
}

test("cancel ends the waiting at once; the task is listed and can be gone on with", async (t) => {
  const { url, ledger, finish } = await longServerOf(t);
  const { page } = await open(t, url, { viewport: { width: 1280, height: 900 } });
  await begin(page, "cat.jpg");
  await page.click("#cancel");
  await page.waitForSelector('body[data-state="idle"]');
  assert.match((await page.textContent("#status")) ?? "", /^Cancelled/);
  await page.getByRole("button", { name: "Resume: cat.jpg" }).click();
  await underWay(page);
  await finish();
  await page.waitForSelector('body[data-state="done"]');
  const [, large] = await naturalSizes(page);
  assert.deepEqual(large, [1680, 1120]);
  assert.equal((await ledger()).tasks.length, 1, "and it was paid for once");
});

test("of several jobs the newest goes on by itself, and the others when asked to", async (t) => {
  const { url, ledger, finish } = await longServerOf(t);
  const { page } = await open(t, url, { viewport: { width: 1280, height: 900 } });
  for (const name of ["cat.jpg", "rocket.png", "coffee.webp"]) {
    await begin(page, name);
    await page.click("#cancel");
    await page.waitForSelector('body[data-state="idle"]');
  }
  await page.reload();
  await underWay(page);
  assert.equal(await page.inputValue("#image-url"), `${images.url}/coffee.webp`);
  const listed = page.locator("#pending li strong");
  assert.deepEqual(await listed.allTextContents(), ["rocket.png", "cat.jpg"]);
  assert.equal(await page.getByRole("button", { name: "Resume: cat.jpg" }).isDisabled(), true);
  await page.screenshot({ path: `${SCREENSHOTS}several.png` });
  await finish();
  await page.waitForSelector('body[data-state="done"]');
  await page.getByRole("button", { name: "Resume: cat.jpg" }).click();
  await page.waitForSelector('body[data-state="done"]');
  assert.equal(await page.inputValue("#image-url"), `${images.url}/cat.jpg`);
  await page.getByRole("button", { name: "Dismiss: rocket.png" }).click();
  await page.locator("#pending").waitFor({ state: "hidden" });
  assert.equal((await ledger()).tasks.length, 3);
});

test("a job that the service does not know any more is an error, and can be dismissed", async (t) => {
  const { url, ledger } = await serverOf(t);
  const { page, errors } = await open(t, url);
  const image = `${images.url}/cat.jpg`;
  await stored(page, { attempt: "a", image, taskId: "gone", createdAt: 0, hasKey: false, ended: false });
  await page.reload();
  await ended(page);
  assert.match((await page.textContent("#error")) ?? "", /Task gone/);
  await page.getByRole("button", { name: "Dismiss: cat.jpg" }).click();
  await page.locator("#pending").waitFor({ state: "hidden" });
  assert.deepEqual(await stored(page), []);
  assert.equal((await ledger()).tasks.length, 0);
  assert.deepEqual(errors, []);
});

/**
 * What a person reads, and what it cost.
 *
 * @param {import("node:test").TestContext} t
 * @param {Awaited<ReturnType<typeof serverOf>>} server
 * @param {string} image
 * @param {Parameters<typeof open>[2]} [options]
 */
async function errorOn(t, server, image, options) {
  const { page, errors } = await open(t, server.url, options);
  await upscale(page, image);
  assert.equal(await page.getAttribute("body", "data-state"), "error");
  assert.deepEqual(errors, []);
  const text = (await page.textContent("#error")) ?? "";
  assert.doesNotMatch(text, /undefined|null|\[object|TypeError/);
  return { page, text, ledger: await server.ledger() };
}

for (const [name, path, says] of BAD_IMAGES) {
  test(`${name} ends in a sentence on the page`, async (t) => {
    const { page, text, ledger } = await errorOn(t, await serverOf(t), images.url + path);
    assert.match(text, says);
    assert.match(text, /Nothing was charged/);
    assert.equal(ledger.credits, 100);
    if (path.endsWith(".gif")) await page.screenshot({ path: `${SCREENSHOTS}error.png` });
  });
}

test("what is no URL ends in a sentence on the page, and is not sent", async (t) => {
  for (const image of ["", "cat.jpg", "ftp://host.example/cat.jpg"]) {
    const { text, ledger } = await errorOn(t, await serverOf(t), image);
    assert.match(text, /address|URL/);
    assert.equal(ledger.requests.createTask, undefined);
  }
});

test("a wrong key and an empty account end in a sentence on the page", async (t) => {
  const wrong = await errorOn(t, await serverOf(t, { key: "another" }), `${images.url}/cat.jpg`);
  assert.match(wrong.text, /key is missing or wrong/);
  const empty = await errorOn(t, await serverOf(t, { credits: 0 }), `${images.url}/cat.jpg`);
  assert.match(empty.text, /not enough credits/);
  for (const { text, ledger } of [wrong, empty]) {
    assert.match(text, /Nothing was charged/);
    assert.equal(ledger.tasks.length, 0);
  }
});

test("a server that answers HTML ends in a sentence on the page", async (t) => {
  const server = await serverOf(t);
  await server.fail({ route: "createTask", kind: "html" });
  const { page, text, ledger } = await errorOn(t, server, `${images.url}/cat.jpg`);
  assert.match(text, /no readable answer came/);
  assert.deepEqual([ledger.requests.createTask, ledger.tasks.length], [1, 0]);
  await page.getByRole("button", { name: "Resume: cat.jpg" }).waitFor();
  await page.screenshot({ path: `${SCREENSHOTS}error-unknown.png` });
});

test("a server that is gone ends in a sentence on the page", async (t) => {
  const server = await serverOf(t);
  const { page } = await open(t, server.url);
  // The page's module and its WebAssembly are there; then the server goes.
  await upscale(page, `${images.url}/nothing.jpg`);
  await page.context().setOffline(true);
  await page.fill("#image-url", `${images.url}/cat.jpg`);
  await page.click("#upscale");
  // A browser does not tell whether the request arrived. It is sent again, which a gateway allows.
  await page.locator("#error").getByText("no readable answer came").waitFor({ timeout: 60_000 });
  assert.equal((await server.ledger()).requests.createTask, 1, "the first one's, and no other");
});

/**
 * What a person reads once the network of the page is gone, and `back`, which brings it back. The browser says so to
 * the page, and lets nothing through.
 *
 * @param {import("playwright-core").Page} page
 */
async function offline(page) {
  await page.context().setOffline(true);
  return { back: () => page.context().setOffline(false) };
}

test("offline before the first click, the page says that the network is gone", async (t) => {
  const server = await serverOf(t);
  for (const [
    name,
    choose,
  ] of /** @type {[string, (page: import("playwright-core").Page) => Promise<unknown>][]} */ ([
    ["an address", (page) => page.fill("#image-url", `${images.url}/cat.jpg`)],
    ["a file", (page) => page.setInputFiles("#image-file", CAT)],
    ["a sample", (page) => page.locator(".sample").first().click()],
  ])) {
    await t.test(name, async (t) => {
      const { page, errors } = await open(t, server.url, { viewport: { width: 1280, height: 900 } });
      await page.waitForSelector("#upstream:not([hidden])");
      await page.locator("#form").waitFor();
      await choose(page);
      const network = await offline(page);
      await page.click("#upscale");
      await page.waitForSelector('body[data-state="error"]');
      const text = (await page.textContent("#error")) ?? "";
      assert.match(text, /network is gone/i);
      assert.match(text, /Nothing was charged/);
      assert.doesNotMatch(text, /polic|wasm-unsafe|served beside|console/i);
      await page.screenshot({ path: `${SCREENSHOTS}offline.png` });

      await network.back();
      await page.click("#upscale");
      await page.waitForSelector('body[data-state="done"]');
      assert.deepEqual(errors, []);
    });
  }
  assert.equal((await server.ledger()).tasks.length, 3);
});

test("a page whose gateway cannot be reached begins when the network is back", async (t) => {
  const { url } = await serverOf(t);
  const { page } = await open(t, "about:blank");
  let gone = true;
  await page.route("**/health", (route) => (gone ? route.abort() : route.continue()));
  await page.goto(url);
  await ended(page);
  gone = false;
  const network = await offline(page);
  await network.back();
  await page.waitForSelector('body[data-state="idle"]');
  await page.waitForSelector("#upstream:not([hidden])");
  assert.equal(await page.isVisible("#error"), false);
});

/**
 * A page whose result is there, and cannot be shown since the network went; `results`: how often it was asked for.
 *
 * @param {import("node:test").TestContext} t
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
async function unseen(t, options) {
  const server = await serverOf(t);
  const { page, errors } = await open(t, server.url, options);
  const asked = { results: 0, gone: true };
  await page.context().route("**/results/**", (route) => {
    if (route.request().resourceType() !== "image") return route.continue();
    asked.results += 1;
    return asked.gone ? route.abort("internetdisconnected") : route.continue();
  });
  await page.clock.install();
  await page.fill("#image-url", `${images.url}/cat.jpg`);
  await page.click("#upscale");
  await page.locator("#error").getByText("The picture was enlarged").waitFor();
  return { ...server, page, errors, asked };
}

test("a result that could not be shown is shown when the network is back", async (t) => {
  const { page, errors, asked, ledger } = await unseen(t, { viewport: { width: 1280, height: 900 } });
  assert.equal(await page.isVisible("#download"), true);
  assert.equal((await stored(page)).length, 1, "it is remembered");
  await page.getByRole("button", { name: "Dismiss: cat.jpg" }).waitFor();
  await page.screenshot({ path: `${SCREENSHOTS}not-shown.png` });
  const network = await offline(page);
  // The retry that was waited for already fails. From then on only the network's return counts.
  await page.clock.runFor(60_000);
  await page.locator("#error").getByText("it will be shown when it is back").waitFor();
  const { results } = asked;
  await page.clock.runFor(3_600_000);
  assert.equal(asked.results, results);
  await page.setViewportSize({ width: 360, height: 740 });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: `${SCREENSHOTS}not-shown-narrow-dark.png`, fullPage: true });
  asked.gone = false;
  await network.back();
  await page.waitForSelector('body[data-state="done"]');
  assert.deepEqual(await naturalSizes(page), [
    [420, 280],
    [1680, 1120],
  ]);
  assert.equal(await page.isVisible("#error"), false);
  await page.locator("#pending").waitFor({ state: "hidden" });
  assert.deepEqual(await stored(page), []);
  assert.equal((await ledger()).tasks.length, 1);
  assert.deepEqual(errors, []);
});

test("a result that could not be shown is tried again a few times by itself, and not for ever", async (t) => {
  const { page, asked } = await unseen(t);
  while (asked.results < 5) await page.clock.runFor(1000);
  for (let minute = 0; minute < 60; minute += 1) await page.clock.runFor(60_000);
  assert.equal(asked.results, 5);
  asked.gone = false;
  await page.getByRole("button", { name: "Resume: cat.jpg" }).click();
  await page.waitForSelector('body[data-state="done"]');
});

test("a result that was not shown is still there after a reload, until it is shown or dismissed", async (t) => {
  const { page, asked, ledger } = await unseen(t);
  await page.reload();
  await page.locator("#error").getByText("The picture was enlarged").waitFor();
  assert.equal((await stored(page)).length, 1);
  await page.getByRole("button", { name: "Dismiss: cat.jpg" }).click();
  await page.waitForSelector('body[data-state="idle"]');
  assert.deepEqual(await stored(page), []);
  assert.deepEqual([await page.isVisible("#pending"), await page.isVisible("#error")], [false, false]);
  const { results } = asked;
  await page.clock.runFor(3_600_000);
  assert.equal(asked.results, results, "what is dismissed is not tried again");

  await page.click("#upscale");
  await page.locator("#error").getByText("The picture was enlarged").waitFor();
  asked.gone = false;
  await page.reload();
  await page.waitForSelector('body[data-state="done"]');
  assert.deepEqual(await stored(page), []);
  await page.reload();
  await page.waitForSelector("#upstream:not([hidden])");
  await page.waitForSelector('body[data-state="idle"]');
  assert.equal((await ledger()).tasks.length, 2);
});

test("another upscale takes the place of a result that was not shown, which stays listed", async (t) => {
  const { page, asked, ledger } = await unseen(t);
  asked.gone = false;
  await upscale(page, `${images.url}/rocket.png`);
  assert.deepEqual(await naturalSizes(page), [
    [330, 220],
    [1320, 880],
  ]);
  await page.getByRole("button", { name: "Resume: cat.jpg" }).click();
  await page.waitForFunction(
    () =>
      document.body.dataset.state === "done" &&
      /cat/.test(/** @type {HTMLInputElement} */ (document.querySelector("#image-url")).value),
  );
  await page.locator("#pending").waitFor({ state: "hidden" });
  assert.deepEqual(await stored(page), []);
  assert.equal((await ledger()).tasks.length, 2);
});

/**
 * Waits until the page has seen that another tab runs a job: it waits for that one's lock.
 *
 * @param {import("playwright-core").Page} page
 */
const seesAnother = (page) =>
  page.waitForFunction(() => navigator.locks.query().then(({ pending }) => pending?.length === 1));

test("what another tab runs is not listed as unfinished, and is once that tab is gone", async (t) => {
  const { url, ledger, finish } = await longServerOf(t);
  const { page } = await open(t, url);
  await begin(page, "cat.jpg");
  const other = await page.context().newPage();
  await other.goto(url);
  await seesAnother(other);
  assert.equal(await other.getAttribute("body", "data-state"), "idle");
  assert.equal(await other.locator("#pending li").count(), 0);
  // A reload goes on with what this tab ran, though the other waits for its lock.
  await page.reload();
  await underWay(page);
  assert.equal(await page.inputValue("#image-url"), `${images.url}/cat.jpg`);
  await page.close();
  await other.getByRole("button", { name: "Resume: cat.jpg" }).click();
  await underWay(other);
  await finish();
  await other.waitForSelector('body[data-state="done"]');
  assert.equal((await ledger()).tasks.length, 1);
});

test("of two tabs each runs its own, and what one cancels the other lists", async (t) => {
  const { url, ledger } = await longServerOf(t);
  const { page } = await open(t, url);
  await begin(page, "cat.jpg");
  const other = await page.context().newPage();
  await other.goto(url);
  await begin(other, "rocket.png");
  await page.click("#cancel");
  const listed = (/** @type {import("playwright-core").Page} */ page) =>
    page.locator("#pending li strong").allTextContents();
  await page.locator("#pending li").waitFor();
  assert.deepEqual(await listed(page), ["cat.jpg"]);
  await other.locator("#pending li").waitFor();
  assert.deepEqual(await listed(other), ["cat.jpg"]);
  assert.equal((await ledger()).tasks.length, 2);
});

test("a task that another tab is making is not said to be of unknown outcome", async (t) => {
  const server = await serverOf(t);
  await server.fail({ route: "createTask", kind: "slow", ms: 3_600_000 });
  const { page } = await open(t, server.url);
  await page.fill("#image-url", `${images.url}/cat.jpg`);
  await page.click("#upscale");
  while ((await server.ledger()).tasks.length === 0) await page.waitForTimeout(20);
  const other = await page.context().newPage();
  await other.goto(server.url);
  await seesAnother(other);
  assert.equal(await other.locator("#pending li").count(), 0);
  await page.close();
  await other.locator("#pending li.unknown").waitFor();
});

test("where there are no locks, as in a page that came by http, all that is not over is listed", async (t) => {
  const { url, ledger, finish } = await longServerOf(t);
  const { page } = await open(t, "about:blank");
  await page.context().addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
  await page.goto(url);
  await begin(page, "cat.jpg");
  const other = await page.context().newPage();
  await other.goto(url);
  await underWay(other);
  await finish();
  for (const tab of [page, other]) await tab.waitForSelector('body[data-state="done"]');
  assert.equal((await ledger()).tasks.length, 1);
  assert.deepEqual(await stored(page), []);
});

test("nothing on the page keeps out who uses it by other means than eyes and a mouse", async (t) => {
  const { url } = await serverOf(t);
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    const { page } = await open(t, url, { colorScheme, bypassCSP: true });
    const violations = async (on = page) => {
      await on.addScriptTag({ path: `${root}/node_modules/axe-core/axe.min.js` });
      return on.evaluate(async () => {
        const { violations } = await /** @type {any} */ (globalThis).axe.run();
        return violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes[0].html}`);
      });
    };
    assert.deepEqual(await violations(), [], "idle");
    const asked = await open(t, gateway.url, { colorScheme, bypassCSP: true });
    await asked.page.locator("#passphrase").waitFor();
    assert.deepEqual(await violations(asked.page), [], "a passphrase is asked for");
    await asked.page.fill("#passphrase", "wrong");
    await asked.page.keyboard.press("Enter");
    await asked.page.locator("#passphrase[aria-invalid]").waitFor();
    assert.deepEqual(await violations(asked.page), [], "it is wrong");
    await upscale(page, `${images.url}/animation.gif`);
    assert.deepEqual(await violations(), [], "an error");
    await upscale(page, `${images.url}/cat.jpg`);
    await page.waitForSelector('body[data-state="done"]');
    assert.deepEqual(await violations(), [], "done");
    const image = `${images.url}/cat.jpg`;
    await stored(page, { attempt: "a", image, taskId: null, createdAt: 0, hasKey: false, ended: false });
    await page.reload();
    await page.locator("#pending li").waitFor();
    assert.deepEqual(await violations(), [], "a job that was cut off");
  }
});

test("where the wasm file was not copied along, the page works all the same", async (t) => {
  const { url } = await serverOf(t);
  const { page } = await open(t, url, { lost: /\.wasm$/ });
  await upscale(page, `${images.url}/cat.jpg`);
  const [, large] = await naturalSizes(page);
  assert.deepEqual(large, [1680, 1120]);
});

test("where the wasm file was not copied along, a click offline spoils nothing for the next one", async (t) => {
  const { url } = await serverOf(t);
  const { page } = await open(t, "about:blank");
  let gone = false;
  await page.route(/\.wasm$/, (route) =>
    gone ? route.abort("internetdisconnected") : route.fulfill({ path: `${root}/dist/www/index.html` }),
  );
  await page.goto(url);
  await page.waitForSelector("#upstream:not([hidden])");
  await page.locator("#form").waitFor();
  const network = await offline(page);
  gone = true;
  await upscale(page, `${images.url}/cat.jpg`);
  assert.match((await page.textContent("#error")) ?? "", /The network is gone/);
  await network.back();
  gone = false;
  await page.click("#upscale");
  await page.waitForSelector('body[data-state="done"]');
});

test("where no wasm can be had at all, the page says so, and nothing was charged", async (t) => {
  const server = await serverOf(t);
  const lost = /\.wasm$|inline/;
  const { text, ledger } = await errorOn(t, server, `${images.url}/cat.jpg`, { lost });
  assert.match(text, /WebAssembly .* could not be loaded/);
  assert.match(text, /Nothing was charged/);
  assert.equal(ledger.requests.createTask, undefined);
});

test("where the wasm cannot be fetched though the network is there, the page says so and names what may forbid it", async (t) => {
  const server = await serverOf(t);
  const { page } = await open(t, "about:blank");
  await page.route(/\.wasm$|inline/, (route) => route.abort("connectionrefused"));
  await page.goto(server.url);
  await upscale(page, `${images.url}/cat.jpg`);
  const text = (await page.textContent("#error")) ?? "";
  assert.match(
    text,
    /WebAssembly .* could not be fetched, so nothing was sent\. Check the network, .* connect-src/,
  );
  assert.doesNotMatch(text, /network is gone|wasm-unsafe-eval/);
  assert.match(text, /Nothing was charged/);
  await page.unroute(/\.wasm$|inline/);
  await upscale(page, `${images.url}/cat.jpg`);
  await page.waitForSelector('body[data-state="done"]');
  assert.equal((await server.ledger()).tasks.length, 1);
});

test("text from a server is shown as text", async (t) => {
  const server = await serverOf(t);
  await server.fail({ route: "createTask", kind: "code", code: 422, msg: "<img src=x onerror=alert(1)>" });
  const { page, text } = await errorOn(t, server, `${images.url}/cat.jpg`);
  assert.match(text, /<img src=x onerror=alert\(1\)>/);
  assert.equal(await page.locator("#error img").count(), 0);
});
