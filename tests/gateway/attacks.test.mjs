// @ts-check
// Requests that the gateway must refuse, in real workerd. None of them reaches the service.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { mintToken } from "crisp-upscale";
import { fixtures, MODEL, TOKEN_SECRET, tokenOf } from "../kit/gateway.mjs";

const CREATE = "/api/v1/jobs/createTask";

/** @type {Awaited<ReturnType<typeof fixtures>>} */
let own;
/**
 * The paths that reached the service by POST; what only reads may be the work of a job that was allowed.
 *
 * @type {string[]}
 */
const reached = [];
/** @type {Set<string>} */
const read = new Set();
/** @type {(() => Promise<void>)[]} */
const ends = [];

before(async () => {
  own = await fixtures(
    { after: (end) => ends.push(end) },
    {
      settings: { TASKS_PER_HOUR: "3", ORIGINS: "https://site.example", PASSPHRASE: "open sesame" },
      between: (handler) => async (request) => {
        const { pathname } = new URL(request.url);
        if (request.method === "POST") reached.push(pathname);
        else read.add(pathname.replace(/^\/files\/.*/, "/files/"));
        return handler(request);
      },
    },
  );
});
after(async () => {
  for (const end of ends) await end();
});

const body = (/** @type {object} */ changes = {}) => ({
  model: MODEL,
  input: { image: `${own.images}/cat.jpg` },
  ...changes,
});

/**
 * Does something, and checks that nothing of it reaches the service.
 *
 * @template T
 * @param {() => Promise<T>} attack
 */
async function refused(attack) {
  const before = reached.length;
  const result = await attack();
  assert.deepEqual(reached.slice(before), []);
  return result;
}

/**
 * @param {number} status
 * @param {string} path
 * @param {Parameters<typeof own.call>[1]} [init]
 */
async function refuse(status, path, init) {
  const reply = await refused(() => own.call(path, init));
  assert.equal(reply.status, status, `${path} ${JSON.stringify(init)}`);
  return /** @type {any} */ (await reply.json());
}

test("whoever has no token, an old one, or one that is not ours", async () => {
  const now = Math.floor(Date.now() / 1000);
  /** @param {object} header @param {object} claims @param {string} [secret] */
  const forge = (header, claims, secret = TOKEN_SECRET) => {
    const [head, content] = [header, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString("base64url"),
    );
    const signature = createHmac("sha256", secret).update(`${head}.${content}`).digest("base64url");
    return `${head}.${content}.${signature}`;
  };
  const HS256 = { alg: "HS256", typ: "JWT" };
  for (const authorization of [
    undefined,
    "Bearer",
    "Bearer ann",
    `Bearer ${forge(HS256, { sub: "ann", exp: now - 1 })}`,
    `Bearer ${forge(HS256, { sub: "ann", exp: now + 60 }, "another secret of thirty-two bytes")}`,
    `Bearer ${forge({ alg: "none" }, { sub: "ann", exp: now + 60 })}`,
    `Bearer ${forge(HS256, { sub: "ann", exp: now + 7 * 86_400 })}`,
    `Basic ${await tokenOf("ann")}`,
  ]) {
    const headers = authorization === undefined ? {} : { authorization };
    await refuse(401, CREATE, { sub: "", json: body(), headers });
    await refuse(401, "/api/v1/jobs/recordInfo?taskId=a", { sub: "", headers });
    await refuse(401, "/api/v1/jobs/events?taskId=a", { sub: "", headers });
    await refuse(401, "/api/file-stream-upload", { sub: "", method: "POST", headers });
  }
});

test("a page of another origin, also a look-alike", async () => {
  for (const origin of [
    "https://evil.example",
    "https://site.example.evil.example",
    "http://site.example",
    "null",
  ]) {
    const reply = await refused(() => own.call(CREATE, { json: body(), headers: { origin } }));
    assert.equal(reply.status, 403);
    assert.equal(reply.headers.get("access-control-allow-origin"), null);
    assert.equal(reply.headers.get("vary"), "Origin");
    const preflight = await own.call(CREATE, { method: "OPTIONS", sub: "", headers: { origin } });
    assert.equal(preflight.headers.get("access-control-allow-origin"), null);
  }
  const origin = "https://site.example";
  const preflight = await own.call(CREATE, { method: "OPTIONS", sub: "", headers: { origin } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), origin);
  assert.equal(
    preflight.headers.get("access-control-allow-headers"),
    "Authorization, Content-Type, Idempotency-Key",
  );
  assert.equal(preflight.headers.get("access-control-allow-credentials"), null);
});

test("another caller's task", async () => {
  const { data } = await own.create({ sub: "owner" });
  await own.ended(data.taskId, "owner");
  const record = await refused(() => own.record(data.taskId, "thief"));
  assert.deepEqual(record, { code: 422, data: null, msg: "recordInfo is null" });
  const messages = [];
  for await (const message of own.events([data.taskId], "thief")) messages.push(message.data);
  assert.deepEqual(messages, [record]);
  // A link holds for its own job alone, and as long as it says.
  const { data: own2 } = await own.record(data.taskId, "owner");
  const url = new URL(JSON.parse(own2.resultJson).resultUrls[0]);
  assert.equal((await fetch(url)).status, 200);
  for (const change of [
    (/** @type {URL} */ url) =>
      url.searchParams.set("expires", `${Number(url.searchParams.get("expires")) + 1}`),
    (/** @type {URL} */ url) => url.searchParams.set("signature", "A".repeat(43)),
    (/** @type {URL} */ url) => {
      url.pathname = `/results/${"0".repeat(32)}`;
    },
  ]) {
    const other = new URL(url);
    change(other);
    assert.equal((await fetch(other)).status, 403, `${other}`);
  }
});

test("another model, and what is no createTask", async () => {
  for (const [status, json] of /** @type {[number, unknown][]} */ ([
    [422, body({ model: "google/veo3" })],
    [422, body({ model: undefined })],
    [422, body({ input: {} })],
    [422, body({ input: { image: [`${own.images}/cat.jpg`] } })],
    [422, body({ callBackUrl: 7 })],
    [400, []],
  ])) {
    assert.equal((await refuse(status, CREATE, { json })).code, status);
  }
  await refuse(400, CREATE, { method: "POST", body: "not JSON" });
  for (const key of ["", " ", "x".repeat(201), "a b"]) {
    await refuse(400, CREATE, { json: body(), headers: { "idempotency-key": key } });
  }
});

test("an address that is not one of the public Internet, in any spelling", async () => {
  for (const url of [
    "http://169.254.169.254/",
    "https://169.254.169.254/",
    "http://[::ffff:127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://localhost./",
    "https://a.localhost/",
    "https://printer.local/",
    "https://db.internal/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://10.0.0.1/",
    "https://[::1]/",
    "http://host.example/a.jpg",
    `${own.images}.evil.example/cat.jpg`,
    own.images.replace("http://", "http://user@"),
    "file:///etc/passwd",
  ]) {
    await refuse(422, CREATE, { json: body({ input: { image: url } }) });
    await refuse(422, CREATE, { json: body({ callBackUrl: url }) });
    await refuse(422, "/api/file-url-upload", { json: { fileUrl: url, uploadPath: "images" } });
  }
});

test("a path that tries to reach another endpoint of the service", async () => {
  for (const path of [
    "/api/v1/common/download-url",
    "/api/v1/jobs/createTask/",
    "/api/v1/jobs/../jobs/delete",
    "/api/v1/jobs/createTask%2f..%2fdelete",
    "/api//v1/jobs/createTask",
    "/api/v1/veo/generate",
  ]) {
    await refuse(404, path, { json: body() });
  }
  await refuse(405, CREATE, { method: "GET" });
  // The balance is not shown unless the owner says so.
  assert.equal((await refused(() => own.read("/api/v1/chat/credit"))).code, 505);
  await refused(() => own.read("/api/v1/jobs/recordInfo?taskId=a%26b%3Dc/../../x"));
  assert.deepEqual(
    [...read].filter((path) => path !== "/files/" && path !== "/api/v1/jobs/recordInfo"),
    [],
  );
});

test("another caller's file name: uploads get names of the gateway's", async () => {
  const photo = await (await fetch(`${own.images}/cat.jpg`)).blob();
  const names = new Set();
  for (const sub of ["one", "two"]) {
    const form = new FormData();
    form.append("file", photo, "same.jpg");
    form.append("uploadPath", "images/victim");
    form.append("fileName", "same.jpg");
    const { code, data } = await own.read("/api/file-stream-upload", { sub, method: "POST", body: form });
    assert.equal(code, 200);
    assert.ok(!data.downloadUrl.includes("victim") && !data.downloadUrl.includes("same"), data.downloadUrl);
    names.add(data.downloadUrl);
    const base64Data = Buffer.from(await photo.arrayBuffer()).toString("base64");
    const json = { base64Data, uploadPath: "images/victim", fileName: "same.jpg" };
    const { data: second } = await own.read("/api/file-base64-upload", { sub, json });
    assert.ok(!second.downloadUrl.includes("victim") && !second.downloadUrl.includes("same"));
    names.add(second.downloadUrl);
    const third = await own.read("/api/file-url-upload", {
      sub,
      json: { fileUrl: `${own.images}/cat.jpg`, uploadPath: "images/victim", fileName: "same.jpg" },
    });
    assert.ok(!third.data.downloadUrl.includes("victim") && !third.data.downloadUrl.includes("same"));
    names.add(third.data.downloadUrl);
  }
  assert.equal(names.size, 6);
});

test("a body of 100 MB, and what is no image", async () => {
  const huge = new Blob([new Uint8Array(100 * 1024 * 1024)]);
  for (const path of [CREATE, "/api/file-stream-upload", "/api/file-base64-upload"]) {
    await refuse(413, path, { method: "POST", body: huge, headers: { "content-type": "application/json" } });
  }
  const form = new FormData();
  form.append("file", new Blob(["<!doctype html>"], { type: "image/jpeg" }), "a.jpg");
  await refuse(422, "/api/file-stream-upload", { method: "POST", body: form });
});

test("a slow body", async () => {
  const { hostname, port } = new URL(own.url);
  const socket = connect(Number(port), hostname);
  const before = reached.length;
  socket.write(
    `POST ${CREATE} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${await tokenOf("slow")}\r\n` +
      'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"model":',
  );
  const [reply] = await new Promise((resolve, reject) => {
    socket.once("data", (data) => resolve([`${data}`]));
    socket.once("error", reject);
  });
  socket.destroy();
  assert.match(reply, /^HTTP\/1\.1 408 /);
  assert.equal(reached.length, before);
});

test("more tasks than a caller's budget", async () => {
  for (let task = 0; task < 3; task += 1) assert.equal((await own.create({ sub: "greedy" })).code, 200);
  const reply = await refused(() => own.call(CREATE, { sub: "greedy", json: body() }));
  assert.equal(reply.status, 429);
  assert.ok(Number(reply.headers.get("retry-after")) > 3000);
  assert.match(/** @type {any} */ (await reply.json()).msg, /budget/);
  // A new token of the same caller has the same budget; another caller has its own.
  assert.equal((await own.create({ sub: "greedy" })).code, 429);
  assert.equal((await own.create({ sub: "modest" })).code, 200);
  // What the site's server says of a caller counts for it.
  const token = await mintToken({ secret: TOKEN_SECRET, sub: "nobody", tasksPerHour: 0 });
  await refuse(429, CREATE, { sub: "", json: body(), headers: { authorization: `Bearer ${token}` } });
});

test("whoever does not know the passphrase, or the owner's token", async () => {
  for (const passphrase of ["", "open", "open sesame ", 7, null]) {
    await refuse(401, "/token", { sub: "", json: { passphrase } });
  }
  await refuse(403, "/token", {
    sub: "",
    json: { passphrase: "open sesame" },
    headers: { origin: "https://evil.example" },
  });
  await refuse(401, "/counters", { sub: "" });
  await refuse(401, "/counters", { sub: "ann" });
  const { token, expiresAt } = await own.read("/token", { sub: "", json: { passphrase: "open sesame" } });
  assert.ok(expiresAt > Date.now());
  const { code } = await own.read(CREATE, {
    sub: "",
    json: body(),
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(code, 200);
});
