// @ts-check
// Calls that are invalid by their form: tickets, keys, options. An UpscaleError says so before anything is sent, and
// of a file before it is uploaded.
import "../kit/quick-time.mjs";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { mintToken, receiveCallback, Upscaler } from "crisp-upscale";
import { root } from "../../scripts/run.mjs";
import { folderOf } from "../../scripts/static.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { envelope } from "../kit/envelope.mjs";
import { failure } from "../kit/failure.mjs";

const IMAGE = "https://host.example/photo.jpg";
const RESULT = "https://files.example/result.png";
/** A jpeg as far as its size, 32 by 32. */
const PHOTO = new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 32, 0, 32]);

/** @param {Partial<import("crisp-upscale").UpscalerOptions>} [options] */
function upscalerOf(options = {}) {
  /** @type {Request[]} */
  const requests = [];
  const upscaler = new Upscaler(
    /** @type {any} */ ({
      baseUrl: "https://api.example",
      fetch: async (/** @type {Request} */ request) => {
        requests.push(request);
        if (request.url.endsWith("/file-stream-upload"))
          return envelope({ downloadUrl: "https://files.example/a.jpg" });
        if (request.url.endsWith("/createTask")) return envelope({ taskId: "abc" });
        return envelope({
          taskId: "abc",
          state: "success",
          resultJson: JSON.stringify({ resultUrls: [RESULT] }),
        });
      },
      apiKey: "key",
      ...options,
    }),
  );
  return { upscaler, requests };
}

/**
 * @param {Promise<unknown>} call
 * @param {RegExp} says
 */
async function isInvalid(call, says) {
  const error = await failure(call);
  assert.deepEqual(
    [error.kind, error.charged, error.retryable],
    ["invalid-input", "no", false],
    error.message,
  );
  assert.match(error.message, says);
}

test("what is no ticket is what the job rejects with, and its iteration", async (t) => {
  const NO_TICKET = /not a ticket|must be an object/;
  /** @type {[string, any, RegExp][]} */
  const rows = [
    ["null", null, NO_TICKET],
    ["undefined", undefined, NO_TICKET],
    ["a number", 5, NO_TICKET],
    ["an empty object", {}, NO_TICKET],
    ["another library's ticket", { id: "t1" }, NO_TICKET],
    ["a task id that is a number", { taskId: 5, createdAt: 0 }, NO_TICKET],
    ["an empty text", "", /task id is empty/],
    ["an empty task id", { taskId: "", createdAt: 0 }, /task id is empty/],
    ["an attempt without a task", { attempt: "a", image: IMAGE, taskId: null, createdAt: 0 }, /forget\(\)/],
  ];
  for (const [name, ticket, says] of rows) {
    await t.test(name, async () => {
      const { upscaler, requests } = upscalerOf();
      const job = upscaler.resume(ticket);
      await isInvalid(job.result(), says);
      await isInvalid(
        (async () => {
          for await (const _ of job);
        })(),
        says,
      );
      assert.equal(requests.length, 0);
    });
  }
  await t.test("an attempt that pending() gives", async () => {
    const { upscaler, requests } = upscalerOf({ fetch: () => Promise.reject(new Error("reset")) });
    await failure(upscaler.upscale(IMAGE));
    const [pending] = await upscaler.pending();
    assert.ok(pending !== undefined && pending.taskId === null);
    await isInvalid(upscaler.resume(/** @type {any} */ (pending)).result(), /forget\(\)/);
    await upscaler.forget(pending);
    assert.deepEqual(await upscaler.pending(), []);
    assert.equal(requests.length, 0);
  });
  await t.test("a ticket whose time is not known is resumed all the same", async () => {
    for (const createdAt of [undefined, null, "yesterday", Number.NaN]) {
      const ticket = /** @type {any} */ ({ taskId: "abc", createdAt });
      assert.equal((await upscalerOf().upscaler.resume(ticket).result()).url, RESULT);
    }
  });
});

test("what is no entry of pending() cannot be forgotten", async () => {
  const { upscaler } = upscalerOf();
  for (const entry of [null, undefined, {}, "a", { attempt: 5 }, { attempt: Symbol("a") }]) {
    await isInvalid(upscaler.forget(/** @type {any} */ (entry)), /pending|object/);
  }
});

test("upscaleAll takes many images, and says so to one", async () => {
  const { upscaler, requests } = upscalerOf();
  for (const images of [IMAGE, null, undefined, 5, {}, PHOTO, new Blob([PHOTO]), new URL(IMAGE), () => {}]) {
    await isInvalid(upscaler.upscaleAll(/** @type {any} */ (images)).next(), /another iterable/);
  }
  for (const concurrency of [0, -1, Number.NaN, "5", {}, true]) {
    const options = /** @type {any} */ ({ concurrency });
    await isInvalid(upscaler.upscaleAll([IMAGE], options).next(), /concurrency/);
  }
  await isInvalid(upscaler.upscaleAll([IMAGE], /** @type {any} */ ({ timeout: "soon" })).next(), /timeout/);
  assert.equal(requests.length, 0);
});

test("options that are wrong are said to be, by every method", async (t) => {
  /** @type {Record<string, (upscaler: Upscaler, options: any) => Promise<unknown>>} */
  const calls = {
    upscale: (upscaler, options) => upscaler.upscale(IMAGE, options),
    "upscale of a file": (upscaler, options) => upscaler.upscale(PHOTO, options),
    submit: (upscaler, options) => upscaler.submit(IMAGE, options),
    resume: (upscaler, options) => upscaler.resume("abc", options).result(),
    createTask: (upscaler, options) =>
      upscaler.createTask({ model: "recraft/crisp-upscale", input: { image: IMAGE } }, options),
    getTask: (upscaler, options) => upscaler.getTask("abc", options),
    upload: (upscaler, options) => upscaler.upload(PHOTO, options),
    credits: (upscaler, options) => upscaler.credits(options),
  };
  /** @type {[any, RegExp][]} */
  const wrong = [
    ["text", /options must be an object/],
    [5, /options must be an object/],
    [{ timeout: Number.NaN }, /timeout must be/],
    [{ timeout: -1 }, /timeout must be/],
    [{ timeout: "1000" }, /timeout must be/],
    [{ timeout: 1000n }, /timeout must be/],
    [{ signal: new AbortController() }, /signal is not an AbortSignal/],
    [{ signal: {} }, /signal is not an AbortSignal/],
    [{ signal: "stop" }, /signal is not an AbortSignal/],
  ];
  for (const [name, call] of Object.entries(calls)) {
    await t.test(name, async () => {
      const { upscaler, requests } = upscalerOf();
      for (const [options, says] of wrong) await isInvalid(call(upscaler, options), says);
      assert.equal(requests.length, 0);
      // What is not given is null as well, and a time-out may have no end.
      for (const options of [
        null,
        undefined,
        { signal: null, timeout: null },
        { timeout: Number.POSITIVE_INFINITY },
      ]) {
        await call(upscaler, options).catch((error) => assert.equal(error.kind, "bad-reply"));
      }
      assert.ok(requests.length > 0);
    });
  }
  await t.test("onUpdate", async () => {
    const { upscaler, requests } = upscalerOf();
    const options = /** @type {any} */ ({ onUpdate: "log" });
    await isInvalid(upscaler.upscale(IMAGE, options), /onUpdate must be a function/);
    assert.equal(requests.length, 0);
  });
});

test("an onUpdate that rejects is printed and costs nothing", async (t) => {
  const printed = t.mock.method(console, "error", () => {});
  const { upscaler } = upscalerOf();
  const onUpdate = async () => {
    throw new Error("mine");
  };
  assert.equal((await upscaler.upscale(PHOTO, { onUpdate })).url, RESULT);
  assert.ok(printed.mock.callCount() > 0);
});

test("what an Upscaler is made of is checked when it is made", () => {
  /** @type {[any, RegExp][]} */
  const rows = [
    [undefined, /options are missing/],
    [null, /options are missing/],
    ["key", /options are missing/],
    [{ apiKey: 5 }, /apiKey must be a string/],
    [{ apiKey: Symbol("key") }, /apiKey must be a string/],
    [{ token: {} }, /token must be a string/],
    [{ apiKey: "key", store: {} }, /store must have/],
    [{ apiKey: "key", store: [] }, /store must have/],
    [{ apiKey: "key", limiter: {} }, /limiter must be/],
    [{ apiKey: "key", limiter: 5 }, /limiter must be/],
    [{ apiKey: "key", baseUrl: Object.create(null) }, /baseUrl cannot be read/],
  ];
  for (const [options, message] of rows) {
    assert.throws(() => new Upscaler(options), { name: "UpscaleError", kind: "invalid-input", message });
  }
});

test("what is wrong with the other functions' options is invalid input, too", async () => {
  for (const options of [null, undefined, "secret", { secret: "x".repeat(32), sub: Object.create(null) }]) {
    await isInvalid(mintToken(/** @type {any} */ (options)), /./);
  }
  const { upscaler } = upscalerOf();
  const request = new Request("https://me.example/", { method: "POST", body: "{}" });
  for (const options of [
    null,
    undefined,
    {},
    { upscaler: {} },
    { upscaler, tolerance: "5" },
    { upscaler, keys: [5] },
  ]) {
    await isInvalid(receiveCallback(request, /** @type {any} */ (options)), /./);
  }
  for (const odd of [null, undefined, "post", {}, { method: 5, headers: new Headers() }]) {
    await isInvalid(receiveCallback(/** @type {any} */ (odd), { upscaler }), /./);
  }
});

/** Keys that are none. @type {[string, unknown][]} */
const NO_KEYS = [
  ["an empty one", ""],
  ["one that is too long", "x".repeat(201)],
  ["one that is too long in characters of two units", "\u{1f600}".repeat(201)],
  ["half a surrogate", "\ud800"],
  ["the other half", "a\udc00b"],
  ["a number", 17],
  ["an object", {}],
  ["a symbol", Symbol("k")],
];

/** Keys, and what of them is in the header. @type {[string, string][]} */
const KEYS = [
  ["k", "k"],
  ["order-17/2", "order-17/2"],
  ["x".repeat(200), "x".repeat(200)],
  ["100%", "100%"],
  ...["order 17", "ключ", "\u{1f600}".repeat(200), "a\nb", "é"].map(
    (key) =>
      /** @type {[string, string]} */ ([key, `sha-256:${createHash("sha256").update(key).digest("hex")}`]),
  ),
];

for (const [what, options] of Object.entries({
  "the API": {},
  "a gateway": { apiKey: undefined, token: "t" },
})) {
  test(`an idempotencyKey is a text of 1 to 200 characters, with ${what}`, async (t) => {
    for (const [name, key] of NO_KEYS) {
      await t.test(name, async () => {
        const { upscaler, requests } = upscalerOf(/** @type {any} */ (options));
        for (const image of [IMAGE, PHOTO]) {
          const idempotencyKey = /** @type {any} */ (key);
          await isInvalid(upscaler.submit(image, { idempotencyKey }), /idempotencyKey must/);
        }
        assert.equal(requests.length, 0, "not even the file");
        assert.deepEqual(await upscaler.pending(), []);
      });
    }
    for (const [key, header] of KEYS) {
      await t.test(JSON.stringify(key.slice(0, 12)), async () => {
        const { upscaler, requests } = upscalerOf(/** @type {any} */ (options));
        for (let call = 0; call < 2; call += 1) {
          assert.equal((await upscaler.submit(IMAGE, { idempotencyKey: key })).taskId, "abc");
        }
        assert.equal((await upscaler.pending())[0]?.attempt, key);
        const sent = what === "the API" ? null : header;
        assert.deepEqual(
          requests.map(({ headers }) => headers.get("idempotency-key")),
          [sent],
        );
      });
    }
  });
}

test("a file that is none is refused before it is read whole for its key", async () => {
  const { upscaler, requests } = upscalerOf();
  let read = 0;
  const large = new Blob([PHOTO, new Uint8Array(11 * 1024 * 1024)]);
  const slice = large.slice.bind(large);
  large.slice = (from, to, type) => {
    read += (to ?? 0) - (from ?? 0);
    return slice(from, to, type);
  };
  await isInvalid(upscaler.submit(large, { idempotencyKey: "k" }), /at most 10 MB/);
  assert.equal(read, 64 * 1024);
  const empty = upscaler.submit(new Blob([]), { idempotencyKey: "k" });
  await assert.rejects(empty, { kind: "invalid-input", message: /empty/ });
  assert.equal(requests.length, 0);
});

test("in a page without https, a key covers a file all the same", async (t) => {
  const files = await folderOf(`${root}/dist`);
  const browser = await launchChromium();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.route("**/*", (route) => {
    const file = files(new URL(route.request().url()).pathname);
    return file === undefined
      ? route.fulfill({ contentType: "text/html", body: "<!doctype html><title>Empty</title>" })
      : route.fulfill({ contentType: file.type, body: Buffer.from(file.body) });
  });
  await page.goto("http://page.example/");
  await page.addScriptTag({
    type: "module",
    content: `import * as kit from "/browser.js"; globalThis.kit = kit;`,
  });
  await page.waitForFunction("globalThis.kit");
  const seen = await page.evaluate(
    async (photo) => {
      const { kit } = /** @type {any} */ (globalThis);
      const reply = (/** @type {unknown} */ data) => Response.json({ code: 200, msg: "success", data });
      const store = new Map();
      const upscaler = new kit.Upscaler({
        token: "t",
        baseUrl: "http://gateway.example",
        store,
        fetch: async (/** @type {Request} */ { url }) =>
          reply(
            url.endsWith("/createTask") ? { taskId: "abc" } : { downloadUrl: "https://files.example/a.jpg" },
          ),
      });
      const file = () => new Blob([Uint8Array.from(photo)]);
      await upscaler.submit(file(), { idempotencyKey: "ключ" });
      await upscaler.submit(file(), { idempotencyKey: "ключ" });
      const other = await upscaler
        .submit(new Blob([Uint8Array.from([...photo, 4])]), { idempotencyKey: "ключ" })
        .catch((/** @type {any} */ error) => error.kind);
      return [isSecureContext, typeof crypto.subtle, (await upscaler.pending())[0].image, other];
    },
    [...PHOTO],
  );
  const digest = createHash("sha256").update(PHOTO).digest("hex");
  assert.deepEqual(seen, [false, "undefined", `sha-256:${digest}`, "invalid-input"]);
});

test("a source that cannot be loaded from is load-failed", async () => {
  /** @type {typeof import("crisp-upscale")} */
  const fresh = await import(`${new URL("../../dist/node.js", import.meta.url)}?odd`);
  for (const source of [5, "text", {}, Symbol("source")]) {
    assert.equal(
      (await failure(fresh.preload(/** @type {any} */ (source)), fresh.UpscaleError)).kind,
      "load-failed",
    );
  }
});
