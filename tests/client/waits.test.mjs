// @ts-check
// Everything that a call awaits before it sends ends with its signal and its timeout: a store, a file, a token, the
// WebAssembly. What it awaits after its task is made does not keep the result from the caller.
import assert from "node:assert/strict";
import { test } from "node:test";
import { preload, receiveCallback, Upscaler } from "crisp-upscale";
import { virtualClock } from "../kit/clock.mjs";
import { envelope } from "../kit/envelope.mjs";
import { failure } from "../kit/failure.mjs";

const IMAGE = "https://host.example/photo.jpg";
const RESULT = "https://files.example/result.png";
/** A jpeg as far as its size, 32 by 32. */
const PHOTO = new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 32, 0, 32]);

/** @typedef {import("crisp-upscale").Store} Store */
/** @typedef {keyof Store} Method */
/** @typedef {import("crisp-upscale").UpscaleOptions} Options */

await preload();

/**
 * A store of which some methods do not answer until they are released, and do then what they were to do.
 *
 * @param {Method[]} hanging
 */
function slowStore(hanging, { putIfAbsent = true } = {}) {
  /** @type {Map<string, string>} */
  const map = new Map();
  /** @type {(() => void)[]} */
  const held = [];
  const hangs = new Set(hanging);
  /** @type {any} */
  const methods = {
    get: (/** @type {string} */ name) => map.get(name),
    set: (/** @type {string} */ name, /** @type {string} */ text) => map.set(name, text),
    delete: (/** @type {string} */ name) => map.delete(name),
    keys: () => map.keys(),
    putIfAbsent: (/** @type {string} */ name, /** @type {string} */ text) =>
      !map.has(name) && !!map.set(name, text),
  };
  /** @type {any} */
  const store = {};
  for (const [name, method] of Object.entries(methods)) {
    if (name === "putIfAbsent" && !putIfAbsent) continue;
    store[name] = (/** @type {unknown[]} */ ...args) =>
      hangs.has(/** @type {Method} */ (name))
        ? new Promise((resolve) => held.push(() => resolve(method(...args))))
        : method(...args);
  }
  return {
    store: /** @type {Store} */ (store),
    map,
    hangs,
    held,
    release: () => {
      hangs.clear();
      for (const go of held.splice(0)) go();
    },
  };
}

/** @param {Partial<import("crisp-upscale").UpscalerOptions>} [options] */
function upscalerOf(options = {}) {
  const count = { creates: 0, uploads: 0 };
  const upscaler = new Upscaler(
    /** @type {any} */ ({
      apiKey: "key",
      baseUrl: "https://api.example",
      fetch: async (/** @type {Request} */ { url }) => {
        if (url.endsWith("/createTask")) {
          count.creates += 1;
          return envelope({ taskId: "abc" });
        }
        if (url.endsWith("/file-stream-upload")) {
          count.uploads += 1;
          return envelope({ downloadUrl: "https://stored.example/a.jpg" });
        }
        return envelope({
          taskId: "abc",
          state: "success",
          resultJson: JSON.stringify({ resultUrls: [RESULT] }),
        });
      },
      ...options,
    }),
  );
  return { upscaler, count };
}

/** A Blob of a photo whose bytes never come. */
const silent = () =>
  Object.assign(new Blob([PHOTO]), { slice: () => ({ arrayBuffer: () => new Promise(() => {}) }) });

/** A text that is kept under a key whose time is over. */
const over = (/** @type {string} */ attempt) =>
  JSON.stringify({ attempt, image: IMAGE, taskId: "old", createdAt: -1e9, hasKey: true, ended: true });

/**
 * Has a call end by its time-out and by its signal, each at once.
 *
 * @param {(options: Options) => Promise<unknown>} call
 * @param {ReturnType<typeof virtualClock>} clock
 * @param {typeof import("crisp-upscale").UpscaleError} [Class] of the errors, where it is another copy's
 */
async function endsEarly(call, clock, Class) {
  const [began, timers] = [clock.now(), clock.timers()];
  const error = await clock.until(failure(call({ timeout: 1_000 }), Class));
  assert.deepEqual([error.kind, error.charged, error.taskId], ["timeout", "no", null]);
  assert.equal(clock.now() - began, 1_000);

  const controller = new AbortController();
  const { signal } = controller;
  const ended = call({ signal }).then(
    () => "a result",
    (error) => error,
  );
  await clock.settle();
  controller.abort(new Error("enough"));
  await clock.settle();
  assert.equal(await Promise.race([ended, clock.settle()]), signal.reason);
  assert.equal(clock.timers(), timers, "no timer is left");

  const zero = await clock.until(failure(call({ timeout: 0 }), Class));
  assert.deepEqual([zero.kind, zero.charged], ["timeout", "no"]);
}

/** What hangs, and the call that meets it. @type {[string, Method[], Options, boolean][]} */
const STORES = [
  ["keys", ["keys"], {}, true],
  ["set", ["set"], {}, true],
  ["get, with a key", ["get"], { idempotencyKey: "k" }, true],
  ["putIfAbsent, with a key", ["putIfAbsent"], { idempotencyKey: "k" }, true],
  ["set, with a key and no putIfAbsent", ["set"], { idempotencyKey: "k" }, false],
  ["delete, of a key whose time is over", ["delete"], { idempotencyKey: "old" }, true],
  ["everything", ["get", "set", "delete", "keys", "putIfAbsent"], { idempotencyKey: "k" }, true],
];

for (const [name, hanging, options, putIfAbsent] of STORES) {
  test(`a store that does not answer holds up no abort and no time-out: ${name}`, async (t) => {
    const clock = virtualClock(t);
    const { store, map, held, release } = slowStore(hanging, { putIfAbsent });
    if (options.idempotencyKey === "old") map.set("crisp-upscale/old", over("old"));
    const { upscaler, count } = upscalerOf({ store });
    await endsEarly((early) => upscaler.upscale(IMAGE, { ...options, ...early }), clock);
    assert.ok(held.length > 0, "it was asked");
    assert.equal(count.creates, 0);
    // What it writes now is taken away again.
    release();
    await clock.settle();
    assert.deepEqual(
      [...map.values()].filter((text) => text !== over("old")),
      [],
    );
    // And it can be used again.
    assert.equal((await clock.until(upscaler.upscale(IMAGE, { ...options }))).url, RESULT);
    assert.equal(count.creates, 1);
  });
}

test("what a slow store still writes under a key is not taken for the next call's", async (t) => {
  const clock = virtualClock(t);
  const { store, map, hangs, release } = slowStore(["set"], { putIfAbsent: false });
  const { upscaler, count } = upscalerOf({ store });
  await clock.until(failure(upscaler.submit(IMAGE, { idempotencyKey: "k", timeout: 1_000 })));
  hangs.clear();
  const next = upscaler.submit(IMAGE, { idempotencyKey: "k" });
  await clock.settle();
  assert.equal(count.creates, 0, "it waits for the first one's entry to be taken away");
  release();
  assert.equal((await clock.until(next)).taskId, "abc");
  assert.deepEqual(
    [...map.values()].map((text) => JSON.parse(text).taskId),
    ["abc"],
  );
  assert.equal(count.creates, 1);
});

test("a store that does not answer once the task is made costs neither the job nor the result", async (t) => {
  await t.test("of submit", async (t) => {
    t.mock.method(console, "error", () => {});
    const clock = virtualClock(t);
    const { store, map, hangs, release } = slowStore([]);
    const { upscaler, count } = upscalerOf({
      store,
      fetch: async () => {
        hangs.add("set");
        return envelope({ taskId: "abc" });
      },
    });
    const began = clock.now();
    assert.equal((await clock.until(upscaler.submit(IMAGE))).taskId, "abc");
    assert.equal(clock.now() - began, 5_000);
    release();
    await clock.settle();
    assert.deepEqual(
      [...map.values()].map((text) => JSON.parse(text).taskId),
      ["abc"],
    );
    assert.equal(count.creates, 0);
  });
  await t.test("of submit, for no longer than its time-out", async (t) => {
    t.mock.method(console, "error", () => {});
    const clock = virtualClock(t);
    const { store, hangs } = slowStore([]);
    const { upscaler } = upscalerOf({
      store,
      fetch: async () => {
        hangs.add("set");
        return envelope({ taskId: "abc" });
      },
    });
    const began = clock.now();
    assert.equal((await clock.until(upscaler.submit(IMAGE, { timeout: 1_000 }))).taskId, "abc");
    assert.equal(clock.now() - began, 1_000);
  });
  await t.test("of submit, which an abort ends no sooner than the task is known", async (t) => {
    const clock = virtualClock(t);
    const controller = new AbortController();
    const { store, hangs } = slowStore([]);
    const { upscaler } = upscalerOf({
      store,
      fetch: async () => {
        hangs.add("set");
        return envelope({ taskId: "abc" });
      },
    });
    const submitting = upscaler.submit(IMAGE, { signal: controller.signal });
    await clock.settle();
    controller.abort("enough");
    const began = clock.now();
    const job = await clock.until(submitting);
    assert.deepEqual([job.taskId, clock.now()], ["abc", began]);
    await assert.rejects(clock.until(job.result()), (error) => error === "enough");
  });
  for (const method of /** @type {const} */ (["get", "delete"])) {
    await t.test(`of upscale, by ${method} at its end`, async (t) => {
      const printed = t.mock.method(console, "error", () => {});
      const clock = virtualClock(t);
      const { store, map, hangs, release } = slowStore([]);
      const { upscaler } = upscalerOf({ store });
      const job = await clock.until(upscaler.submit(IMAGE));
      hangs.add(method);
      assert.equal((await clock.until(job.result())).url, RESULT);
      assert.equal(printed.mock.callCount(), 1, "and it is said");
      release();
      await clock.settle();
      assert.deepEqual([...map], []);
    });
  }
  await t.test("and what it writes last is that the job has ended", async (t) => {
    t.mock.method(console, "error", () => {});
    const clock = virtualClock(t);
    const slow = slowStore([]);
    const { upscaler } = upscalerOf({
      store: slow.store,
      fetch: async ({ url }) => {
        if (url.endsWith("/createTask")) {
          slow.hangs.add("set");
          return envelope({ taskId: "abc" });
        }
        return envelope({ state: "success", resultJson: JSON.stringify({ resultUrls: [RESULT] }) });
      },
    });
    assert.equal((await clock.until(upscaler.upscale(IMAGE))).url, RESULT);
    slow.release();
    await clock.settle();
    assert.deepEqual([...slow.map], []);
  });
});

test("a file whose bytes never come holds up no abort and no time-out", async (t) => {
  for (const [
    name,
    call,
  ] of /** @type {[string, (upscaler: Upscaler, options: Options) => Promise<unknown>][]} */ ([
    ["upload", (upscaler, options) => upscaler.upload(silent(), options)],
    ["upscale", (upscaler, options) => upscaler.upscale(silent(), options)],
    ["with a key", (upscaler, options) => upscaler.submit(silent(), { ...options, idempotencyKey: "k" })],
  ])) {
    await t.test(name, async (t) => {
      const clock = virtualClock(t);
      const { upscaler, count } = upscalerOf();
      await endsEarly((options) => call(upscaler, options), clock);
      assert.deepEqual(count, { creates: 0, uploads: 0 });
    });
  }
});

test("a token that never comes holds up no abort and no time-out, and is asked for anew", async (t) => {
  const clock = virtualClock(t);
  let asked = 0;
  const token = () => {
    asked += 1;
    return asked === 1 ? new Promise(() => {}) : "token";
  };
  const { upscaler, count } = upscalerOf(/** @type {any} */ ({ apiKey: undefined, token }));
  await endsEarly((options) => upscaler.submit(IMAGE, options), clock);
  assert.equal(asked, 1, "all wait for the same one");
  // For no longer than a minute, though.
  const error = await clock.until(failure(upscaler.submit(IMAGE)));
  assert.deepEqual([error.kind, error.charged, error.retryable], ["timeout", "no", true]);
  assert.equal((await clock.until(upscaler.submit(IMAGE))).taskId, "abc");
  assert.deepEqual([asked, count.creates], [2, 1]);
});

test("WebAssembly that is never loaded holds up no abort and no time-out", async (t) => {
  /** @type {typeof import("crisp-upscale")} */
  const other = await import(`${new URL("../../dist/node.js", import.meta.url)}?never`);
  void other.preload(/** @type {any} */ (new Promise(() => {})));
  const clock = virtualClock(t);
  const upscaler = new other.Upscaler({ apiKey: "key", baseUrl: "https://api.example" });
  await endsEarly((options) => upscaler.upscale(IMAGE, options), clock, other.UpscaleError);
  await endsEarly((options) => upscaler.credits(options), clock, other.UpscaleError);
  // A job that is resumed keeps its task.
  const error = await clock.until(
    failure(upscaler.resume("abc", { timeout: 1_000 }).result(), other.UpscaleError),
  );
  assert.deepEqual([error.kind, error.taskId, error.charged], ["timeout", "abc", "unknown"]);
  assert.equal(typeof error.resume, "function");
});

test("pending and forget wait for a store for as long as any call that says nothing", async (t) => {
  for (const call of [
    (/** @type {Upscaler} */ upscaler) => upscaler.pending(),
    (/** @type {Upscaler} */ upscaler) => upscaler.forget({ attempt: "a" }),
  ]) {
    const clock = virtualClock(t);
    const { upscaler } = upscalerOf({ store: slowStore(["keys", "delete"]).store });
    const began = clock.now();
    const error = await clock.until(failure(call(upscaler)));
    assert.deepEqual([error.kind, error.charged, clock.now() - began], ["timeout", "no", 600_000]);
  }
});

test("a callback is answered in time by a store that does not answer, and is not lost", async (t) => {
  const post = () =>
    new Request("https://me.example/", { method: "POST", body: JSON.stringify({ data: { taskId: "abc" } }) });
  for (const hanging of /** @type {Method[]} */ (["get", "keys", "putIfAbsent"])) {
    await t.test(hanging, async (t) => {
      t.mock.method(console, "error", () => {});
      const clock = virtualClock(t);
      const { store, hangs, release } = slowStore([]);
      const { upscaler } = upscalerOf({ store });
      await clock.until(upscaler.submit(IMAGE));
      hangs.add(hanging);
      const began = clock.now();
      const outcome = await clock.until(receiveCallback(post(), { upscaler }));
      assert.deepEqual([outcome.kind, outcome.response.status], ["later", 503]);
      assert.ok(clock.now() - began < 15_000, "the service waits about 15 s");
      // It writes now that the end was handed out, which it was not.
      release();
      await clock.settle();
      assert.equal((await clock.until(receiveCallback(post(), { upscaler }))).kind, "success");
      assert.equal((await clock.until(receiveCallback(post(), { upscaler }))).kind, "duplicate");
    });
  }
});

test("of two calls with one key, each ends by its own signal and time-out", async (t) => {
  const clock = virtualClock(t);
  let creates = 0;
  /** @type {(response: Response) => void} */
  let answer = () => {};
  const { upscaler } = upscalerOf({
    fetch: () => {
      creates += 1;
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  const first = upscaler.submit(IMAGE, { idempotencyKey: "k" });
  await clock.settle();
  await endsEarly((options) => upscaler.submit(IMAGE, { ...options, idempotencyKey: "k" }), clock);
  const third = upscaler.submit(IMAGE, { idempotencyKey: "k" });
  answer(envelope({ taskId: "abc" }));
  assert.deepEqual([(await first).taskId, (await third).taskId, creates], ["abc", "abc", 1]);
});

test("a call whose key another call has left before anything was sent makes the task itself", async (t) => {
  const clock = virtualClock(t);
  const controller = new AbortController();
  const slow = slowStore(["putIfAbsent"]);
  const { upscaler, count } = upscalerOf({ store: slow.store });
  const first = upscaler.submit(IMAGE, { idempotencyKey: "k", signal: controller.signal });
  const second = upscaler.submit(IMAGE, { idempotencyKey: "k" });
  await clock.settle();
  controller.abort("mine alone");
  await assert.rejects(first, (error) => error === "mine alone");
  slow.release();
  assert.equal((await clock.until(second)).taskId, "abc");
  assert.equal(count.creates, 1);
});
