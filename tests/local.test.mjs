// @ts-check
// The demo page's server keeps a key on a machine where every page in the browser can reach it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { localServer } from "../scripts/local.mjs";

const OWN = "http://127.0.0.1:8080";
const KEY = "sk-0123456789";
const BODY = { model: "recraft/crisp-upscale", input: { image: "https://host.example/a.jpg" } };
const SAMPLE = { body: Buffer.from("a photo"), type: "image/jpeg" };
const UPLOADED = { code: 200, data: { downloadUrl: "https://upload.example/a.jpg" } };

/** @param {{ reply?: (request: Request) => Response | Promise<Response> }} [options] */
function serverOf({ reply = () => Response.json({ code: 200, data: { taskId: "abc" } }) } = {}) {
  /** @type {Request[]} */
  const passed = [];
  const server = localServer({
    Upscaler,
    files: (path) => (path === "/" || path === "/samples/cat.jpg" ? SAMPLE : undefined),
    upstream: {
      name: "kie.ai",
      key: KEY,
      baseUrl: "https://api.example",
      uploadBaseUrl: "https://uploads.example",
      fetch: async (request) => {
        passed.push(request.clone());
        return reply(request);
      },
    },
  });
  return { server: (/** @type {Request} */ request) => server(request, { port: 8080 }), passed };
}

/**
 * A createTask as the page makes it, but for what is told.
 *
 * @param {{ url?: string, headers?: Record<string, string>, body?: unknown }} [changes]
 */
function create({ url = `${OWN}/api/v1/jobs/createTask`, headers = {}, body = BODY } = {}) {
  return new Request(url, {
    method: "POST",
    headers: {
      origin: new URL(url).origin,
      "content-type": "application/json",
      authorization: "Bearer local",
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

test("what the page asks is passed on with the key, which the page never sees", async () => {
  const { server, passed } = serverOf({
    reply: () => Response.json({ code: 200, msg: KEY, data: { taskId: "abc" } }),
  });
  const reply = await server(create());
  assert.equal(reply.status, 200);
  assert.ok(!(await reply.text()).includes(KEY));
  const [request] = passed;
  assert.equal(request?.url, "https://api.example/api/v1/jobs/createTask");
  assert.equal(request?.headers.get("authorization"), `Bearer ${KEY}`);
  assert.equal(request?.redirect, "manual");
  assert.deepEqual(await request?.json(), BODY);

  const read = new Request(`${OWN}/api/v1/jobs/recordInfo?taskId=abc`, {
    headers: { "sec-fetch-site": "same-origin" },
  });
  assert.equal((await server(read)).status, 200);
  assert.equal(passed[1]?.url, "https://api.example/api/v1/jobs/recordInfo?taskId=abc");
});

test("a createTask that the page sends again is passed on once, unless the rate limit refused it", async () => {
  const headers = { "idempotency-key": "one" };
  for (const reply of [
    () => Response.json({ code: 200, data: { taskId: "abc" } }),
    () => new Response("<html>", { status: 502 }),
    () => Promise.reject(new TypeError("lost")),
  ]) {
    const { server, passed } = serverOf({ reply });
    const first = await (await server(create({ headers }))).text();
    assert.equal(await (await server(create({ headers }))).text(), first);
    assert.equal(passed.length, 1);
    await server(create({ headers: { "idempotency-key": "two" } }));
    await server(create());
    assert.equal(passed.length, 3);
  }
  for (const reply of [
    () => Response.json({ code: 429, msg: "Too many" }),
    () => new Response("Too many", { status: 429 }),
  ]) {
    const { server, passed } = serverOf({ reply });
    await server(create({ headers }));
    await server(create({ headers }));
    assert.equal(passed.length, 2);
  }
});

test("nothing else reaches the service", async (t) => {
  /** @type {Record<string, Request>} */
  const attacks = {
    "another host name, as after DNS rebinding": create({
      url: "http://evil.example:8080/api/v1/jobs/createTask",
    }),
    "another port in the Host header": create({ url: "http://127.0.0.1:8081/api/v1/jobs/createTask" }),
    "another origin": create({ headers: { origin: "https://evil.example" } }),
    "another port of this machine": create({ headers: { origin: "http://127.0.0.1:3000" } }),
    "an opaque origin": create({ headers: { origin: "null" } }),
    "a read from another site": new Request(`${OWN}/api/v1/jobs/recordInfo?taskId=a`, {
      headers: { "sec-fetch-site": "cross-site" },
    }),
    "a read that does not say where it comes from": new Request(`${OWN}/api/v1/jobs/recordInfo?taskId=a`),
    "a form": create({ headers: { "content-type": "application/x-www-form-urlencoded" } }),
    "JSON as text": create({ headers: { "content-type": "text/plain" } }),
    "another model": create({ body: { ...BODY, model: "google/veo" } }),
    "no image": create({ body: { ...BODY, input: {} } }),
    "an image that is no string": create({ body: { ...BODY, input: { image: ["a"] } } }),
    "no JSON": create({ body: "{" }),
    null: create({ body: "null" }),
    "a body over 64 KB": create({ body: { ...BODY, padding: " ".repeat(65 * 1024) } }),
    "another path of the API": create({ url: `${OWN}/api/v1/chat/completions` }),
    "a path that climbs": create({ url: `${OWN}/api/v1/jobs/createTask/../../chat/credit` }),
    "this machine's own files": create({ body: { ...BODY, input: { image: `${OWN}/config.json` } } }),
  };
  for (const [name, request] of Object.entries(attacks)) {
    await t.test(name, async () => {
      const { server, passed } = serverOf();
      const reply = await server(request);
      assert.ok(reply.status >= 400, `answered ${reply.status}`);
      assert.equal(passed.length, 0);
    });
  }
});

test("fields that the page does not send are not passed on", async () => {
  const { server, passed } = serverOf();
  await server(
    create({ body: { ...BODY, callBackUrl: "https://evil.example/", input: { ...BODY.input, more: 1 } } }),
  );
  assert.deepEqual(await passed[0]?.json(), BODY);
});

/**
 * An upload as the page makes it, but for what is told.
 *
 * @param {{ file?: Blob | string, fields?: Record<string, string>, headers?: Record<string, string> }} [changes]
 */
function upload({ file = new Blob(["a photo"], { type: "image/jpeg" }), fields = {}, headers = {} } = {}) {
  const form = new FormData();
  form.set("file", file);
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return new Request(`${OWN}/api/file-stream-upload`, {
    method: "POST",
    headers: { origin: OWN, authorization: "Bearer local", ...headers },
    body: form,
  });
}

/** @param {Request | undefined} request */
async function formOf(request) {
  assert.equal(request?.url, "https://uploads.example/api/file-stream-upload");
  assert.equal(request?.headers.get("authorization"), `Bearer ${KEY}`);
  assert.equal(request?.redirect, "manual");
  const form = await request?.formData();
  const file = form?.get("file");
  assert.ok(file instanceof File);
  assert.equal(form?.get("uploadPath"), "images/crisp-upscale");
  assert.equal(form?.get("fileName"), file.name);
  return file;
}

test("a file is passed on with the key, under a name of this server's own", async () => {
  const { server, passed } = serverOf({ reply: () => Response.json({ ...UPLOADED, msg: KEY }) });
  const fields = { uploadPath: "../elsewhere", fileName: "known.jpg", more: "1" };
  const reply = await server(upload({ fields }));
  const text = await reply.text();
  assert.equal(JSON.parse(text).data.downloadUrl, "https://upload.example/a.jpg");
  assert.ok(!text.includes(KEY));
  const file = await formOf(passed[0]?.clone());
  assert.match(file.name, /^[0-9a-f-]{36}\.jpg$/);
  assert.deepEqual([file.type, await file.text()], ["image/jpeg", "a photo"]);
  assert.deepEqual([...((await passed[0]?.formData())?.keys() ?? [])], ["uploadPath", "fileName", "file"]);

  await server(upload({ fields }));
  assert.notEqual((await formOf(passed[1])).name, file.name, "which is never used twice");
});

test("what is no picture of at most 10 MB is not uploaded", async (t) => {
  const megabytes = (/** @type {number} */ count) =>
    new Blob([new Uint8Array(count * 1024 * 1024)], { type: "image/jpeg" });
  /** @type {Record<string, Request>} */
  const attacks = {
    "another origin": upload({ headers: { origin: "https://evil.example" } }),
    "no form": upload({ headers: { "content-type": "application/octet-stream" } }),
    "a form without a boundary": upload({ headers: { "content-type": "multipart/form-data" } }),
    "another boundary": upload({ headers: { "content-type": "multipart/form-data; boundary=x" } }),
    "a text in the file's place": upload({ file: "a photo" }),
    "a web page": upload({ file: new Blob(["<html>"], { type: "text/html" }) }),
    "an empty type": upload({ file: new Blob(["a photo"]) }),
    "a file over 10 MB": upload({
      file: new Blob([megabytes(10), "!"], { type: "image/jpeg" }),
    }),
    "other fields over 10 MB": upload({ fields: { more: "x".repeat(11 * 1024 * 1024) } }),
  };
  for (const [name, request] of Object.entries(attacks)) {
    await t.test(name, async () => {
      const { server, passed } = serverOf({ reply: () => Response.json(UPLOADED) });
      const reply = await server(request);
      assert.ok(reply.status >= 400, `answered ${reply.status}`);
      assert.ok((await reply.json()).code >= 400, "as a refusal, which is not tried again");
      assert.equal(passed.length, 0);
    });
  }
  await t.test("but one of just 10 MB is", async () => {
    const { server, passed } = serverOf({ reply: () => Response.json(UPLOADED) });
    assert.equal((await server(upload({ file: megabytes(10) }))).status, 200);
    assert.equal(passed.length, 1);
  });
});

test("a body that never ends is read no further than a file may be", async () => {
  const { server, passed } = serverOf();
  let chunks = 0;
  const endless = new ReadableStream({
    pull: (controller) => {
      chunks += 1;
      controller.enqueue(new Uint8Array(1024 * 1024));
    },
  });
  const headers = { origin: OWN, "content-type": "multipart/form-data; boundary=x" };
  /** @type {RequestInit & { duplex: "half" }} */
  const init = { method: "POST", headers, body: endless, duplex: "half" };
  assert.equal((await server(new Request(`${OWN}/api/file-stream-upload`, init))).status, 413);
  assert.ok(chunks < 20, `${chunks} MB were read`);
  assert.equal(passed.length, 0);
});

test("a sample is uploaded first, where the service cannot fetch from this machine", async () => {
  const { server, passed } = serverOf({
    reply: ({ url }) =>
      Response.json(url.includes("upload") ? UPLOADED : { code: 200, data: { taskId: "abc" } }),
  });
  await server(create({ body: { ...BODY, input: { image: `${OWN}/samples/cat.jpg` } } }));
  const file = await formOf(passed[0]);
  assert.equal(await file.text(), "a photo");
  assert.match(file.name, /^[0-9a-f-]{36}\.jpg$/, "under a name of its own");
  assert.deepEqual(await passed[1]?.json(), { ...BODY, input: { image: "https://upload.example/a.jpg" } });
});

test("a sample that cannot be uploaded is a refusal", async () => {
  for (const reply of [
    () => Promise.reject(new Error("down")),
    () => Response.json({ code: 500 }),
    () => new Response("<html>"),
  ]) {
    const { server, passed } = serverOf({ reply });
    const answer = await server(create({ body: { ...BODY, input: { image: `${OWN}/samples/cat.jpg` } } }));
    assert.equal((await answer.json()).code, 455);
    assert.equal(passed.length, 1, "and no task is made");
  }
});

test("a lost reply is no refusal", async () => {
  for (const reply of [
    () => Promise.reject(new TypeError("fetch failed")),
    () => new Response(null, { status: 302, headers: { location: "https://evil.example/" } }),
  ]) {
    const { server, passed } = serverOf({ reply });
    const answer = await server(create());
    assert.equal(answer.status, 502);
    assert.doesNotMatch(await answer.text(), /"code"/);
    assert.equal(passed.length, 1, "and it is not sent again");
  }
});

test("the page is served with a strict policy, and nothing beside it", async () => {
  const { server } = serverOf();
  const page = await server(new Request(`${OWN}/`));
  assert.equal(page.status, 200);
  const policy = page.headers.get("content-security-policy") ?? "";
  assert.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
  for (const path of ["/package.json", "/../package.json", "/%2e%2e/package.json", "/files/a"]) {
    assert.equal((await server(new Request(OWN + path))).status, 404, path);
  }
});
