// @ts-check
// A refusal arrives even while the request is still being sent, in real workerd. Many clients read a response only
// after they have sent everything, and report a connection that ends earlier as broken.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { startGateway } from "../../scripts/gateway.mjs";
import { attempt, root } from "../../scripts/run.mjs";
import { runtimes, versionOf } from "../../scripts/runtimes.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { fixtures, MODEL, TOKEN_SECRET, tokenOf } from "../kit/gateway.mjs";

const UPLOAD = "/api/file-stream-upload";
const CREATE = "/api/v1/jobs/createTask";
const SIZE = 10 * 1024 * 1024;

/** @type {Awaited<ReturnType<typeof fixtures>>} */
let own;
/** @type {(() => Promise<void>)[]} */
const ends = [];
/** How many uploads reached the service. */
let uploads = 0;

before(async () => {
  own = await fixtures(
    { after: (end) => ends.push(end) },
    {
      between: (handler) => async (request) => {
        if (request.url.endsWith(UPLOAD)) uploads += 1;
        return handler(request);
      },
    },
  );
});
after(async () => {
  for (const end of ends) await end();
});

/** A token of ours that has expired. */
function expired() {
  const claims = { sub: "ann", exp: Math.floor(Date.now() / 1000) - 1 };
  const text = [{ alg: "HS256", typ: "JWT" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${createHmac("sha256", TOKEN_SECRET).update(text).digest("base64url")}`;
}

/** @param {{ url: string, statuses: number[], left: number }} result @param {number} before */
function renewed({ url, statuses, left }, before) {
  assert.deepEqual([statuses, left], [[401, 200], 0]);
  assert.match(url, /^http/);
  assert.equal(uploads, before + 1);
}

describe("a file of 10.0 MB with an expired token is a 401, the token is renewed, and the file arrives", () => {
  for (const [name, args] of /** @type {const} */ ([
    ["node20", []],
    ["node24", []],
    ["deno", ["run", "--allow-net"]],
    ["bun", []],
  ])) {
    test(name, async (t) => {
      const path = (await runtimes())[name];
      if ((await versionOf(path)) === undefined) return t.skip(`${name} does not run on this machine`);
      const before = uploads;
      const order = JSON.stringify({ baseUrl: own.url, tokens: [expired(), await tokenOf("ann")] });
      const file = `${root}/tests/runtimes/expired.mjs`;
      const { ok, output } = await attempt(path, [...args, file, order], { quiet: true });
      assert.ok(ok, output);
      renewed(JSON.parse(output.trim().split("\n").at(-1) ?? ""), before);
    });
  }

  test("Chromium", async (t) => {
    const browser = await launchChromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    await page.route("**/package/**", (route) =>
      route.fulfill({
        path: `${root}/dist${new URL(route.request().url()).pathname.replace("/package", "")}`,
      }),
    );
    await page.goto(own.url);
    const before = uploads;
    const result = await page.evaluate(
      async ({ tokens, size }) => {
        const module = "/package/browser.js";
        /** @type {typeof import("crisp-upscale")} */
        const { Upscaler } = await import(module);
        const file = new Uint8Array(size);
        file.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
        new DataView(file.buffer).setUint32(16, 1680);
        new DataView(file.buffer).setUint32(20, 1120);
        /** @type {number[]} */
        const statuses = [];
        const upscaler = new Upscaler({
          baseUrl: location.origin,
          token: () => tokens.shift() ?? "",
          fetch: async (request) => {
            const response = await fetch(request);
            statuses.push(response.status);
            return response;
          },
        });
        const { url } = await upscaler.upload(file);
        return { url, statuses, left: tokens.length };
      },
      { tokens: [expired(), await tokenOf("ann")], size: SIZE },
    );
    renewed(result, before);
  });
});

test("a body of a refused request is read to its end, announced or not, as far as its path takes one", async (t) => {
  const closed = await startGateway({ settings: {} });
  t.after(() => closed.close());
  const chunk = new Uint8Array(64 * 1024);
  /** @param {number} size */
  const unannounced = (size) => {
    let left = size;
    return new ReadableStream({
      pull(controller) {
        if (left <= 0) return controller.close();
        controller.enqueue(chunk);
        left -= chunk.length;
      },
    });
  };
  for (const [path, size] of /** @type {const} */ ([
    [UPLOAD, SIZE],
    ["/api/file-base64-upload", 13 * 1024 * 1024],
    [CREATE, 60 * 1024],
  ])) {
    for (const [url, sub, status] of /** @type {const} */ ([
      [own.url, "", 401],
      [closed.url, "ann", 503],
    ])) {
      const headers = sub === "" ? {} : { authorization: `Bearer ${await tokenOf(sub)}` };
      const announced = await fetch(`${url}${path}`, { method: "POST", headers, body: new Uint8Array(size) });
      assert.equal(announced.status, status, `${path}, announced`);
      /** @type {RequestInit & { duplex: "half" }} */
      const init = { method: "POST", headers, body: unannounced(size), duplex: "half" };
      assert.equal((await fetch(`${url}${path}`, init)).status, status, `${path}, unannounced`);
    }
  }
  const form = new FormData();
  form.append("file", new Blob([new Uint8Array(SIZE + 1)]), "a.png");
  assert.equal((await own.call(UPLOAD, { method: "POST", body: form })).status, 413, "a byte too many");
});

test("a refused body that comes too slowly is waited for no longer than ten seconds", async () => {
  const { hostname, port } = new URL(own.url);
  const socket = connect(Number(port), hostname);
  socket.write(`POST ${UPLOAD} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 1000\r\n\r\nabc`);
  const [reply] = await once(socket, "data");
  socket.destroy();
  assert.match(`${reply}`, /^HTTP\/1\.1 401 /);
});

test("HEAD is answered wherever GET is, with no body", async () => {
  const { data } = await own.create({ key: "head" });
  const record = await own.ended(data.taskId);
  const result = new URL(JSON.parse(record.resultJson).resultUrls[0]);
  for (const [path, headers] of /** @type {[string, Record<string, string>][]} */ ([
    ["/health", {}],
    [`/api/v1/jobs/recordInfo?taskId=${data.taskId}`, {}],
    [`/api/v1/jobs/events?taskId=${data.taskId}`, {}],
    ["/api/v1/jobs/attempt", { "idempotency-key": "head" }],
    ["/api/v1/chat/credit", {}],
    ["/api/v1/jobs/nothing", {}],
    [`${result.pathname}${result.search}`, {}],
  ])) {
    const [head, get] = [
      await own.call(path, { method: "HEAD", headers }),
      await own.call(path, { headers }),
    ];
    assert.equal(head.status, get.status, path);
    assert.equal(head.headers.get("content-type"), get.headers.get("content-type"), path);
    assert.equal(await head.text(), "", path);
    await get.arrayBuffer();
  }
  for (const path of [CREATE, UPLOAD, "/token"]) {
    assert.equal((await own.call(path, { method: "HEAD" })).status, 405, path);
  }
});

test("addresses may have 8,192 bytes, and an Idempotency-Key 1 to 200 visible characters", async () => {
  const long = (/** @type {number} */ length) => {
    const start = `${own.images}/cat.jpg?signature=`;
    return start + "x".repeat(length - start.length);
  };
  const order = (/** @type {string} */ image, callBackUrl = "") => ({
    json: { model: MODEL, callBackUrl, input: { image } },
  });
  const { code, data } = await own.read(CREATE, order(long(8192), long(8192)));
  assert.equal(code, 200);
  assert.equal((await own.ended(data.taskId)).state, "success");
  assert.equal((await own.read(CREATE, order(long(8193)))).code, 422);
  assert.equal((await own.read(CREATE, order(long(100), long(8193)))).code, 422);
  for (const key of ["!", "~".repeat(200)]) {
    const { code, data } = await own.create({ key, sub: "keys" });
    assert.equal(code, 200);
    assert.deepEqual((await own.create({ key, sub: "keys" })).data, data);
  }
});

test("an Idempotency-Key is looked up, and nothing is made", async () => {
  const find = (/** @type {string} */ key, sub = "finder") =>
    own.read("/api/v1/jobs/attempt", { sub, headers: { "idempotency-key": key } });
  const before = (await own.sandbox.ledger()).tasks.length;
  const never = await find("found");
  assert.equal(never.code, 200);
  assert.deepEqual([never.data.taskId, never.data.arrived], [null, false]);
  assert.ok(never.data.remembersFor >= 0);
  const { data } = await own.create({ key: "found", sub: "finder" });
  assert.equal(data.attempts, "/api/v1/jobs/attempt");
  assert.deepEqual((await find("found")).data, { taskId: data.taskId });
  assert.deepEqual((await find("found", "another")).data, { taskId: null }, "another caller's stays unknown");
  assert.equal((await own.sandbox.ledger()).tasks.length, before + 1);
  assert.equal((await own.call("/api/v1/jobs/attempt", {})).status, 400);
  for (const key of ["", "a b", "x".repeat(201)]) assert.equal((await find(key)).code, 400, key);
});
