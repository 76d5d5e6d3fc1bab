// @ts-check
// The `fetch` option. Responses of other packages and of mocks are read. A function that does not take a Request has
// sent nothing, and the error says what it must take.
import "../kit/quick-time.mjs";
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { failure } from "../kit/failure.mjs";

const IMAGE = "https://host.example/photo.jpg";
const RESULT = "https://files.example/result.png";
const PNG = new Uint8Array(64);
PNG.set([
  0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 6, 0x90, 0, 0, 4,
  0x60,
]);
const MADE = { code: 200, msg: "success", data: { taskId: "abc" } };
const DONE = {
  code: 200,
  msg: "success",
  data: { taskId: "abc", state: "success", resultJson: JSON.stringify({ resultUrls: [RESULT] }) },
};

/** @typedef {{ status: number, headers: any, [name: string]: unknown }} Parts */
/** @typedef {(bytes: Uint8Array<ArrayBuffer>, parts: Parts) => unknown} Dress */

const text = (/** @type {Uint8Array} */ bytes) => new TextDecoder().decode(bytes);
const buffer = (/** @type {Uint8Array} */ bytes) => Uint8Array.from(bytes).buffer;

/** A Blob that another package has written, as node-fetch's and jsdom's. */
class ForeignBlob {
  /** @param {Uint8Array<ArrayBuffer>} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.size = bytes.length;
    this.type = "image/png";
  }
  get [Symbol.toStringTag]() {
    return "Blob";
  }
  slice(from = 0, to = this.size) {
    return new ForeignBlob(this.bytes.slice(from, to));
  }
  async arrayBuffer() {
    return buffer(this.bytes);
  }
}

/** Replies as they come of other packages and of mocks. @type {Record<string, Dress>} */
const REPLIES = {
  "the runtime's own": (bytes, parts) => new Response(bytes, parts),
  "node-fetch's: a stream of Node, and a Blob of its own": (bytes, parts) => ({
    ...parts,
    body: Readable.from([bytes.subarray(0, 10), bytes.subarray(10)].map((part) => Buffer.from(part))),
    blob: async () => new ForeignBlob(bytes),
    text: async () => assert.fail("the stream was there"),
  }),
  "an async iterable": (bytes, parts) => ({
    ...parts,
    body: (async function* () {
      yield bytes;
    })(),
  }),
  "without a body, as whatwg-fetch's": (bytes, parts) => ({
    ...parts,
    arrayBuffer: async () => buffer(bytes),
    blob: async () => new ForeignBlob(bytes),
    text: async () => text(bytes),
    json: async () => JSON.parse(text(bytes)),
  }),
  "with arrayBuffer alone": (bytes, parts) => ({ ...parts, arrayBuffer: async () => buffer(bytes) }),
  "with blob alone": (bytes, parts) => ({ ...parts, blob: async () => new Blob([bytes]) }),
  "whose arrayBuffer is not implemented": (bytes, parts) => ({
    ...parts,
    arrayBuffer: () => {
      throw new Error("not implemented");
    },
    blob: async () => new ForeignBlob(bytes),
  }),
  "with bytes for a body": (bytes, parts) => ({ ...parts, body: bytes }),
  "with a plain object for headers": (bytes, parts) => ({
    ...parts,
    headers: Object.fromEntries(parts.headers),
    arrayBuffer: async () => buffer(bytes),
  }),
  "without headers": (bytes, { status }) => ({ status, arrayBuffer: async () => buffer(bytes) }),
};

/** The same, of texts alone. @type {Record<string, Dress>} */
const TEXTS = {
  "with text alone": (bytes, parts) => ({ ...parts, text: async () => text(bytes) }),
  "with json alone": (bytes, parts) => ({ ...parts, json: async () => JSON.parse(text(bytes)) }),
  "with json, and a text that is none": (bytes, parts) => ({
    ...parts,
    text: async () => undefined,
    json: async () => JSON.parse(text(bytes)),
  }),
  "with a text for a body": (bytes, parts) => ({ ...parts, body: text(bytes) }),
  "an async iterable of texts": (bytes, parts) => ({ ...parts, body: Readable.from([text(bytes)]) }),
};

/**
 * @param {Dress} dress
 * @param {Dress} [dressFile]
 */
function serviceOf(dress, dressFile = dress) {
  const count = { creates: 0 };
  const upscaler = new Upscaler({
    apiKey: "key",
    baseUrl: "https://api.example",
    fetch: async ({ url }) => {
      const isFile = url === RESULT;
      if (url.endsWith("/createTask")) count.creates += 1;
      const json = JSON.stringify(url.endsWith("/createTask") ? MADE : DONE);
      const headers = new Headers({ "content-type": isFile ? "image/png" : "application/json" });
      const parts = { status: 200, headers };
      const bytes = isFile ? PNG : Uint8Array.from(Buffer.from(json));
      return /** @type {Response} */ ((isFile ? dressFile : dress)(bytes, parts));
    },
  });
  return { upscaler, count };
}

for (const [name, dress] of Object.entries({ ...REPLIES, ...TEXTS })) {
  test(`a reply is read: ${name}`, async () => {
    const own = REPLIES["the runtime's own"];
    const { upscaler, count } = serviceOf(dress, name in REPLIES ? dress : own);
    const result = await upscaler.upscale(IMAGE);
    assert.deepEqual(
      [result.url, result.type, result.width, result.height],
      [RESULT, "image/png", 1680, 1120],
    );
    assert.equal(count.creates, 1);
    const blob = await result.blob();
    assert.ok(blob instanceof Blob, "of the runtime's own");
    assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), PNG);
  });
}

test("a reply that is longer than any of the API's is read no further, and its stream is ended", async () => {
  let [given, ended] = [0, false];
  const endless = async function* () {
    try {
      for (;;) {
        given += 1;
        yield new Uint8Array(64 * 1024);
      }
    } finally {
      ended = true;
    }
  };
  const { upscaler } = serviceOf((_, parts) => ({ ...parts, body: endless() }));
  const error = await failure(upscaler.submit(IMAGE));
  assert.equal(error.kind, "outcome-unknown");
  assert.equal(given, 17, "1 MiB and what shows that there is more");
  assert.equal(ended, true);
});

test("a reply that breaks, or with nothing to read it with, is an unknown outcome", async (t) => {
  /** @type {Record<string, Dress>} */
  const rows = {
    "a stream of Node that breaks": (_, parts) => ({
      ...parts,
      body: new Readable({
        read() {
          this.destroy(new Error("reset"));
        },
      }),
    }),
    "an arrayBuffer that rejects": (_, parts) => ({
      ...parts,
      arrayBuffer: () => Promise.reject(new Error("reset")),
    }),
    nothing: (_, parts) => ({ ...parts }),
  };
  for (const [name, dress] of Object.entries(rows)) {
    await t.test(name, async () => {
      const { upscaler, count } = serviceOf(dress);
      const error = await failure(upscaler.submit(IMAGE));
      assert.deepEqual([error.kind, error.charged, count.creates], ["outcome-unknown", "unknown", 1]);
    });
  }
});

/** What packages that have a Request of their own do with this runtime's: they take it for a URL. */
const STRANGERS = {
  undici: () => {
    const cause = Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL" });
    return new TypeError("Failed to parse URL from [object Request]", { cause });
  },
  "node-fetch 3": () =>
    Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL", input: "[object Request]" }),
  "node-fetch 2 and cross-fetch": () => new TypeError("Only absolute URLs are supported"),
  "this runtime's URL": (/** @type {Request} */ request) => {
    try {
      return new URL(String(request));
    } catch (error) {
      return error;
    }
  },
};

/** @param {(request: Request) => unknown} fetch */
function refusedBy(fetch) {
  let calls = 0;
  /** @type {any} */
  const counted = (/** @type {Request} */ request) => {
    calls += 1;
    return fetch(request);
  };
  const upscaler = new Upscaler({ apiKey: "key", baseUrl: "https://api.example", fetch: counted });
  return { upscaler, calls: () => calls };
}

test("a fetch that takes the Request for a URL has sent nothing, and is told what to take", async (t) => {
  for (const [name, error] of Object.entries(STRANGERS)) {
    await t.test(name, async () => {
      for (const call of [
        (/** @type {Upscaler} */ upscaler) => upscaler.upscale(IMAGE),
        (/** @type {Upscaler} */ upscaler) => upscaler.upload(PNG),
      ]) {
        const { upscaler, calls } = refusedBy(async (request) => {
          throw error(request);
        });
        const refused = await failure(call(upscaler));
        assert.deepEqual([refused.kind, refused.charged, refused.retryable], ["invalid-input", "no", false]);
        assert.match(refused.message, /function like the global fetch that takes a Request/);
        assert.ok(refused.cause instanceof TypeError);
        assert.equal(calls(), 1);
        assert.deepEqual(await upscaler.pending(), []);
      }
    });
  }
});

test("a fetch that throws at once and has not read the request has sent nothing", async () => {
  const { upscaler, calls } = refusedBy(() => {
    throw new Error("mine");
  });
  const error = await failure(upscaler.submit(IMAGE));
  assert.deepEqual([error.kind, error.charged], ["invalid-input", "no"]);
  assert.equal(/** @type {Error} */ (error.cause).message, "mine");
  assert.equal(calls(), 1);
});

test("what is not proven stays an unknown outcome", async (t) => {
  const stranger = STRANGERS.undici();
  /** @type {Record<string, (request: Request) => unknown>} */
  const rows = {
    "it has read the request": async (request) => {
      await request.text();
      throw stranger;
    },
    "it has read a clone": async (request) => {
      await request.clone().text();
      throw stranger;
    },
    "it has made another Request of it": async (request) => {
      new Request(request);
      throw stranger;
    },
    "it throws at once and has read it": (request) => {
      void request.text();
      throw new Error("mine");
    },
    "it throws at once and has cloned it": (request) => {
      request.clone();
      throw new Error("mine");
    },
    "it rejects with something else": () => Promise.reject(new Error("mine")),
    "another address was no URL": () =>
      Promise.reject(Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL", input: "/api" })),
  };
  for (const [name, fetch] of Object.entries(rows)) {
    await t.test(name, async () => {
      const { upscaler, calls } = refusedBy(fetch);
      const error = await failure(upscaler.submit(IMAGE));
      assert.deepEqual([error.kind, error.charged, calls()], ["outcome-unknown", "unknown", 1]);
      assert.equal((await upscaler.pending()).length, 1);
    });
  }
});

test("a create that is repeated to a gateway is not said to have cost nothing by the last fetch", async () => {
  let calls = 0;
  const upscaler = new Upscaler({
    token: "t",
    baseUrl: "https://gateway.example",
    fetch: async (request) => {
      calls += 1;
      if (calls > 1) throw STRANGERS.undici();
      await request.text();
      throw new TypeError("fetch failed");
    },
  });
  const error = await failure(upscaler.submit(IMAGE));
  assert.deepEqual([error.kind, error.charged, calls], ["outcome-unknown", "unknown", 2]);
});

test("a poll by such a fetch loses no job", async () => {
  let polls = 0;
  const upscaler = new Upscaler({
    apiKey: "key",
    baseUrl: "https://api.example",
    fetch: async ({ url }) => {
      if (url === RESULT) return new Response(PNG);
      polls += 1;
      if (polls === 1) throw STRANGERS.undici();
      return Response.json(DONE);
    },
  });
  assert.equal((await upscaler.resume("abc").result()).url, RESULT);
});

test("a clone of the request is a Request like any other", async () => {
  /** @type {string[]} */
  const bodies = [];
  const upscaler = new Upscaler({
    apiKey: "key",
    baseUrl: "https://api.example",
    fetch: async (request) => {
      const clone = request.clone();
      assert.ok(clone instanceof Request);
      bodies.push(await clone.text(), await request.text());
      return Response.json(MADE);
    },
  });
  await upscaler.submit(IMAGE);
  assert.equal(bodies[0], bodies[1]);
  assert.match(bodies[0] ?? "", /recraft/);
});

test("what is no function is refused by the constructor", () => {
  for (const fetch of [5, "fetch", {}, Symbol("fetch")]) {
    const make = () => new Upscaler({ apiKey: "key", fetch: /** @type {any} */ (fetch) });
    assert.throws(make, { name: "UpscaleError", kind: "invalid-input", message: /takes a Request/ });
  }
});
