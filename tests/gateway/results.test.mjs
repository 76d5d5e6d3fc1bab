// @ts-check
// Results of the gateway in real workerd: copied to a bucket, or passed through without one.
import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { test } from "node:test";
import { fixtures } from "../kit/gateway.mjs";

/**
 * A gateway whose upstream counts the requests for files, and may answer them in its own way.
 *
 * @param {import("node:test").TestContext} t
 * @param {object} [options]
 * @param {boolean} [options.results]
 * @param {Record<string, string>} [options.settings]
 * @param {() => Response} [options.file]
 */
async function filesOf(t, { file, ...options } = {}) {
  /** @type {Request[]} */
  const asked = [];
  const own = await fixtures(t, {
    ...options,
    between: (handler) => async (request) => {
      if (!new URL(request.url).pathname.startsWith("/files/results/")) return handler(request);
      asked.push(request);
      return file === undefined ? handler(request) : file();
    },
  });
  const { data } = await own.create();
  const record = await own.ended(data.taskId);
  return { own, asked, taskId: data.taskId, url: JSON.parse(record.resultJson).resultUrls[0] };
}

/**
 * The result once it comes from the copy: then the service is not asked for it.
 *
 * @param {{ asked: Request[], url: string }} files
 */
async function copyOf({ asked, url }) {
  for (;;) {
    const before = asked.length;
    const reply = await fetch(url);
    const bytes = Buffer.from(await reply.arrayBuffer());
    if (asked.length === before && reply.ok) return { reply, bytes };
  }
}

test("a result is copied, and served from the copy", async (t) => {
  const files = await filesOf(t);
  const { reply, bytes } = await copyOf(files);
  assert.equal(reply.headers.get("content-type"), "image/png");
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
  assert.ok(files.asked.every((request) => request.headers.get("authorization") === null));
});

test("a result whose length nobody says is copied in parts", async (t) => {
  const bytes = randomFillSync(Buffer.alloc(20 * 1024 * 1024));
  const files = await filesOf(t, {
    file: () => new Response(new Blob([bytes]).stream(), { headers: { "content-type": "image/png" } }),
  });
  const copy = await copyOf(files);
  assert.equal(Buffer.compare(copy.bytes, bytes), 0);
});

test("without a bucket results pass through, and nothing else changes", async (t) => {
  const { url, asked, own } = await filesOf(t, { results: false });
  for (const times of [1, 2]) {
    const reply = await fetch(url);
    assert.equal(reply.status, 200);
    assert.equal((await reply.arrayBuffer()).byteLength > 0, true);
    assert.equal(asked.length, times);
    assert.deepEqual(
      ["content-type", "x-content-type-options", "content-security-policy"].map((name) =>
        reply.headers.get(name),
      ),
      ["image/png", "nosniff", "sandbox; default-src 'none'"],
    );
    assert.match(reply.headers.get("content-disposition") ?? "", /^inline; filename="[0-9a-f]{32}\.png"$/);
  }
  assert.equal((await own.sandbox.ledger()).keysSentToFiles, 0);
});

test("what calls itself a page is handed out as a file", async (t) => {
  const { url } = await filesOf(t, {
    results: false,
    file: () => new Response("<script>alert(1)</script>", { headers: { "content-type": "text/html" } }),
  });
  assert.equal((await fetch(url)).headers.get("content-type"), "application/octet-stream");
});

test("when its time is over, a job is deleted with its result", async (t) => {
  const { own, taskId, url } = await filesOf(t, { settings: { KEEP_HOURS: "0.0008" } });
  while ((await own.record(taskId)).data !== null) await (await fetch(url)).arrayBuffer();
  assert.equal((await own.record(taskId)).msg, "recordInfo is null");
  assert.equal((await fetch(url)).status, 410);
});

test("a job under the key of one that was deleted has alarms of its own", { timeout: 120_000 }, async (t) => {
  // Nobody calls back, so that each job ends by an alarm.
  const own = await fixtures(t, { settings: { KEEP_HOURS: "0.002", PUBLIC_URL: "none" } });
  for (const tasks of [1, 2]) {
    const { data } = await own.create({ key: "again" });
    assert.equal((await own.ended(data.taskId)).state, "success");
    assert.equal((await own.sandbox.ledger()).tasks.length, tasks);
    while ((await own.record(data.taskId)).data !== null) await new Promise(setImmediate);
  }
});

for (const results of [true, false]) {
  test(`the beginning of a result is all that is fetched for it, ${results ? "from the copy" : "without a copy"}`, async (t) => {
    const files = await filesOf(t, { results });
    const whole = results
      ? (await copyOf(files)).bytes
      : Buffer.from(await (await fetch(files.url)).arrayBuffer());
    const before = files.asked.length;
    const part = async (/** @type {string} */ range) => {
      const reply = await fetch(files.url, { headers: { range } });
      const bytes = Buffer.from(await reply.arrayBuffer());
      return {
        status: reply.status,
        range: reply.headers.get("content-range"),
        type: reply.headers.get("content-type"),
        bytes,
      };
    };
    const type = "image/png";
    const size = whole.length;
    assert.ok(size > 20);
    assert.deepEqual(await part("bytes=0-9"), {
      status: 206,
      range: `bytes 0-9/${size}`,
      type,
      bytes: whole.subarray(0, 10),
    });
    assert.deepEqual(await part(`bytes=${size - 3}-`), {
      ...{ status: 206, range: `bytes ${size - 3}-${size - 1}/${size}`, type },
      bytes: whole.subarray(size - 3),
    });
    const all = { status: 206, range: `bytes 0-${size - 1}/${size}`, type, bytes: whole };
    assert.deepEqual(await part(`bytes=0-${size * 2}`), all, "longer than the file");
    for (const range of ["bytes=-5", "bytes=0-1,3-4", "items=0-1", `bytes=${size}-`]) {
      assert.deepEqual(await part(range), { ...all, status: 200, range: null }, range);
    }
    assert.equal(files.asked.length - before, results ? 0 : 8);
    const sent = files.asked.slice(before).map((request) => request.headers.get("range"));
    if (!results)
      assert.deepEqual(sent.slice(0, 3), ["bytes=0-9", `bytes=${size - 3}-`, `bytes=0-${size * 2}`]);
  });
}
