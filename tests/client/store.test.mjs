// @ts-check
// What the store holds of a job, from before its task is made until after it has ended. A crash at any moment leaves
// an entry, and the same call never makes a second task.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { envelope } from "../kit/envelope.mjs";
import { failure } from "../kit/failure.mjs";

const IMAGE = "https://host.example/photo.jpg";
const RESULT = "https://files.example/result.png";

const made = () => envelope({ taskId: "abc" });
const refused = () => envelope(null, 402);
const generating = () => envelope({ taskId: "abc", state: "generating" });
const done = () =>
  envelope({ taskId: "abc", state: "success", resultJson: JSON.stringify({ resultUrls: [RESULT] }) });
const failed = () => envelope({ taskId: "abc", state: "fail", failMsg: "no" });

/**
 * An Upscaler whose service answers as told, now and later.
 *
 * @param {import("crisp-upscale").Store} [store]
 * @param {{ create?: () => Response | Promise<Response>, poll?: () => Response }} [service]
 */
function upscalerOf(store, service = {}) {
  const count = { creates: 0, polls: 0 };
  const upscaler = new Upscaler({
    apiKey: "key",
    baseUrl: "https://api.example",
    ...(store === undefined ? {} : { store }),
    fetch: async (request) => {
      if (request.url.endsWith("/createTask")) {
        count.creates += 1;
        return (service.create ?? made)();
      }
      count.polls += 1;
      return (service.poll ?? done)();
    },
  });
  return { upscaler, count, service };
}

/** A `Map` that several Upscalers can share, as tabs share a storage. */
class SharedMap extends Map {
  putIfAbsent(/** @type {string} */ name, /** @type {string} */ text) {
    if (this.has(name)) return false;
    this.set(name, text);
    return true;
  }
}

test("an attempt is in the store before its request leaves", async () => {
  const map = new Map();
  /** @type {() => void} */
  let written = () => {};
  /** @type {() => void} */
  let asked = () => {};
  const write = () =>
    new Promise((resolve) => {
      asked = () => resolve(undefined);
    });
  let writing = write();
  const { upscaler, count } = upscalerOf({
    get: (name) => map.get(name),
    delete: (name) => map.delete(name),
    keys: () => map.keys(),
    set: (name, text) =>
      new Promise((resolve) => {
        written = () => resolve(map.set(name, text));
        asked();
      }),
  });
  const submitting = upscaler.submit(IMAGE);
  await writing;
  // Every turn of the event loop that the call could use to send too early.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(count.creates, 0);
  writing = write();
  written();
  // The next write is the one that has the task's id.
  await writing;
  assert.equal(count.creates, 1);
  const [pending] = await upscaler.pending();
  assert.deepEqual([pending?.image, pending?.taskId], [IMAGE, null]);
  written();
  assert.equal((await submitting).taskId, "abc");
  assert.equal((await upscaler.pending())[0]?.taskId, "abc");
});

test("a job that has ended is kept no longer", async () => {
  for (const poll of [done, failed]) {
    const store = new Map();
    const { upscaler } = upscalerOf(store, { poll });
    const job = await upscaler.submit(IMAGE);
    assert.equal((await upscaler.pending()).length, 1);
    await job.result().catch(() => {});
    assert.deepEqual([...store], []);
  }
});

test("a job that nobody waited for is gone on with by another process, and costs nothing more", async () => {
  const store = new Map();
  const first = upscalerOf(store, { poll: generating });
  const error = await failure(first.upscaler.upscale(IMAGE, { timeout: 500 }));
  assert.equal(error.kind, "timeout");

  const second = upscalerOf(store);
  const [pending] = await second.upscaler.pending();
  assert.ok(pending !== undefined && pending.taskId !== null);
  const result = await second.upscaler.resume(pending).result();
  assert.equal(result.url, RESULT);
  assert.equal(second.count.creates, 0);
  assert.deepEqual(await second.upscaler.pending(), []);
});

test("a job goes on from its own ticket, too, and the store forgets it at the end", async () => {
  const store = new Map();
  const first = upscalerOf(store, { poll: generating });
  const ticket = JSON.parse(JSON.stringify(await first.upscaler.submit(IMAGE)));
  await upscalerOf(store).upscaler.resume(ticket).result();
  assert.deepEqual([...store], []);
});

test("an attempt that was cut off is listed without a task until it is forgotten", async () => {
  const controller = new AbortController();
  const { upscaler } = upscalerOf(new Map(), {
    create: () => {
      controller.abort();
      return new Promise(() => {});
    },
  });
  await assert.rejects(upscaler.upscale(IMAGE, { signal: controller.signal }), { name: "AbortError" });
  const [pending] = await upscaler.pending();
  assert.ok(pending);
  assert.deepEqual([pending.image, pending.taskId], [IMAGE, null]);
  await upscaler.forget(pending);
  assert.deepEqual(await upscaler.pending(), []);
});

test("where nothing was sent, or the service refused, nothing is kept", async (t) => {
  await t.test("a refusal", async () => {
    const { upscaler } = upscalerOf(new Map(), { create: refused });
    await failure(upscaler.upscale(IMAGE));
    assert.deepEqual(await upscaler.pending(), []);
  });
  await t.test("a bad input", async () => {
    const { upscaler } = upscalerOf();
    await failure(upscaler.upscale("photo.jpg"));
    assert.deepEqual(await upscaler.pending(), []);
  });
  await t.test("an abort while it was written", async () => {
    const controller = new AbortController();
    const store = new Map();
    store.set = (name, text) => {
      controller.abort();
      return Map.prototype.set.call(store, name, text);
    };
    const { upscaler, count } = upscalerOf(store);
    await assert.rejects(upscaler.upscale(IMAGE, { signal: controller.signal }), { name: "AbortError" });
    assert.equal(count.creates, 0);
    assert.deepEqual(await upscaler.pending(), []);
  });
});

test("a store that cannot be written to keeps the request from being sent", async () => {
  const store = new Map();
  store.set = () => {
    throw new Error("quota exceeded");
  };
  const { upscaler, count } = upscalerOf(store);
  const error = await failure(upscaler.upscale(IMAGE));
  assert.deepEqual([error.kind, error.charged], ["store-failed", "no"]);
  assert.equal(/** @type {Error} */ (error.cause).message, "quota exceeded");
  assert.equal(count.creates, 0);
});

test("a store that cannot be read or written is an error of pending and forget, too", async () => {
  const broken = () => Promise.reject(new Error("the disk is gone"));
  const { upscaler } = upscalerOf({ get: broken, set: broken, delete: broken, keys: broken });
  for (const call of [upscaler.pending(), upscaler.forget({ attempt: "a" })]) {
    const error = await failure(call);
    assert.deepEqual([error.kind, error.charged], ["store-failed", "no"]);
    assert.equal(/** @type {Error} */ (error.cause).message, "the disk is gone");
  }
});

test("a store that fails once the task is made does not cost the result", async (t) => {
  const printed = t.mock.method(console, "error", () => {});
  const store = new Map();
  const { upscaler } = upscalerOf(store, {
    create: () => {
      store.set = () => {
        throw new Error("quota exceeded");
      };
      return made();
    },
  });
  assert.equal((await upscaler.upscale(IMAGE)).url, RESULT);
  assert.ok(printed.mock.callCount() > 0, "and it is said");
});

test("what others keep in the same store is left alone", async () => {
  const store = new Map([["theirs", "text"]]);
  const { upscaler } = upscalerOf(store);
  await upscaler.upscale(IMAGE);
  assert.deepEqual(await upscaler.pending(), []);
  assert.deepEqual([...store], [["theirs", "text"]]);
});

test("an entry that cannot be read is an attempt whose outcome is unknown, and never free", async () => {
  const whole = JSON.stringify({
    ...{ attempt: "k", image: IMAGE, taskId: "abc", createdAt: Date.now(), hasKey: true, ended: true },
  });
  for (const text of ["", "{", "null", whole.slice(0, -1), whole.slice(0, 20)]) {
    const store = new SharedMap([["crisp-upscale/k", text]]);
    const { upscaler, count } = upscalerOf(store);
    const error = await failure(upscaler.upscale(IMAGE, { idempotencyKey: "k" }));
    assert.deepEqual([error.kind, error.charged], ["outcome-unknown", "unknown"]);
    assert.equal(count.creates, 0);
    const [pending] = await upscaler.pending();
    assert.deepEqual([pending?.attempt, pending?.taskId], ["k", null]);
    assert.equal(store.get("crisp-upscale/k"), text, "and it stays as it is");
    await upscaler.forget({ attempt: "k" });
    assert.equal((await upscaler.submit(IMAGE, { idempotencyKey: "k" })).taskId, "abc");
    assert.equal(count.creates, 1);
  }
});

test("an expired entry is replaced by one of two Upscalers that find it at the same moment", async () => {
  const expired = { attempt: "k", image: IMAGE, taskId: "old", createdAt: 0, hasKey: true, ended: true };
  for (let last = 0; last < 12; last += 1) {
    const shared = new SharedMap([["crisp-upscale/k", JSON.stringify(expired)]]);
    /** @type {Promise<unknown>} */
    let other = Promise.resolve();
    const fast = upscalerOf(asyncStore(shared));
    let calls = 0;
    // It does so much, and then the other one does all at once.
    const slow = upscalerOf(
      asyncStore(shared, async () => {
        if (calls++ === last) {
          // While an entry is being replaced, nobody else can know what comes of it.
          other = fast.upscaler.submit(IMAGE, { idempotencyKey: "k" }).catch(({ kind }) => {
            assert.equal(kind, "outcome-unknown");
          });
        }
        await other;
      }),
    );
    const { taskId } = await slow.upscaler.submit(IMAGE, { idempotencyKey: "k" });
    assert.equal(taskId, "abc");
    await other;
    assert.equal(fast.count.creates + slow.count.creates, 1, `after ${last} calls of the store`);
  }
});

/**
 * What a process sees of a store that it shares. It tidies nothing away.
 *
 * @param {SharedMap} shared
 * @param {() => Promise<unknown>} before each call
 * @returns {import("crisp-upscale").Store}
 */
function asyncStore(shared, before = async () => {}) {
  return {
    get: async (name) => before().then(() => shared.get(name)),
    set: async (name, text) => before().then(() => shared.set(name, text)),
    delete: async (name) => before().then(() => shared.delete(name)),
    keys: async () => [],
    putIfAbsent: async (name, text) => before().then(() => shared.putIfAbsent(name, text)),
  };
}

test("calls with one idempotencyKey make one task", async (t) => {
  const idempotencyKey = "order 17";
  await t.test("at once", async () => {
    const { upscaler, count } = upscalerOf();
    const jobs = await Promise.all([1, 2, 3].map(() => upscaler.submit(IMAGE, { idempotencyKey })));
    assert.deepEqual(
      jobs.map(({ taskId }) => taskId),
      ["abc", "abc", "abc"],
    );
    assert.equal(count.creates, 1);
  });
  await t.test("one after the other, also after the end", async () => {
    const { upscaler, count } = upscalerOf();
    for (let call = 0; call < 3; call += 1) {
      assert.equal((await upscaler.upscale(IMAGE, { idempotencyKey })).url, RESULT);
      assert.deepEqual(await upscaler.pending(), []);
    }
    assert.equal(count.creates, 1);
  });
  await t.test("in two tabs that share a store", async () => {
    const store = new SharedMap();
    const [one, two] = [upscalerOf(store), upscalerOf(store)];
    await one.upscaler.upscale(IMAGE, { idempotencyKey });
    assert.equal((await two.upscaler.upscale(IMAGE, { idempotencyKey })).url, RESULT);
    assert.deepEqual([one.count.creates, two.count.creates], [1, 0]);
  });
  await t.test("in two tabs at the same moment", async () => {
    const store = new SharedMap();
    const both = [upscalerOf(store), upscalerOf(store)];
    const calls = await Promise.allSettled(
      both.map(({ upscaler }) => upscaler.submit(IMAGE, { idempotencyKey })),
    );
    assert.equal(
      both.reduce((sum, { count }) => sum + count.creates, 0),
      1,
    );
    // The other one cannot know yet what came of it.
    const rejected = calls.filter((call) => call.status === "rejected");
    for (const { reason } of rejected) assert.equal(reason.kind, "outcome-unknown");
  });
});

test("an idempotencyKey does not cover another image", async () => {
  const store = new SharedMap();
  const { upscaler, count } = upscalerOf(store);
  const first = upscaler.submit(IMAGE, { idempotencyKey: "k" });
  const atOnce = await failure(upscaler.submit("https://host.example/other.jpg", { idempotencyKey: "k" }));
  await first;
  const later = await failure(upscaler.submit("https://host.example/other.jpg", { idempotencyKey: "k" }));
  const elsewhere = await failure(
    upscalerOf(store).upscaler.submit("https://host.example/other.jpg", { idempotencyKey: "k" }),
  );
  for (const { kind, charged } of [atOnce, later, elsewhere])
    assert.deepEqual([kind, charged], ["invalid-input", "no"]);
  assert.equal(count.creates, 1);
});

test("an idempotencyKey whose call was refused can be used again; one whose outcome is unknown cannot", async () => {
  const { upscaler, count, service } = upscalerOf(undefined, { create: refused });
  await failure(upscaler.upscale(IMAGE, { idempotencyKey: "k" }));
  service.create = () => new Response("<html>", { status: 502 });
  assert.equal((await failure(upscaler.upscale(IMAGE, { idempotencyKey: "k" }))).kind, "outcome-unknown");
  service.create = made;
  assert.equal((await failure(upscaler.upscale(IMAGE, { idempotencyKey: "k" }))).kind, "outcome-unknown");
  assert.equal(count.creates, 2);
});

test("an idempotencyKey is remembered for a day", async (t) => {
  const store = new SharedMap();
  const { upscaler, count } = upscalerOf(store);
  await upscaler.upscale(IMAGE, { idempotencyKey: "k" });
  const now = Date.now();
  const clock = t.mock.method(Date, "now", () => now + 86_300_000);
  await upscaler.upscale(IMAGE, { idempotencyKey: "k" });
  assert.equal(count.creates, 1);
  clock.mock.mockImplementation(() => now + 86_500_000);
  await upscaler.upscale("https://host.example/other.jpg", { idempotencyKey: "k" });
  assert.equal(count.creates, 2);
  // And what is over is tidied away by the next Upscaler.
  clock.mock.mockImplementation(() => now + 3 * 86_500_000);
  await upscalerOf(store).upscaler.upscale(IMAGE);
  assert.equal(store.size, 0);
});

test("an idempotencyKey covers a file by its content", async () => {
  const store = new SharedMap();
  const photo = () => new Blob([new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 32, 0, 32])]);
  const uploads = { count: 0 };
  const upscaler = new Upscaler({
    apiKey: "key",
    baseUrl: "https://api.example",
    store,
    fetch: async (request) => {
      if (request.url.endsWith("/createTask")) return made();
      uploads.count += 1;
      return envelope({ downloadUrl: "https://uploads.example/1.jpg" });
    },
  });
  assert.equal((await upscaler.submit(photo(), { idempotencyKey: "k" })).taskId, "abc");
  assert.equal((await upscaler.submit(photo(), { idempotencyKey: "k" })).taskId, "abc");
  assert.equal(uploads.count, 1, "and it is not uploaded again");
  const other = await failure(upscaler.submit(new Blob(["another"]), { idempotencyKey: "k" }));
  assert.equal(other.kind, "invalid-input");
});
