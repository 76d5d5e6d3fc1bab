// @ts-check
// Receiving callbacks. Forged ones are refused with a reason and a status; genuine ones count only as far as the
// task's record agrees. The last tests use the sandbox, which signs, repeats and delays its callbacks, over real
// sockets.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { receiveCallback, UpscaleError, Upscaler } from "crisp-upscale";
import { serve } from "../../scripts/serve.mjs";
import { imageHost } from "../kit/images.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

/** @typedef {import("crisp-upscale").CallbackOptions} CallbackOptions */
/** @typedef {import("crisp-upscale").CallbackOutcome} CallbackOutcome */

const KEY = "whsec-0123456789";
const RESULT = "https://files.example/result.png";
const HOOK = "https://me.example/callback";
const IMAGE = "https://host.example/photo.jpg";

const resultJson = (/** @type {string} */ url) => JSON.stringify({ resultUrls: [url] });
const record = (/** @type {object} */ fields, code = 200) =>
  Response.json({ code, msg: "", data: { taskId: "abc", ...fields } });
const done = () =>
  record({ state: "success", resultJson: resultJson(RESULT), creditsConsumed: 0.5, completeTime: 1 });

const now = () => Math.floor(Date.now() / 1000);
const sign = (/** @type {string} */ taskId, /** @type {unknown} */ timestamp, key = KEY) =>
  createHmac("sha256", key).update(`${taskId}.${timestamp}`).digest("base64");

/**
 * A request as the service makes it, or a stranger.
 *
 * @param {{ body?: unknown, id?: string, key?: string | null, timestamp?: unknown, signature?: string, method?: string }} [of]
 */
function callback({
  id = "abc",
  body = { code: 200, msg: "", data: { taskId: id, state: "success", resultJson: resultJson(RESULT) } },
  key = KEY,
  timestamp = now(),
  signature = key === null ? undefined : sign(id, timestamp, key),
  method = "POST",
} = {}) {
  const headers = new Headers({ "content-type": "application/json" });
  if (signature !== undefined) {
    headers.set("x-webhook-timestamp", String(timestamp));
    headers.set("x-webhook-signature", signature);
  }
  const sent = /** @type {BodyInit} */ (
    typeof body === "string" || body instanceof ReadableStream ? body : JSON.stringify(body)
  );
  const bodiless = method === "GET" || method === "HEAD";
  return new Request(HOOK, {
    method,
    headers,
    body: bodiless ? null : sent,
    .../** @type {RequestInit} */ ({ duplex: "half" }),
  });
}

/**
 * An `Upscaler` whose service answers recordInfo by script, where the last answer stays, and makes the
 * task `abc` when asked to.
 *
 * @param {(() => Response | Promise<Response>)[]} polls
 */
function serviceOf(...polls) {
  return serviceWith({}, ...polls);
}

/**
 * @param {{ store?: import("crisp-upscale").Store }} options
 * @param {(() => Response | Promise<Response>)[]} polls
 */
function serviceWith(options, ...polls) {
  /** @type {URL[]} */
  const asked = [];
  const upscaler = new Upscaler({
    apiKey: "sk-0123456789",
    baseUrl: "https://api.example",
    fetch: async (request) => {
      if (request.url === RESULT) return new Response(null, { status: 404 });
      if (request.method === "POST") return Response.json({ code: 200, data: { taskId: "abc" } });
      asked.push(new URL(request.url));
      return (polls[Math.min(asked.length, polls.length) - 1] ?? done)();
    },
    ...options,
  });
  return { upscaler, asked };
}

/**
 * What is to be refused, is refused: for this reason, with this status, and nobody is asked.
 *
 * @param {Request} request
 * @param {[reason: string, status: number]} expected
 * @param {Partial<CallbackOptions>} [options]
 */
async function refused(request, [reason, status], options = {}) {
  const { upscaler, asked } = serviceOf();
  const outcome = await receiveCallback(request, { keys: KEY, upscaler, ...options });
  assert.deepEqual(
    [outcome.kind, outcome.kind === "refused" && outcome.reason, outcome.response.status],
    ["refused", reason, status],
  );
  assert.deepEqual(await outcome.response.json(), { code: status, msg: reason });
  assert.equal(asked.length, 0, "a refused callback costs no request");
  return outcome;
}

/**
 * @template {CallbackOutcome["kind"]} K
 * @param {CallbackOutcome} outcome
 * @param {K} kind
 */
function as(outcome, kind) {
  assert.equal(outcome.kind, kind);
  return /** @type {Extract<CallbackOutcome, { kind: K }>} */ (outcome);
}

test("a signed callback is answered, and its outcome is the record's", async () => {
  const { upscaler, asked } = serviceOf();
  const { response, ...outcome } = await receiveCallback(callback(), { keys: KEY, upscaler });
  assert.deepEqual(outcome, {
    kind: "success",
    taskId: "abc",
    signed: true,
    result: {
      taskId: "abc",
      url: RESULT,
      type: null,
      width: null,
      height: null,
      credits: 0.5,
      createTime: null,
      completeTime: 1,
      expiresAt: 1 + 24 * 3600 * 1000,
    },
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(await response.text(), '{"code":200,"msg":"success"}');
  assert.deepEqual(asked.map(String), ["https://api.example/api/v1/jobs/recordInfo?taskId=abc"]);
});

test("a task that failed is an error that says why", async () => {
  const { upscaler } = serviceOf(() =>
    record({ state: "fail", failCode: "400", failMsg: "Image fetch failed." }, 501),
  );
  const outcome = as(await receiveCallback(callback(), { keys: KEY, upscaler }), "failed");
  assert.ok(outcome.error instanceof UpscaleError);
  assert.deepEqual(
    [outcome.error.kind, outcome.error.taskId, outcome.error.charged, outcome.signed],
    ["generation-failed", "abc", "no", true],
  );
  assert.ok(outcome.error.message.includes("Image fetch failed."));
  assert.equal(outcome.response.status, 200);
});

test("a body that was tampered with is not believed", async () => {
  const evil = "https://evil.example/malware.exe";
  const body = { data: { taskId: "abc", state: "success", resultJson: resultJson(evil) } };
  const { upscaler } = serviceOf();
  const outcome = as(await receiveCallback(callback({ body }), { keys: KEY, upscaler }), "success");
  assert.equal(outcome.result.url, RESULT);

  // A success that is none, and a failure that is none.
  const failed = serviceOf(() => record({ state: "fail", failMsg: "no" }));
  as(await receiveCallback(callback(), { keys: KEY, upscaler: failed.upscaler }), "failed");
  const lie = callback({ body: { code: 501, data: { taskId: "abc", state: "fail" } } });
  as(await receiveCallback(lie, { keys: KEY, upscaler: serviceOf().upscaler }), "success");
});

test("the signed id may be in any of four places, among others that are not signed", async () => {
  for (const body of [
    { data: { taskId: "abc" } },
    { data: { task_id: "abc" } },
    { taskId: "abc", data: {} },
    { task_id: "abc" },
    { taskId: "b", task_id: "c", data: { taskId: "d", task_id: "abc" } },
    { taskId: "b", task_id: "abc", data: { taskId: "d", task_id: "c" } },
  ]) {
    const { upscaler, asked } = serviceOf();
    const outcome = as(await receiveCallback(callback({ body }), { keys: KEY, upscaler }), "success");
    assert.equal(outcome.taskId, "abc", JSON.stringify(body));
    assert.deepEqual(
      asked.map(({ searchParams }) => searchParams.get("taskId")),
      ["abc"],
      "only the record of the signed id is read",
    );
  }
});

test("while a key is changed, the old one and the new one are both accepted", async () => {
  const keys = ["old", "new"];
  for (const key of keys) {
    const { upscaler } = serviceOf();
    as(await receiveCallback(callback({ key }), { keys, upscaler }), "success");
  }
  await refused(callback({ key: "older" }), ["bad-signature", 403], { keys });
});

test("a key is the bytes of its UTF-8", async () => {
  const { upscaler } = serviceOf();
  as(await receiveCallback(callback({ key: "ключ🔑" }), { keys: "ключ🔑", upscaler }), "success");
});

test("a signature that does not hold is refused", async (t) => {
  const other = sign("abc", now() - 1);
  /** @type {Record<string, Request>} */
  const requests = {
    "of a wrong key": callback({ key: "wrong" }),
    "of another task": callback({ body: { data: { taskId: "other" } } }),
    "of another time": callback({ signature: other }),
    "of the id alone": callback({ signature: createHmac("sha256", KEY).update("abc").digest("base64") }),
    "that is cut": callback({ signature: sign("abc", now()).slice(0, 20) }),
    "in hexadecimal": callback({
      signature: createHmac("sha256", KEY).update(`abc.${now()}`).digest("hex"),
    }),
    "that is empty": callback({ signature: "" }),
  };
  for (const [name, request] of Object.entries(requests)) {
    await t.test(name, async () => {
      await refused(request, ["bad-signature", 403]);
    });
  }
});

test("a signature from 2021 is refused, and so is one from the future", async () => {
  const january2021 = 1_609_459_200;
  await refused(callback({ timestamp: january2021 }), ["outside-window", 403]);
  await refused(callback({ timestamp: now() - 310 }), ["outside-window", 403]);
  await refused(callback({ timestamp: now() + 310 }), ["outside-window", 403]);
  await refused(callback({ timestamp: now() - 20 }), ["outside-window", 403], { tolerance: 10 });
  await refused(callback({ timestamp: Date.now() }), ["outside-window", 403]);
  for (const [timestamp, tolerance] of [
    [now() - 290, 300],
    [now() + 290, 300],
    [now() - 3000, 3600],
  ]) {
    const { upscaler } = serviceOf();
    const options = { keys: KEY, upscaler, tolerance: tolerance ?? 0 };
    as(await receiveCallback(callback({ timestamp }), options), "success");
  }
});

test("a timestamp that is none is refused, and so is a missing one", async () => {
  for (const timestamp of ["", "now", "-1", `${now()}.0`, `+${now()}`, "9".repeat(30)]) {
    await refused(callback({ timestamp }), ["bad-timestamp", 403]);
  }
  await refused(callback({ key: null }), ["unsigned", 403]);
  for (const name of ["x-webhook-timestamp", "x-webhook-signature"]) {
    const request = callback();
    request.headers.delete(name);
    await refused(request, ["unsigned", 403]);
  }
  // Also of a task that the store knows: the account signs.
  const { upscaler } = serviceOf();
  await upscaler.submit(IMAGE);
  await refused(callback({ key: null }), ["unsigned", 403], { upscaler });
});

test("what is no callback is refused", async () => {
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
    const { response } = await refused(callback({ method }), ["method-not-allowed", 405]);
    assert.equal(response.headers.get("allow"), "POST");
  }
  for (const body of ["", "{", "taskId=abc", "<xml/>", '{"data":{"taskId":"abc"}', "\0"]) {
    await refused(callback({ body }), ["unreadable", 400]);
  }
  for (const body of ["{}", "null", "[]", '"abc"', '{"data":{"taskId":5}}', '{"taskId":""}']) {
    await refused(callback({ body }), ["no-task-id", 400]);
  }
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
  await refused(callback({ body: broken }), ["unreadable", 400]);
});

test("a body is read up to 1 MiB and no further", async () => {
  const mebibyte = 1024 * 1024;
  const json = '{"data":{"taskId":"abc"}}';
  const { upscaler } = serviceOf();
  const fits = callback({ body: json.padEnd(mebibyte) });
  as(await receiveCallback(fits, { keys: KEY, upscaler }), "success");
  await refused(callback({ body: json.padEnd(mebibyte + 1) }), ["too-large", 413]);

  let pulled = 0;
  let cancelled = false;
  const endless = new ReadableStream({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(mebibyte / 8).fill(32));
    },
    cancel() {
      cancelled = true;
    },
  });
  await refused(callback({ body: endless }), ["too-large", 413]);
  assert.ok(pulled <= 12, `${pulled} chunks of 128 KiB were asked for`);
  assert.equal(cancelled, true);
});

test("a body is read also where a Request has none to read piece by piece, as in Firefox", async () => {
  const hidden = (/** @type {Request} */ { method, headers }, /** @type {() => Promise<Blob>} */ blob) =>
    /** @type {any} */ ({ method, headers, bodyUsed: false, blob });
  const request = callback();
  const { upscaler } = serviceOf();
  const read = hidden(request, () => request.blob());
  as(await receiveCallback(read, { keys: KEY, upscaler }), "success");
  const breaks = hidden(callback(), () => Promise.reject(new TypeError("reset")));
  await refused(breaks, ["unreadable", 400]);
});

test("a replay is recognised, and its record is not read again", async () => {
  const { upscaler, asked } = serviceOf();
  const options = { keys: KEY, upscaler };
  const request = callback();
  const replay = request.clone();
  as(await receiveCallback(request, options), "success");
  const outcome = as(await receiveCallback(replay, options), "duplicate");
  assert.deepEqual([outcome.taskId, outcome.signed, outcome.response.status], ["abc", true, 200]);
  assert.deepEqual(await outcome.response.json(), { code: 200, msg: "success" });
  assert.equal(asked.length, 1);
  as(await receiveCallback(callback({ id: "other", key: "wrong" }), options), "refused");
});

test("it is recognised by all that share a store, and by no others", async () => {
  const store = new Map();
  const receive = (/** @type {Upscaler} */ upscaler) =>
    receiveCallback(callback(), { keys: KEY, upscaler }).then(({ kind }) => kind);
  assert.equal(await receive(serviceWith({ store }).upscaler), "success");
  assert.equal(await receive(serviceWith({ store }).upscaler), "duplicate");
  assert.equal(await receive(serviceWith({ store: new Map(store) }).upscaler), "duplicate");
  assert.equal(await receive(serviceOf().upscaler), "success");
});

test("of two that come at once, one hands out the end", async (t) => {
  const texts = new Map();
  /** @type {Record<string, import("crisp-upscale").Store>} */
  const stores = {
    "a Map": new Map(),
    "a store elsewhere": {
      get: async (name) => texts.get(name),
      set: async (name, text) => texts.set(name, text),
      delete: async (name) => texts.delete(name),
      keys: async () => texts.keys(),
      async putIfAbsent(name, text) {
        if (texts.has(name)) return false;
        texts.set(name, text);
        return true;
      },
    },
  };
  for (const [name, store] of Object.entries(stores)) {
    await t.test(name, async () => {
      let answer = () => {};
      const answered = new Promise((resolve) => {
        answer = () => resolve(undefined);
      });
      const { upscaler, asked } = serviceWith({ store }, async () => {
        if (asked.length === 3) answer();
        await answered;
        return done();
      });
      const receive = () => receiveCallback(callback(), { keys: KEY, upscaler });
      const outcomes = await Promise.all([receive(), receive(), receive()]);
      assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), ["duplicate", "duplicate", "success"]);
    });
  }
});

test("a job whose callback came is not pending any more", async () => {
  const { upscaler } = serviceOf(() => record({ state: "generating" }), done);
  await upscaler.submit(IMAGE);
  as(await receiveCallback(callback(), { keys: KEY, upscaler }), "later");
  assert.equal((await upscaler.pending()).length, 1);
  as(await receiveCallback(callback(), { keys: KEY, upscaler }), "success");
  assert.deepEqual(await upscaler.pending(), []);
});

test("what was handed out is forgotten when no signature of it can hold any more", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  const store = new Map();
  store.set("mine", "0");
  const receive = (/** @type {string} */ id) =>
    receiveCallback(callback({ id }), {
      keys: KEY,
      upscaler: serviceWith({ store }, () => record({ taskId: id, state: "fail" })).upscaler,
    });
  const kept = () => [...store.keys()].map((name) => name.split("/").at(-1));
  await receive("a");
  t.mock.timers.tick(47 * 3600 * 1000);
  await receive("b");
  assert.deepEqual(kept(), ["mine", "a", "b"]);
  t.mock.timers.tick(2 * 3600 * 1000);
  await receive("c");
  assert.deepEqual(kept(), ["mine", "b", "c"]);
});

test("a task that is called back before the service knows it can be resumed, too", async (t) => {
  // In a process that has run for a day: in a young one every task is taken for a new one.
  const clock = performance.now.bind(performance);
  t.mock.method(performance, "now", () => clock() + 24 * 3600 * 1000);
  const missing = () => Response.json({ code: 422, msg: "recordInfo is null", data: null });
  const { upscaler } = serviceOf(missing, missing, done);
  const { error } = as(await receiveCallback(callback(), { keys: KEY, upscaler }), "later");
  assert.equal((await error.resume?.().result())?.url, RESULT);
});

test("where the record tells no end, the service is to call again, and then it does", async (t) => {
  /** @type {Record<string, () => Response | Promise<Response>>} */
  const polls = {
    "not there yet": () => Response.json({ code: 422, msg: "recordInfo is null", data: null }),
    "not ended": () => record({ state: "generating" }),
    "without a file": () => record({ state: "success", resultJson: "" }),
    "an HTML page": () => new Response("<html>502</html>", { status: 502 }),
    "a wrong key": () => Response.json({ code: 401, msg: "no access", data: null }),
    "a lost connection": () => Promise.reject(new TypeError("fetch failed")),
    "nothing that is a Response": () => /** @type {any} */ ({}),
  };
  for (const [name, poll] of Object.entries(polls)) {
    await t.test(name, async () => {
      const { upscaler } = serviceOf(poll, done);
      const options = { keys: KEY, upscaler };
      const outcome = as(await receiveCallback(callback(), options), "later");
      assert.equal(outcome.response.status, 503);
      assert.deepEqual(await outcome.response.json(), { code: 503, msg: "later" });
      assert.ok(outcome.error instanceof UpscaleError);
      assert.equal(outcome.error.taskId, "abc");
      assert.equal((await outcome.error.resume?.().result())?.url, RESULT);
      as(await receiveCallback(callback(), options), "success");
    });
  }
});

test("the record of another task is refused", async () => {
  const { upscaler } = serviceOf(() => record({ taskId: "other", state: "success" }));
  const outcome = as(await receiveCallback(callback(), { keys: KEY, upscaler }), "refused");
  assert.deepEqual([outcome.reason, outcome.response.status], ["other-task", 403]);
});

test("without a key, only a task that the store knows is looked at", async () => {
  const { upscaler, asked } = serviceOf();
  const unsigned = () => callback({ key: null });
  await refused(unsigned(), ["unknown-task", 403], { keys: [], upscaler });
  await upscaler.submit(IMAGE);
  await refused(callback({ id: "xyz", key: null }), ["unknown-task", 403], { keys: [], upscaler });
  assert.equal(asked.length, 0);
  const outcome = as(await receiveCallback(unsigned(), { upscaler }), "success");
  assert.deepEqual([outcome.taskId, outcome.signed, outcome.result.url], ["abc", false, RESULT]);
  as(await receiveCallback(unsigned(), { upscaler, keys: [] }), "duplicate");
  assert.equal(asked.length, 1);
  // A signature that nobody can check is none.
  await refused(callback(), ["unknown-task", 403], { keys: [] });
});

test("a store that fails loses nothing: the service is to call again", async (t) => {
  for (const [name, key] of /** @type {const} */ ([
    ["get", KEY],
    ["set", KEY],
    ["keys", KEY],
    ["keys", null],
  ])) {
    await t.test(`${name}, ${key === null ? "unsigned" : "signed"}`, async () => {
      const store = new Map();
      const { upscaler } = serviceWith({ store });
      await upscaler.submit(IMAGE);
      const reason = new Error("the database is away");
      store[name] = () => {
        throw reason;
      };
      const options = { upscaler, keys: key ?? [] };
      const outcome = as(await receiveCallback(callback({ key }), options), "later");
      assert.deepEqual([outcome.response.status, outcome.error.kind], [503, "store-failed"]);
      assert.deepEqual([outcome.error.cause, outcome.error.taskId], [reason, "abc"]);
      Reflect.deleteProperty(store, name);
      as(await receiveCallback(callback({ key }), options), "success");
    });
  }
});

test("a record is waited for no longer than ten seconds, since the service waits fifteen", async (t) => {
  const never = () => /** @type {Promise<Response>} */ (new Promise(() => {}));
  const { upscaler, asked } = serviceOf(never);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let settled = false;
  const received = receiveCallback(callback(), { keys: KEY, upscaler }).finally(() => {
    settled = true;
  });
  while (asked.length === 0) await new Promise(setImmediate);
  t.mock.timers.tick(9_900);
  await new Promise(setImmediate);
  assert.equal(settled, false);
  t.mock.timers.tick(200);
  assert.equal(as(await received, "later").error.kind, "unreachable");
});

test("a receiver that is set up wrongly is told so", async (t) => {
  const { upscaler, asked } = serviceOf();
  const read = callback();
  await read.text();
  const locked = callback();
  locked.body?.getReader();
  /** @type {Record<string, [unknown, object]>} */
  const calls = {
    "an empty key": [callback(), { keys: "" }],
    "an empty key among others": [callback(), { keys: [KEY, ""] }],
    "a key that is not there": [callback(), { keys: [undefined] }],
    "a tolerance in milliseconds": [callback(), { keys: KEY, tolerance: 300_000 }],
    "no tolerance": [callback(), { keys: KEY, tolerance: Number.NaN }],
    "a body that was read": [read, { keys: KEY }],
    "a body that is being read": [locked, { keys: KEY }],
    "what is no Request": [{ method: "POST", headers: {} }, { keys: KEY }],
    "an Upscaler without a key": [callback(), { keys: KEY, upscaler: new Upscaler({ apiKey: "" }) }],
  };
  for (const [name, [request, options]] of Object.entries(calls)) {
    await t.test(name, async () => {
      const call = receiveCallback(/** @type {Request} */ (request), { upscaler, ...options });
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof UpscaleError);
        assert.equal(error.kind, "invalid-input");
        assert.ok(error.message.length > 20 && !error.message.includes(KEY));
        return true;
      });
    });
  }
  assert.equal(asked.length, 0);
});

test("a thousand pieces of junk, some of them nearly right: never a throw, never a wrong word", async () => {
  const random = randomOf(20_261_123);
  const pick = (/** @type {unknown[]} */ from) => from[Math.floor(random() * from.length)];
  const junk = () =>
    Array.from({ length: random() * 60 }, () => String.fromCharCode(32 + random() * 95)).join("");
  const counts = { success: 0, refused: 0 };
  for (let n = 0; n < 1000; n++) {
    const method = String(pick(["POST", "POST", "POST", "POST", "GET", "PATCH"]));
    const timestamp = String(pick([now(), now(), now() - 200, now() - 900, junk(), "", -1]));
    const right = sign("abc", timestamp);
    const signature = String(pick([right, right, right, junk(), `${right}=`, right.toLowerCase()]));
    const good = JSON.stringify({ data: { taskId: "abc", state: pick(["fail", 1, null, junk()]) } });
    const at = Math.floor(random() * good.length);
    const body = String(pick([good, good, good, junk(), good.slice(0, at), `${good.slice(0, at)}${junk()}`]));
    const { upscaler, asked } = serviceOf();
    const request = callback({ method, timestamp, signature, body });
    const { kind, response } = await receiveCallback(request, { keys: KEY, upscaler });
    const headers = request.headers;
    const valid =
      method === "POST" &&
      /^\d+$/.test(headers.get("x-webhook-timestamp") ?? "") &&
      Math.abs(Number(timestamp) - now()) < 300 &&
      headers.get("x-webhook-signature") === right &&
      body === good;
    const seen = JSON.stringify({ method, timestamp, signature, body });
    assert.equal(kind, valid ? "success" : "refused", seen);
    assert.equal(asked.length, valid ? 1 : 0, seen);
    assert.ok(valid ? response.status === 200 : [400, 403, 405].includes(response.status), seen);
    counts[valid ? "success" : "refused"] += 1;
  }
  assert.ok(counts.success > 50 && counts.refused > 500, JSON.stringify(counts));
});

/** Mulberry32: the same numbers from 0 to 1 for the same seed. */
function randomOf(/** @type {number} */ seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// Against the sandbox

/** @type {Awaited<ReturnType<typeof imageHost>>} */
let images;
before(async () => {
  images = await imageHost();
});
after(() => images.close());

/**
 * The sandbox and a receiver, each on a socket of its own.
 *
 * @param {import("node:test").TestContext} t
 * @param {{ signs?: string, options?: Partial<CallbackOptions>, opened?: Promise<unknown> }} [set]
 */
async function receiverOf(t, { signs = KEY, options = { keys: KEY }, opened } = {}) {
  const sandbox = quickSandbox(signs === "" ? {} : { webhookHmacKey: signs });
  const api = await serve(sandbox.fetch, { port: 0 });
  const upscaler = new Upscaler({ apiKey: "sandbox", baseUrl: api.url });
  /** @type {CallbackOutcome[]} */
  const outcomes = [];
  let news = () => {};
  const receiver = await serve(
    async (request) => {
      await opened;
      const outcome = await receiveCallback(request, { upscaler, ...options });
      outcomes.push(outcome);
      news();
      return outcome.response;
    },
    { port: 0 },
  );
  t.after(async () => {
    await Promise.all([api.close(), receiver.close()]);
    await sandbox.close();
  });
  return {
    ...sandbox,
    upscaler,
    url: receiver.url,
    submit: (path = "/rocket.png") => upscaler.submit(images.url + path, { callBackUrl: receiver.url }),
    /** The outcomes, once there are so many. */
    async outcomes(/** @type {number} */ count) {
      while (outcomes.length < count) {
        await new Promise((resolve) => {
          news = () => resolve(undefined);
        });
      }
      return outcomes;
    },
  };
}

test("the sandbox's signed callback brings the result without a single poll", async (t) => {
  const { submit, outcomes, ledger } = await receiverOf(t);
  const { taskId } = await submit();
  const [outcome] = await outcomes(1);
  assert.ok(outcome);
  const { result, signed } = as(outcome, "success");
  assert.deepEqual([result.taskId, signed, result.credits], [taskId, true, 0.5]);
  assert.deepEqual([result.type, (await result.blob()).type], ["image/png", "image/png"]);
  assert.equal((await ledger()).requests.recordInfo, 1, "the one that the receiver makes");
});

test("the sandbox's callback of a failed task", async (t) => {
  const { submit, outcomes } = await receiverOf(t);
  await submit("/nothing.jpg");
  const [outcome] = await outcomes(1);
  assert.ok(outcome);
  const { error } = as(outcome, "failed");
  assert.deepEqual([error.kind, error.charged], ["generation-failed", "no"]);
});

test("a callback that comes twice is handed out once", async (t) => {
  const { submit, outcomes, fail } = await receiverOf(t);
  await fail({ route: "callback", kind: "duplicate" });
  await submit();
  assert.deepEqual((await outcomes(2)).map(({ kind }) => kind).sort(), ["duplicate", "success"]);
});

test("a re-read that fails is answered 503, and the sandbox's next try succeeds", async (t) => {
  const { submit, outcomes, fail, ledger } = await receiverOf(t);
  await fail({ route: "recordInfo", kind: "html" });
  await submit();
  assert.deepEqual(
    (await outcomes(2)).map(({ kind }) => kind),
    ["later", "success"],
  );
  assert.equal((await ledger()).tasks[0]?.callbacks, 2);
});

test("a callback that comes late is taken, and one that never comes costs no result", async (t) => {
  const { submit, outcomes, fail } = await receiverOf(t);
  await fail({ route: "callback", kind: "slow", ms: 300 }, { route: "callback", kind: "lose" });
  await submit();
  assert.equal((await outcomes(1))[0]?.kind, "success");
  const job = await submit();
  assert.ok((await fetch((await job.result()).url)).ok, "a poll finds it");
  assert.equal((await outcomes(1)).length, 1);
});

test("a sandbox that signs with another key is refused, three times", async (t) => {
  const { submit, outcomes, ledger } = await receiverOf(t, { signs: "another" });
  await submit();
  for (const outcome of await outcomes(3)) assert.equal(as(outcome, "refused").reason, "bad-signature");
  assert.equal((await ledger()).requests.recordInfo, undefined);
});

test("an account that does not sign: its own tasks are looked at, and others are refused", async (t) => {
  let open = () => {};
  const opened = new Promise((resolve) => {
    open = () => resolve(undefined);
  });
  const { submit, outcomes, url } = await receiverOf(t, { signs: "", options: {}, opened });
  const { taskId } = await submit();
  // Not before its id is known here.
  open();
  const [outcome] = await outcomes(1);
  assert.ok(outcome);
  assert.deepEqual([as(outcome, "success").taskId, as(outcome, "success").signed], [taskId, false]);
  const body = JSON.stringify({ data: { taskId: "0".repeat(32), state: "success" } });
  assert.equal((await fetch(url, { method: "POST", body })).status, 403);
  assert.equal((await fetch(url)).status, 405);
  const huge = new Uint8Array(2 * 1024 * 1024);
  assert.equal((await fetch(url, { method: "POST", body: huge })).status, 413);
});
