// @ts-check
// Caches: every request says that its response may not be stored, and on servers of frameworks that replace the global
// fetch each request reaches the service.
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { Upscaler } from "../../dist/node.js";

const IMAGE = "https://host.example/a.png";
const RESULT = "https://results.example/r.png";
const native = globalThis.fetch;

/** @param {any} replaced */
const replaceFetch = (replaced) => {
  globalThis.fetch = replaced;
};

afterEach(() => replaceFetch(native));

/** @param {object} data */
const ok = (data) => Response.json({ code: 200, msg: "success", data });

/** A service that knows one task, which has ended. @param {Request} request */
function respond({ url }) {
  if (url.endsWith("createTask")) return ok({ taskId: "abc" });
  if (url.includes("recordInfo")) {
    return ok({ taskId: "abc", state: "success", resultJson: JSON.stringify({ resultUrls: [RESULT] }) });
  }
  if (url.endsWith("credit")) return ok(/** @type {any} */ (17));
  if (url.includes("file-stream-upload")) return ok({ downloadUrl: IMAGE });
  return new Response(new Uint8Array(PNG), { headers: { "content-type": "image/png" } });
}

/** The head of an image of 64 by 64 pixels. */
const PNG = [
  ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52],
  ...[0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0],
];

/** Sends a request of each kind. @param {Upscaler} upscaler */
async function sendAll(upscaler) {
  const result = await upscaler.upscale(new Blob([new Uint8Array(PNG)]));
  await result.blob();
  await upscaler.upscale(IMAGE, { preflight: true });
  await upscaler.getTask("abc");
  await upscaler.credits();
}

/** @param {Request} request */
const nameOf = ({ method, url }) => `${method} ${new URL(url).pathname}`;

const KINDS = [
  "GET /a.png",
  "GET /api/v1/chat/credit",
  "GET /api/v1/jobs/recordInfo",
  "GET /r.png",
  "POST /api/file-stream-upload",
  "POST /api/v1/jobs/createTask",
];

test("no request of any kind may be stored or answered from a cache", async () => {
  /** @type {Request[]} */
  const requests = [];
  const fetch = async (/** @type {Request} */ request) => {
    requests.push(request);
    return respond(request);
  };
  await sendAll(new Upscaler({ apiKey: "key", fetch }));
  assert.deepEqual([...new Set(requests.map(nameOf))].sort(), KINDS);
  for (const request of requests) assert.equal(request.cache, "no-store", nameOf(request));
});

/**
 * What React and Next.js make of the global fetch while they render. `kept`: whether an option of the second argument
 * is still there when requests are deduplicated.
 *
 * @param {(request: Request, init: RequestInit | undefined) => boolean} isShared
 */
function deduplicating(isShared) {
  /** @type {Request[]} */
  const requests = [];
  /** @type {Map<string, Response>} */
  const responses = new Map();
  const fetch = async (/** @type {Request} */ request, /** @type {RequestInit | undefined} */ init) => {
    const shared = request.method === "GET" && isShared(request, init);
    const known = shared ? responses.get(request.url) : undefined;
    if (known) return known.clone();
    requests.push(request);
    const response = respond(request);
    if (shared) responses.set(request.url, response.clone());
    return response;
  };
  return { fetch, requests };
}

describe("each read reaches the service", () => {
  const polls = async (/** @type {Upscaler} */ upscaler) => {
    for (let poll = 0; poll < 3; poll += 1) await upscaler.getTask("abc");
  };

  test("where React deduplicates what has no signal in the second argument", async () => {
    const { fetch, requests } = deduplicating((_, init) => !init?.signal);
    replaceFetch(fetch);
    await polls(new Upscaler({ apiKey: "key" }));
    assert.equal(requests.length, 3);
  });

  for (const own of [false, true]) {
    test(`where Next.js deduplicates what is not keepalive${own ? ", called by a fetch option" : ""}`, async () => {
      const { fetch, requests } = deduplicating((request, init) => !(init?.keepalive ?? request.keepalive));
      replaceFetch(Object.assign(fetch, { __nextPatched: true }));
      const option = own ? { fetch: (/** @type {Request} */ request) => globalThis.fetch(request) } : {};
      await polls(new Upscaler({ apiKey: "key", ...option }));
      assert.equal(requests.length, 3);
    });
  }

  test("a request with a body is not keepalive, and outside of Next.js none is", async () => {
    /** @type {[name: string, keepalive: boolean][]} */
    const seen = [];
    const fetch = async (/** @type {Request} */ request, /** @type {RequestInit} */ init) => {
      seen.push([request.method, init?.keepalive ?? request.keepalive]);
      return respond(request);
    };
    replaceFetch(fetch);
    await sendAll(new Upscaler({ apiKey: "key" }));
    assert.ok(seen.length > 0 && seen.every(([, keepalive]) => !keepalive));
    seen.length = 0;
    replaceFetch(Object.assign(fetch, { __nextPatched: true }));
    await sendAll(new Upscaler({ apiKey: "key" }));
    assert.ok(seen.length > 0 && seen.every(([method, keepalive]) => keepalive === (method === "GET")));
  });
});

describe("the error with which Next.js refuses to send while it prerenders", () => {
  const refusals = [
    { digest: "DYNAMIC_SERVER_USAGE" },
    { digest: "HANGING_PROMISE_REJECTION" },
    { code: "NEXT_STATIC_GEN_BAILOUT" },
  ];
  for (const members of refusals) {
    test(`is passed on as it is: ${JSON.stringify(members)}`, async () => {
      const refusal = Object.assign(new Error("Dynamic server usage: no-store fetch"), members);
      let calls = 0;
      replaceFetch(async () => {
        calls += 1;
        throw refusal;
      });
      const upscaler = new Upscaler({ apiKey: "key" });
      for (const call of [
        () => upscaler.upscale(IMAGE),
        () => upscaler.resume("abc").result(),
        () => upscaler.credits(),
        () => upscaler.upload(new Blob([new Uint8Array(PNG)])),
      ]) {
        calls = 0;
        await assert.rejects(call(), (error) => error === refusal);
        assert.equal(calls, 1, "it is not tried again");
      }
      assert.deepEqual(await upscaler.pending(), [], "nothing was sent");
    });
  }

  for (const members of [{}, { digest: "1234" }, { code: "ECONNRESET" }]) {
    test(`is not any error: ${JSON.stringify(members)}`, async () => {
      replaceFetch(async () => {
        throw Object.assign(new Error("Dynamic server usage"), members);
      });
      const upscaler = new Upscaler({ apiKey: "key" });
      await assert.rejects(upscaler.upscale(IMAGE), { kind: "outcome-unknown", charged: "unknown" });
      assert.equal((await upscaler.pending()).length, 1);
    });
  }
});
