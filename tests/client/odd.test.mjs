// @ts-check
// Whatever value a caller passes, the call ends with a result, an UpscaleError or the caller's own reason, and
// invalid values are reported before anything is sent. Thousands of calls with odd values, the same for the same
// seed.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isRetryable,
  isUpscaleError,
  Limiter,
  mintToken,
  preload,
  receiveCallback,
  UpscaleError,
  Upscaler,
} from "crisp-upscale";
import { virtualClock } from "../kit/clock.mjs";
import { envelope } from "../kit/envelope.mjs";
import { ODD, rngOf, Thrown } from "../kit/odd.mjs";

const SEED = Number(process.env.SEED ?? 20_261_127);
const CALLS = 3_000;
const IMAGE = "https://host.example/photo.jpg";
const RESULT = "https://files.example/result.png";
const PNG = new Uint8Array(64);
PNG.set([
  0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 1, 0, 0, 0, 1,
]);

/** The API, which counts the tasks that it makes. */
function serviceOf() {
  /** @type {string[]} */
  const bodies = [];
  const answer = async (/** @type {Request} */ request) => {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith("/createTask")) {
      bodies.push(await request.text());
      return envelope({ taskId: "abc" });
    }
    if (pathname.endsWith("/recordInfo")) {
      const resultJson = JSON.stringify({ resultUrls: [RESULT] });
      return envelope({ taskId: "abc", state: "success", resultJson });
    }
    if (pathname.endsWith("/file-stream-upload"))
      return envelope({ downloadUrl: "https://stored.example/a.png" });
    if (pathname.endsWith("/credit")) return envelope(5);
    return new Response(PNG);
  };
  return { answer, bodies };
}

/** @typedef {{ options: any, args: any[], fetch: (request: Request) => Promise<Response> }} Call */
/** @typedef {{ args: () => any[], call: (upscaler: Upscaler, args: any[]) => unknown }} Method */

/** @param {any} options */
const callOptions = (options = {}) => ({ timeout: 60_000, signal: new AbortController().signal, ...options });
const submitOptions = () =>
  callOptions({ preflight: false, callBackUrl: "https://me.example/", idempotencyKey: undefined });

/** Iterates to the end, since only then everything has been asked for. */
async function all(/** @type {AsyncIterable<unknown>} */ items) {
  for await (const item of items) {
    const error = /** @type {any} */ (item)?.error;
    if (error !== undefined) check(error, "an image of many");
  }
}

/** @param {unknown} error */
function check(error, where = "") {
  assert.ok(error instanceof UpscaleError || error instanceof Thrown, `${where}: ${String(error)}`);
  if (error instanceof UpscaleError) assert.ok(error.message.length > 10, error.message);
}

/**
 * Waits for the end. Files and digests are read in real time, in which the clock that the test holds has nothing to do.
 *
 * @param {Promise<void>} call
 * @param {ReturnType<typeof virtualClock>} clock
 */
async function end(call, clock) {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  call.then(settle, settle);
  for (let idle = 0; idle < 1_000; idle += 1) {
    try {
      return await clock.until(call);
    } catch (error) {
      if (settled) throw error;
    }
  }
  assert.fail("it does not end");
}

/** Each public method with good arguments, some of which are replaced. @type {Record<string, Method>} */
const METHODS = {
  upscale: {
    args: () => [IMAGE, { ...submitOptions(), onUpdate: () => {} }],
    call: (upscaler, [image, options]) => upscaler.upscale(image, options),
  },
  "upscale of a file": {
    args: () => [PNG, { ...submitOptions(), onUpdate: () => {} }],
    call: (upscaler, [image, options]) => upscaler.upscale(image, options),
  },
  submit: {
    args: () => [IMAGE, submitOptions()],
    call: (upscaler, [image, options]) => upscaler.submit(image, options),
  },
  "submit of a file with a key": {
    args: () => [PNG, { ...submitOptions(), idempotencyKey: "k" }],
    call: (upscaler, [image, options]) => upscaler.submit(image, options),
  },
  resume: {
    args: () => [{ taskId: "abc", createdAt: 0, attempt: "a" }, callOptions()],
    call: (upscaler, [ticket, options]) => upscaler.resume(ticket, options).result(),
  },
  "an iteration of resume": {
    args: () => [{ taskId: "abc", createdAt: 0 }, callOptions()],
    call: (upscaler, [ticket, options]) => all(upscaler.resume(ticket, options)),
  },
  forget: {
    args: () => [{ attempt: "a" }],
    call: (upscaler, [pending]) => upscaler.forget(pending),
  },
  pending: { args: () => [], call: (upscaler) => upscaler.pending() },
  upscaleAll: {
    args: () => [[IMAGE], { ...submitOptions(), concurrency: 2 }],
    call: (upscaler, [images, options]) => all(upscaler.upscaleAll(images, options)),
  },
  createTask: {
    args: () => [
      { model: "recraft/crisp-upscale", input: { image: IMAGE }, callBackUrl: "https://me.example/" },
      callOptions(),
    ],
    call: (upscaler, [request, options]) => upscaler.createTask(request, options),
  },
  "createTask's input": {
    args: () => [{ image: IMAGE }],
    call: (upscaler, [input]) => upscaler.createTask({ model: "recraft/crisp-upscale", input }),
  },
  getTask: {
    args: () => ["abc", callOptions()],
    call: (upscaler, [taskId, options]) => upscaler.getTask(taskId, options),
  },
  upload: {
    args: () => [PNG, callOptions()],
    call: (upscaler, [file, options]) => upscaler.upload(file, options),
  },
  credits: { args: () => [callOptions()], call: (upscaler, [options]) => upscaler.credits(options) },
  blob: {
    args: () => [callOptions()],
    call: async (upscaler, [options]) => (await upscaler.resume("abc").result()).blob(options),
  },
  receiveCallback: {
    args: () => [
      new Request("https://me.example/", { method: "POST", body: '{"data":{"taskId":"abc"}}' }),
      { keys: undefined, upscaler: undefined, tolerance: 300 },
    ],
    call: (upscaler, [request, options]) =>
      receiveCallback(
        request,
        isPlain(options) && options.upscaler === undefined ? { ...options, upscaler } : options,
      ),
  },
  mintToken: {
    args: () => [{ secret: "x".repeat(32), sub: "me", expiresIn: 60, tasksPerHour: 5 }],
    call: (_, [options]) => mintToken(options),
  },
  preload: { args: () => [undefined], call: (_, [source]) => preload(source) },
  isRetryable: {
    args: () => [new Error("odd")],
    call: (_, [error]) => assert.equal(typeof isRetryable(error), "boolean"),
  },
  isUpscaleError: {
    args: () => [new Error("odd")],
    call: (_, [error]) => assert.equal(isUpscaleError(error), false),
  },
};

/** @param {any} value */
function isPlain(value) {
  try {
    return Object.getPrototypeOf(value) === Object.prototype && Object.values(value) !== undefined;
  } catch {
    return false;
  }
}

/** What an Upscaler takes. */
const SETTINGS = {
  baseUrl: "https://api.example",
  uploadBaseUrl: "https://uploads.example",
  store: undefined,
  limiter: undefined,
  fetch: undefined,
  apiKey: undefined,
  token: undefined,
  dangerouslyAllowBrowser: undefined,
};

test(`odd values end in an UpscaleError, and nothing is sent for what is wrong (SEED=${SEED})`, async (t) => {
  t.mock.method(console, "error", () => {});
  t.mock.method(console, "warn", () => {});
  /** @type {unknown[]} */
  const stray = [];
  const strayed = (/** @type {unknown} */ error) => stray.push(error);
  process.on("unhandledRejection", strayed);
  process.on("uncaughtException", strayed);
  t.after(() => {
    process.off("unhandledRejection", strayed);
    process.off("uncaughtException", strayed);
  });
  await preload();
  const { fetch } = globalThis;
  t.after(() => {
    globalThis.fetch = fetch;
  });
  const clock = virtualClock(t);
  const rng = rngOf(SEED);
  const pick = (/** @type {any[]} */ items) => items[Math.floor(rng() * items.length)];
  const seen = { odd: new Set(), errors: 0, results: 0, tasks: 0 };

  for (let nth = 0; nth < CALLS; nth += 1) {
    const { answer, bodies } = serviceOf();
    // Which is used where none is given.
    globalThis.fetch = /** @type {typeof fetch} */ (answer);
    const [name, method] = /** @type {[string, Method]} */ (pick(Object.entries(METHODS)));
    /** @type {string[]} */
    const how = [name];
    const odd = (/** @type {string} */ where) => {
      const [kind, make] = pick(Object.entries(ODD));
      how.push(`${where}: ${kind}`);
      seen.odd.add(kind);
      return make();
    };
    /** @type {any} */
    let settings = { ...SETTINGS, fetch: answer, [pick(["apiKey", "token"])]: "key" };
    const args = method.args();
    for (let count = rng() < 0.8 ? 1 : 3; count > 0; count -= 1) {
      const place = rng();
      if (place < 0.25 && isPlain(settings)) {
        const option = pick(Object.keys(SETTINGS));
        settings = { ...settings, [option]: odd(option) };
      } else if (place < 0.28) {
        settings = odd("all settings");
      } else if (args.length > 0) {
        const index = Math.floor(rng() * args.length);
        const value = args[index];
        if (isPlain(value) && Object.keys(value).length > 0 && rng() < 0.8) {
          const option = pick(Object.keys(value));
          args[index] = { ...value, [option]: odd(`argument ${index}, ${option}`) };
        } else {
          args[index] = odd(`argument ${index}`);
        }
      }
    }
    const what = `call ${nth}, ${how.join("; ")}`;
    let upscaler;
    try {
      upscaler = new Upscaler(settings);
    } catch (error) {
      check(error, what);
      assert.equal(/** @type {UpscaleError} */ (error).kind, "invalid-input", what);
      seen.errors += 1;
      continue;
    }
    // It goes on for as long as its images may come.
    if (name === "upscaleAll" && how.includes("argument 0: an async iterable that never answers")) continue;
    // Not what it resolves to, which a thenable would not let through.
    const call = (async () => void (await method.call(/** @type {Upscaler} */ (upscaler), args)))();
    try {
      await end(call, clock);
      seen.results += 1;
    } catch (error) {
      check(error, what);
      // What the caller's own signal or iterable threw.
      if (error instanceof Thrown) assert.match(what, /an aborted signal|upscaleAll.*argument 0/);
      seen.errors += 1;
      if (error instanceof UpscaleError && error.kind === "invalid-input") {
        assert.equal(error.charged, "no", what);
        assert.deepEqual(bodies, [], `${what}: a task was made`);
      }
    }
    for (const body of bodies) {
      const { model, input, callBackUrl } = JSON.parse(body);
      assert.equal(model, "recraft/crisp-upscale", what);
      assert.match(input.image, /^https?:\/\/\S+$/, what);
      if (callBackUrl !== undefined) assert.match(callBackUrl, /^https?:\/\/\S+$/, what);
    }
    seen.tasks += bodies.length;
    assert.deepEqual(stray, [], what);
  }
  await clock.settle();
  assert.deepEqual(stray, []);
  // It has tried what it is to try.
  assert.equal(seen.odd.size, Object.keys(ODD).length);
  assert.ok(seen.results > 100 && seen.errors > 1_000 && seen.tasks > 50, JSON.stringify(seen));
  assert.equal(new Limiter() instanceof Limiter, true);
});
