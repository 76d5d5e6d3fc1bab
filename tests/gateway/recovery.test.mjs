// @ts-check
// What a process lost that was killed while its task was being made, the gateway gives back: by asking, never by ordering.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Upscaler } from "crisp-upscale";
import { envelope } from "../kit/envelope.mjs";
import { failure } from "../kit/failure.mjs";
import { fileStore } from "../kit/file-store.mjs";
import { fixtures, tokenOf } from "../kit/gateway.mjs";

const CHILD = fileURLToPath(new URL("../kit/cut-off.mjs", import.meta.url));
const FILE = fileURLToPath(new URL("../../www/samples/cat.jpg", import.meta.url));
const HOUR = 3_600_000;

/** @type {Awaited<ReturnType<typeof fixtures>>} */
let gateway;
/** @type {string} */
let folder;
/** @type {(() => Promise<void>)[]} */
const ends = [];
let stores = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "recovery-"));
  gateway = await fixtures({ after: (end) => ends.push(end) }, { settings: { CREATE_LIMIT: "0" } });
});
after(async () => {
  for (const end of ends) await end();
  await rm(folder, { recursive: true });
});

const newStore = () => fileStore(join(folder, `${stores++}.json`));

/**
 * A process that was killed with -9 between createTask's leaving and its reply; its store.
 *
 * @param {{ lost: "request" | "reply", sub: string, file?: boolean, key?: string | undefined }} how
 */
async function killed({ lost, sub, file = false, key }) {
  const path = join(folder, `${stores++}.json`);
  const order = {
    ...{ base: gateway.url, token: await tokenOf(sub), store: path, lost },
    ...{ image: `${gateway.images}/cat.jpg`, ...(file ? { file: FILE } : {}), ...(key ? { key } : {}) },
  };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), exit.then(() => assert.fail("it ended by itself"))]);
  child.kill("SIGKILL");
  await exit;
  return fileStore(path);
}

/**
 * An Upscaler after that. Its gateway has been there for `remembers` milliseconds longer than it has.
 *
 * @param {import("crisp-upscale").Store} store
 * @param {string} sub
 * @param {number} [remembers]
 */
async function again(store, sub, remembers = HOUR) {
  const count = { creates: 0, reads: 0 };
  const token = await tokenOf(sub);
  const upscaler = new Upscaler({
    ...{ baseUrl: gateway.url, token, store },
    fetch: async (request) => {
      if (request.url.endsWith("/createTask")) count.creates += 1;
      const response = await fetch(request);
      if (!request.url.endsWith("/attempt")) return response;
      count.reads += 1;
      const body = /** @type {any} */ (await response.json());
      if (body.data?.remembersFor !== undefined) body.data.remembersFor += remembers;
      return Response.json(body);
    },
  });
  return { upscaler, count };
}

/**
 * Makes the entries of a store older, in milliseconds.
 *
 * @param {Required<import("crisp-upscale").Store>} store
 * @param {number} by
 */
async function age(store, by) {
  for (const name of await store.keys()) {
    const kept = JSON.parse(`${await store.get(name)}`);
    for (const when of ["createdAt", "sendsUntil"]) if (when in kept) kept[when] -= by;
    await store.set(name, JSON.stringify(kept));
  }
}

/** How many tasks the service has made. */
const tasks = async () => (await gateway.sandbox.ledger()).tasks.length;

/** The entry of a store, which has no task. @param {Upscaler} upscaler */
async function entry(upscaler) {
  const [pending, ...others] = await upscaler.pending();
  assert.ok(pending);
  assert.equal(pending.taskId, null);
  assert.deepEqual(others, []);
  return pending;
}

for (const file of [false, true]) {
  for (const key of [undefined, "an-order", "eine Bestellung, größer"]) {
    const title = `${file ? "a file" : "a URL"}, ${key === undefined ? "no key" : `the key "${key}"`}`;
    const sub = title.replaceAll(/[^a-z]/g, "");

    test(`the reply is lost: the task is found and its result had (${title})`, async () => {
      const made = await tasks();
      const store = await killed({ lost: "reply", sub: `r${sub}`, file, key });
      const { upscaler, count } = await again(store, `r${sub}`);
      const pending = await entry(upscaler);
      assert.deepEqual(count, { creates: 0, reads: 0 }, "pending() asks nothing");
      const job = upscaler.resume(JSON.parse(JSON.stringify(pending)));
      assert.equal(job.taskId, "");
      const updates = [];
      for await (const update of job) updates.push(update);
      assert.deepEqual(updates[0], { state: "submitted", taskId: job.taskId });
      assert.equal((await job.result()).width, 1680);
      assert.equal(job.toJSON().taskId, job.taskId);
      assert.deepEqual(await upscaler.pending(), []);
      assert.deepEqual([count.creates, (await tasks()) - made], [0, 1]);
    });

    test(`the request is lost: that is known once it cannot arrive any more (${title})`, async () => {
      const made = await tasks();
      // Of a key that another caller has used nobody is told that it never arrived.
      const own = key && `${key}-${file}-lost`;
      const store = await killed({ lost: "request", sub: `q${sub}`, file, key: own });
      const { upscaler, count } = await again(store, `q${sub}`);
      const pending = await entry(upscaler);
      const early = await failure(upscaler.resume(pending, { timeout: 500 }).result());
      assert.deepEqual([early.kind, early.charged, early.retryable], ["outcome-unknown", "unknown", true]);
      assert.match(early.message, /Seconds until it can be known: \d+\./);
      await entry(upscaler);
      await age(store, 200_000);
      const error = await failure(upscaler.resume(await entry(upscaler)).result());
      assert.deepEqual([error.kind, error.charged], ["unreachable", "no"]);
      assert.deepEqual(await upscaler.pending(), []);
      assert.deepEqual([count.creates, (await tasks()) - made], [0, 0], "nothing was ordered");
    });
  }

  const image = async () => (file ? new Blob([await readFile(FILE)]) : `${gateway.images}/cat.jpg`);
  const what = file ? "a file" : "a URL";

  test(`the same key goes on with the task whose reply was lost: ${what}`, async () => {
    const made = await tasks();
    const key = `grüße ${what}`;
    const store = await killed({ lost: "reply", sub: "same", file, key });
    const { upscaler, count } = await again(store, "same");
    const other = await failure(upscaler.upscale(`${gateway.images}/rocket.png`, { idempotencyKey: key }));
    assert.deepEqual([other.kind, count.reads], ["invalid-input", 0], "another image is refused as ever");
    const result = await upscaler.upscale(await image(), { idempotencyKey: key });
    assert.equal(result.width, 1680);
    assert.deepEqual([count.creates, (await tasks()) - made], [0, 1]);
  });

  test(`the same key orders anew once the request cannot arrive any more, by two tabs at once: ${what}`, async () => {
    const made = await tasks();
    const key = `anew ${what}`;
    const store = await killed({ lost: "request", sub: "anew", file, key });
    const early = await again(store, "anew");
    const error = await failure(
      early.upscaler.upscale(await image(), { idempotencyKey: key, timeout: 2_000 }),
    );
    assert.deepEqual([error.kind, early.count.creates], ["outcome-unknown", 0]);
    await age(store, 200_000);
    const [one, two] = [await again(store, "anew"), await again(store, "anew")];
    const results = await Promise.all(
      [one, two].map(async ({ upscaler }) => upscaler.upscale(await image(), { idempotencyKey: key })),
    );
    assert.equal(results[0]?.taskId, results[1]?.taskId);
    assert.equal((await tasks()) - made, 1);
  });

  test(`the job ended meanwhile: its result is there at once, for two tabs: ${what}`, async () => {
    const made = await tasks();
    const store = await killed({ lost: "reply", sub: `ended${file}`, file });
    const [one, two] = [await again(store, `ended${file}`), await again(store, `ended${file}`)];
    const pending = await entry(one.upscaler);
    const found = await gateway.read("/api/v1/jobs/attempt", {
      ...{ sub: `ended${file}`, headers: { "idempotency-key": pending.attempt } },
    });
    await gateway.ended(found.data.taskId, `ended${file}`);
    const results = await Promise.all([one, two].map(({ upscaler }) => upscaler.resume(pending).result()));
    assert.deepEqual(
      results.map(({ width }) => width),
      [1680, 1680],
    );
    assert.deepEqual(await one.upscaler.pending(), []);
    assert.equal((await tasks()) - made, 1);
  });

  test(`the retention is over, or another caller asks: it stays unknown: ${what}`, async () => {
    const made = await tasks();
    const lost = await killed({ lost: "request", sub: "old", file });
    await age(lost, 2 * HOUR);
    const old = await again(lost, "old");
    const replied = await killed({ lost: "reply", sub: "one", file, key: `foreign ${what}` });
    const foreign = await again(replied, "two");
    for (const { upscaler, count } of [old, foreign]) {
      const error = await failure(upscaler.resume(await entry(upscaler)).result());
      assert.deepEqual([error.kind, error.charged, error.retryable], ["outcome-unknown", "unknown", false]);
      await entry(upscaler);
      assert.equal(count.creates, 0);
    }
    const key = { idempotencyKey: `foreign ${what}` };
    assert.equal((await failure(foreign.upscaler.upscale(await image(), key))).kind, "outcome-unknown");
    assert.equal(foreign.count.creates, 0);
    assert.equal((await tasks()) - made, 1);
  });
}

test("an entry of another store is asked for, and believed only where there is a task", async () => {
  const made = await killed({ lost: "reply", sub: "elsewhere" });
  const here = await again(newStore(), "elsewhere");
  const pending = await entry((await again(made, "elsewhere")).upscaler);
  assert.equal((await here.upscaler.resume(pending).result()).width, 1680);
  const error = await failure(here.upscaler.resume({ ...pending, attempt: "f".repeat(32) }).result());
  assert.deepEqual([error.kind, error.charged], ["outcome-unknown", "unknown"]);
});

/**
 * An entry that a gateway was to be sent three minutes ago, and one that answers the read as told.
 *
 * @param {(reads: number, request: Request) => Response | Promise<Response>} read
 * @param {object} [options]
 */
function answering(read, options = {}) {
  const baseUrl = "https://gateway.example";
  const createdAt = Date.now() - 180_000;
  const kept = {
    attempt: "a",
    image: "https://host.example/photo.jpg",
    taskId: null,
    createdAt,
    hasKey: true,
  };
  const entry = { ...kept, ended: false, server: baseUrl, sendsUntil: createdAt + 60_000 };
  const store = new Map([["crisp-upscale/a", JSON.stringify(entry)]]);
  const count = { creates: 0, reads: 0 };
  const upscaler = new Upscaler(
    /** @type {import("crisp-upscale").UpscalerOptions} */ ({
      ...{ baseUrl, token: "token", store, ...options },
      fetch: async (/** @type {Request} */ request) => {
        if (request.url.endsWith("/createTask")) {
          count.creates += 1;
          return envelope({ taskId: "new" });
        }
        assert.equal(request.url.replace(/^https:..[^/]*/, ""), "/api/v1/jobs/attempt");
        assert.equal(request.headers.get("idempotency-key"), "a");
        count.reads += 1;
        return read(count.reads, request);
      },
    }),
  );
  const order = (/** @type {import("crisp-upscale").SubmitOptions} */ more = {}) =>
    upscaler.submit(kept.image, { idempotencyKey: "a", ...more });
  return { upscaler, count, order, store, kept };
}

const never = () => envelope({ taskId: null, arrived: false, remembersFor: HOUR });
const found = () => envelope({ taskId: "abc" });

test("a read that fails once is repeated: the network, a 500, a web page", async () => {
  for (const fail of [
    () => Promise.reject(new TypeError("fetch failed")),
    () => new Response("no", { status: 500 }),
    () => new Response("<html>"),
    () => envelope(null, 429),
  ]) {
    const { order, count } = answering((reads) => (reads === 1 ? fail() : found()));
    assert.equal((await order()).taskId, "abc");
    assert.deepEqual(count, { creates: 0, reads: 2 });
  }
});

test("without the read, or without time for it, it stays unknown and nothing is ordered", async () => {
  for (const read of [
    () => new Response("<html>", { status: 404 }),
    () => envelope(null, 404),
    () => envelope({ taskId: null }),
    () => envelope(null, 422, "recordInfo is null"),
  ]) {
    const { upscaler, order, count } = answering(read);
    const error = await failure(order());
    assert.deepEqual([error.kind, error.charged], ["outcome-unknown", "unknown"]);
    assert.deepEqual([count.creates, (await upscaler.pending())[0]?.taskId], [0, null]);
  }
  const { upscaler, order, count } = answering(() => new Response("no", { status: 503 }));
  const error = await failure(order({ timeout: 500 }));
  assert.deepEqual([error.kind, error.status, error.retryable], ["outcome-unknown", 503, true]);
  assert.deepEqual([count.creates, (await upscaler.pending()).length], [0, 1]);
});

test("an old token is renewed once; a refused one is said", async () => {
  const tokens = ["old", "new"];
  const renewing = answering(
    (_, request) => (request.headers.get("authorization") === "Bearer new" ? found() : envelope(null, 401)),
    { token: () => tokens.shift() ?? "none" },
  );
  assert.equal((await renewing.order()).taskId, "abc");
  assert.equal(renewing.count.reads, 2);
  const { order, count } = answering(() => envelope(null, 401));
  const error = await failure(order());
  assert.deepEqual([error.kind, error.charged, count.creates], ["unauthorized", "unknown", 0]);
});

test("an abort ends the asking at once, and so does the timeout; the entry stays", async () => {
  const controller = new AbortController();
  const { upscaler, order, count } = answering(() => {
    controller.abort();
    return new Promise(() => {});
  });
  await assert.rejects(order({ signal: controller.signal }), { name: "AbortError" });
  const [pending] = await upscaler.pending();
  assert.ok(pending);
  const error = await failure(upscaler.resume(pending, { timeout: 50 }).result());
  assert.deepEqual([error.kind, error.charged], ["outcome-unknown", "unknown"]);
  assert.deepEqual([count.creates, (await upscaler.pending()).length], [0, 1]);
});

test("an entry for another server is not ordered anew here, nor is one straight to the API asked for", async () => {
  const other = answering(never, { baseUrl: "https://another.example" });
  assert.equal((await failure(other.order())).kind, "outcome-unknown");
  assert.deepEqual(other.count, { creates: 0, reads: 1 });
  const straight = answering(never, { token: undefined, apiKey: "key" });
  const error = await failure(straight.order());
  assert.deepEqual([error.kind, error.charged], ["outcome-unknown", "unknown"]);
  const resumed = await failure(straight.upscaler.resume(straight.kept).result());
  assert.match(resumed.message, /^It is not known whether this attempt made a task/);
  assert.deepEqual(straight.count, { creates: 0, reads: 0 });
  const same = answering(never, { baseUrl: "https://gateway.example/" });
  assert.equal((await same.order()).taskId, "new");
  assert.deepEqual(same.count, { creates: 1, reads: 1 });
});
