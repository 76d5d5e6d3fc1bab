// @ts-check
// Files: what is uploaded and where, what is checked before it is paid for, and what is read from a result. With the
// test's own `fetch`, and at the end with the sandbox.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { UpscaleError, Upscaler } from "crisp-upscale";
import { serve } from "../../scripts/serve.mjs";
import { virtualClock } from "../kit/clock.mjs";
import { envelope } from "../kit/envelope.mjs";
import { imageHost } from "../kit/images.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

const KEY = "sk-0123456789";
const IMAGE = "https://host.example/photo.jpg";
const RESULT = "https://results.example/result.png";
const STORED = "https://stored.example/a.jpg";

const PATH = new URL("../../www/samples/cat.jpg", import.meta.url);
const CAT = new Uint8Array(await readFile(PATH));
const GIF = new TextEncoder().encode("GIF89a\x01\0\x01\0");
/** The beginning of a PNG of 1680 × 1120 pixels, and of one that is larger than Recraft takes. */
const PNG = pngHeader(1680, 1120);
const LARGE_PNG = pngHeader(5000, 4000);

/**
 * @param {number} width
 * @param {number} height
 */
function pngHeader(width, height) {
  const bytes = new Uint8Array(64);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return bytes;
}

const uploaded = () => envelope({ downloadUrl: STORED });

/** @typedef {(request: Request) => unknown} Answer */
/** @typedef {Pick<import("crisp-upscale").UpscalerOptions, "baseUrl" | "uploadBaseUrl">} BaseUrls */

/**
 * The API, its upload host, and the hosts of images and results; the last answer to each stays.
 *
 * @param {object} [script]
 * @param {Answer[]} [script.uploads]
 * @param {Answer} [script.image]
 * @param {Answer} [script.result]
 * @param {Answer} [script.credit]
 * @param {BaseUrls} [script.options]
 */
function serviceOf({
  uploads = [uploaded],
  image = () => new Response(CAT),
  result = () => new Response(PNG),
  credit = () => envelope(99.5),
  options = { baseUrl: "https://api.example" },
} = {}) {
  /** @type {Request[]} */
  const requests = [];
  const to = (/** @type {string} */ part) => requests.filter(({ url }) => url.includes(part));
  const upscaler = new Upscaler({
    apiKey: KEY,
    ...options,
    fetch: async (request) => {
      requests.push(request.clone());
      const { pathname, href } = new URL(request.url);
      /** @type {Record<string, Answer | undefined>} */
      const routes = {
        "/api/v1/jobs/createTask": () => envelope({ taskId: "abc" }),
        "/api/v1/jobs/recordInfo": () =>
          envelope({
            state: "success",
            completeTime: 2000,
            resultJson: JSON.stringify({ resultUrls: [RESULT] }),
          }),
        "/api/v1/chat/credit": credit,
        "/api/file-stream-upload": uploads[Math.min(to("upload").length, uploads.length) - 1],
      };
      const answer = href === IMAGE ? image : href === RESULT ? result : routes[pathname];
      return /** @type {Response} */ (await answer?.(request));
    },
  });
  return { upscaler, requests, to, creates: () => to("createTask").length };
}

/**
 * @param {Promise<unknown>} promise
 * @returns {Promise<UpscaleError>}
 */
async function failure(promise) {
  const error = await promise.then(
    () => assert.fail("it did not fail"),
    (error) => error,
  );
  assert.ok(error instanceof UpscaleError, `not an UpscaleError: ${error}`);
  return error;
}

/** @param {Request | undefined} request */
async function formOf(request) {
  const form = await request?.clone().formData();
  const file = form?.get("file");
  assert.ok(form && file instanceof File);
  assert.deepEqual([...form.keys()], ["uploadPath", "fileName", "file"]);
  assert.equal(form.get("fileName"), file.name);
  return { form, file };
}

test("a file is uploaded as the API documents it, and its URL is what is upscaled", async () => {
  const { upscaler, requests, to } = serviceOf();
  /** @type {unknown[]} */
  const updates = [];
  // It claims to be something else, in type and name.
  const claim = new File([CAT], "../secret plans.gif", { type: "image/gif" });
  const { url } = await upscaler.upscale(claim, { onUpdate: (update) => updates.push(update) });
  assert.equal(url, RESULT);
  assert.deepEqual(updates.slice(0, 3), [
    { state: "uploading" },
    { state: "uploaded", url: STORED },
    { state: "submitted", taskId: "abc" },
  ]);
  const [upload, create] = requests;
  assert.equal(upload?.method, "POST");
  assert.equal(upload?.url, "https://api.example/api/file-stream-upload");
  assert.equal(upload?.headers.get("authorization"), `Bearer ${KEY}`);
  assert.match(upload?.headers.get("content-type") ?? "", /^multipart\/form-data; boundary=/);
  assert.equal(upload?.redirect, "manual");
  const { form, file } = await formOf(upload);
  assert.match(String(form.get("uploadPath")), /^images\/[a-z-]+$/, "no slash at either end");
  assert.match(file.name, /^[0-9a-f]{32}\.jpg$/);
  assert.equal(file.type, "image/jpeg");
  assert.deepEqual(new Uint8Array(await file.arrayBuffer()), CAT);
  assert.deepEqual(await create?.json(), { model: "recraft/crisp-upscale", input: { image: STORED } });
  assert.equal(to("upload").length, 1);
});

test("a Blob, a File and bytes in every form are the same file", async () => {
  const { upscaler, to } = serviceOf();
  const within = new Uint8Array(CAT.length + 20);
  within.set(CAT, 10);
  for (const image of [
    new Blob([CAT]),
    new File([CAT], "cat.jpg"),
    CAT,
    CAT.slice().buffer,
    new DataView(within.buffer, 10, CAT.length),
  ]) {
    assert.deepEqual(await upscaler.upload(image), { url: STORED });
    const { file } = await formOf(to("upload").at(-1));
    assert.deepEqual(new Uint8Array(await file.arrayBuffer()), CAT);
  }
  const names = await Promise.all(to("upload").map(async (request) => (await formOf(request)).file.name));
  assert.equal(new Set(names).size, 5, "no name is used twice");
});

test("a file goes to the API's upload host, or to the base URL that is set in its place", async (t) => {
  const KIE = "https://kieai.redpandaai.co";
  /** @type {[BaseUrls, string][]} */
  const rows = [
    [{}, KIE],
    [{ baseUrl: "https://api.kie.ai/" }, KIE],
    [{ baseUrl: "https://gateway.example/" }, "https://gateway.example"],
    [{ uploadBaseUrl: new URL("https://uploads.example") }, "https://uploads.example"],
    [
      { baseUrl: "https://gateway.example", uploadBaseUrl: "https://uploads.example/" },
      "https://uploads.example",
    ],
  ];
  for (const [options, host] of rows) {
    await t.test(`${JSON.stringify(options)}`, async () => {
      const { upscaler, requests } = serviceOf({ options });
      await upscaler.upload(CAT);
      assert.deepEqual(
        requests.map(({ url }) => url),
        [`${host}/api/file-stream-upload`],
      );
    });
  }
  await t.test("what is no URL is said before anything is sent", async () => {
    const { upscaler, requests } = serviceOf({ options: { uploadBaseUrl: "uploads" } });
    const error = await failure(upscaler.upload(CAT));
    assert.equal(error.kind, "invalid-input");
    assert.match(error.message, /uploadBaseUrl/);
    assert.equal(requests.length, 0);
  });
});

test("what is wrong with a file is said before anything is sent", async (t) => {
  const large = new Blob([CAT, new Uint8Array(11 * 1024 * 1024)], { type: "image/jpeg" });
  const unreadable = Object.assign(new Blob([CAT]), {
    slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException("gone", "NotReadableError")) }),
  });
  const odd = Object.assign(new Blob([CAT]), {
    slice() {
      throw new Error("odd");
    },
  });
  const given = CAT.slice();
  structuredClone(given, { transfer: [given.buffer] });
  /** @type {[string, import("crisp-upscale").ImageSource, RegExp][]} */
  const rows = [
    ["a GIF", new Blob([GIF], { type: "image/jpeg" }), /is a GIF; only jpeg, png and webp/],
    ["11 MB", large, /11\.1 MB; at most 10 MB/],
    ["an empty file", new Blob([]), /empty/],
    ["text", new TextEncoder().encode("hello"), /not an image/],
    ["a file that is gone", unreadable, /cannot be read/],
    ["a Blob that throws", odd, /cannot be read/],
    ["bytes that were given away", given, /cannot be read|can be read/],
    ["neither a file nor a URL", /** @type {any} */ ({}), /not a URL/],
  ];
  for (const [name, image, says] of rows) {
    await t.test(name, async () => {
      const { upscaler, requests } = serviceOf();
      const error = await failure(upscaler.upscale(image));
      assert.deepEqual([error.kind, error.charged, error.taskId], ["invalid-input", "no", null]);
      assert.match(error.message, says);
      assert.equal(requests.length, 0);
    });
  }
});

test("of a large file only the head is read here", async () => {
  const { upscaler } = serviceOf();
  const blob = new Blob([CAT, new Uint8Array(9 * 1024 * 1024)]);
  let read = 0;
  const slice = blob.slice.bind(blob);
  blob.slice = (start, end, type) => {
    const part = slice(start, end, type);
    const arrayBuffer = part.arrayBuffer.bind(part);
    part.arrayBuffer = () => {
      read += part.size;
      return arrayBuffer();
    };
    return part;
  };
  await upscaler.upload(blob);
  assert.equal(read, 64 * 1024);
});

test("an upload that fails is tried again under another name, and one task is made", async () => {
  const { upscaler, to, creates } = serviceOf({
    uploads: [() => Promise.reject(new TypeError("fetch failed")), uploaded],
  });
  assert.equal((await upscaler.upscale(CAT)).url, RESULT);
  const [first, second] = await Promise.all(to("upload").map(formOf));
  assert.notEqual(first?.file.name, second?.file.name);
  assert.equal(creates(), 1);
});

test("an upload that cannot be done costs nothing, and no task is made", async (t) => {
  /** @type {[string, Answer, import("crisp-upscale").ErrorKind, boolean, number][]} */
  const rows = [
    ["a refusal", () => envelope(null, 401, `The key ${KEY} is wrong`), "unauthorized", false, 1],
    [
      "a redirect",
      () => new Response(null, { status: 307, headers: { location: "https://other.example/" } }),
      "bad-reply",
      false,
      1,
    ],
    ["a proxy's refusal", () => new Response("<html>", { status: 413 }), "bad-reply", false, 1],
    ["an HTML page each time", () => new Response(`<html>${KEY}`, { status: 502 }), "server-error", true, 3],
    ["no connection", () => Promise.reject(new TypeError("fetch failed")), "unreachable", true, 3],
    ["something that is no Response", () => ({}), "bad-reply", false, 1],
  ];
  for (const [name, answer, kind, retryable, tries] of rows) {
    await t.test(name, async () => {
      const { upscaler, requests, to } = serviceOf({ uploads: [answer] });
      const error = await failure(upscaler.upscale(CAT));
      assert.deepEqual([error.kind, error.charged, error.retryable], [kind, "no", retryable]);
      assert.equal(error.resume, undefined);
      assert.ok(![error.message, error.stack, String(error.cause)].join().includes(KEY));
      assert.deepEqual([to("upload").length, requests.length], [tries, tries]);
    });
  }
});

test("time-outs and aborts hold for the upload, too", async (t) => {
  await t.test("a time-out", async () => {
    const { upscaler, requests } = serviceOf({ uploads: [() => new Promise(() => {})] });
    const error = await failure(upscaler.upscale(CAT, { timeout: 50 }));
    assert.deepEqual([error.kind, error.charged, error.retryable], ["timeout", "no", true]);
    assert.equal(requests.length, 1);
  });
  await t.test("no time for another try, of submit as well", async () => {
    const { upscaler, creates } = serviceOf({ uploads: [() => new Response("", { status: 502 })] });
    const error = await failure(upscaler.submit(CAT, { timeout: 50 }));
    assert.deepEqual([error.kind, error.charged], ["server-error", "no"]);
    assert.equal(creates(), 0);
  });
  for (const reason of ["a string", new Error("an error"), undefined]) {
    await t.test(`an abort with ${reason}`, async () => {
      const controller = new AbortController();
      const { upscaler, requests } = serviceOf({
        uploads: [
          () => {
            controller.abort(reason);
            return new Promise(() => {});
          },
        ],
      });
      const { signal } = controller;
      await assert.rejects(upscaler.upscale(CAT, { signal }), (error) => error === signal.reason);
      assert.equal(requests.length, 1);
      assert.equal(requests[0]?.signal.aborted, true, "the request itself is ended, too");
    });
  }
  await t.test("an abort while the file is read", async () => {
    const controller = new AbortController();
    const { upscaler, requests } = serviceOf();
    const slow = Object.assign(new Blob([CAT]), {
      slice: () => ({
        arrayBuffer: () => {
          controller.abort("enough");
          return new Promise(() => {});
        },
      }),
    });
    await assert.rejects(upscaler.upload(slow, { signal: controller.signal }), (error) => error === "enough");
    assert.equal(requests.length, 0);
  });
});

test("an image beyond Recraft's limits is a warning, for who listens and on the console for who does not", async (t) => {
  const printed = t.mock.method(console, "warn", () => {});
  t.mock.method(console, "error", () => {});
  const { upscaler, creates } = serviceOf({ image: () => new Response(LARGE_PNG) });
  for (const [image, options] of /** @type {const} */ ([
    [LARGE_PNG, {}],
    [IMAGE, { preflight: true }],
  ])) {
    /** @type {string[]} */
    const warnings = [];
    await upscaler
      .upscale(image, {
        ...options,
        onUpdate: (update) => {
          if (update.taskId === undefined && update.state === "warning") warnings.push(update.warning);
          throw new Error("mine");
        },
      })
      .catch(() => assert.fail("a listener that throws does not cost the result"));
    assert.match(warnings.join(), /5000 × 4000 pixels/);
  }
  assert.equal(printed.mock.callCount(), 0);
  await upscaler.submit(LARGE_PNG);
  await upscaler.upload(LARGE_PNG);
  await upscaler.submit(IMAGE, { preflight: true });
  assert.equal(printed.mock.callCount(), 3);
  assert.match(String(printed.mock.calls[0]?.arguments[0]), /^crisp-upscale: .*5000 × 4000/);
  await upscaler.upload(CAT);
  assert.equal(printed.mock.callCount(), 3, "and nothing is said of others");
  assert.equal(creates(), 4);
});

test("a preflight keeps from the API what it would not take", async (t) => {
  const ranged = (/** @type {string} */ range) =>
    new Response(CAT.subarray(0, 65536), { status: 206, headers: { "content-range": range } });
  /** @type {[string, Answer, RegExp][]} */
  const rows = [
    ["404", () => new Response("Not found", { status: 404 }), /HTTP status 404/],
    ["a GIF", () => new Response(GIF), /a GIF/],
    ["a web page", () => new Response("<!doctype html>"), /HTML page/],
    ["11 MB by Content-Range", () => ranged("bytes 0-65535/11534336"), /11\.0 MB/],
    [
      "11 MB by Content-Length",
      () => new Response(CAT, { headers: { "content-length": "11534336" } }),
      /11\.0 MB/,
    ],
  ];
  for (const [name, image, says] of rows) {
    await t.test(name, async () => {
      const { upscaler, requests } = serviceOf({ image });
      const error = await failure(upscaler.upscale(IMAGE, { preflight: true }));
      assert.deepEqual([error.kind, error.charged], ["invalid-input", "no"]);
      assert.match(error.message, says);
      const [request] = requests;
      assert.equal(requests.length, 1);
      assert.equal(request?.headers.get("range"), "bytes=0-65535");
      assert.equal(request?.headers.get("authorization"), null);
    });
  }
  await t.test("what is no URL is not asked for", async () => {
    const { upscaler, requests } = serviceOf();
    assert.equal((await failure(upscaler.submit("photo.jpg", { preflight: true }))).kind, "invalid-input");
    assert.equal(requests.length, 0);
  });
});

test("a preflight that cannot see the image lets the call go on, and without one it is not asked for", async (t) => {
  /** @type {[string, Answer, boolean, number][]} */
  const rows = [
    ["a good image", () => new Response(CAT), true, 1],
    ["a host that forbids it", () => Promise.reject(new TypeError("Failed to fetch")), true, 1],
    ["something that is no Response", () => undefined, true, 1],
    ["no preflight", () => new Response(GIF), false, 0],
  ];
  for (const [name, image, preflight, asked] of rows) {
    await t.test(name, async () => {
      const { upscaler, to, creates } = serviceOf({ image });
      assert.equal((await upscaler.submit(IMAGE, { preflight })).taskId, "abc");
      assert.deepEqual([to(IMAGE).length, creates()], [asked, 1]);
    });
  }
  await t.test("an abort in it", async () => {
    const controller = new AbortController();
    const { upscaler, creates } = serviceOf({
      image: () => {
        controller.abort("enough");
        return new Promise(() => {});
      },
    });
    const ends = upscaler.submit(IMAGE, { preflight: true, signal: controller.signal });
    await assert.rejects(ends, (error) => error === "enough");
    assert.equal(creates(), 0);
  });
});

test("a preflight whose host is busy or has a fault asks again for a while, and then lets the call go on", async (t) => {
  const busy = (/** @type {number} */ status, headers = {}) => new Response("busy", { status, headers });
  /** @type {[string, (nth: number) => Response, number, number][]} */
  const rows = [
    ["503 at first", (nth) => (nth < 2 ? busy(503) : new Response(CAT)), 2, 1000],
    [
      "429 with Retry-After",
      (nth) => (nth < 2 ? busy(429, { "retry-after": "5" }) : new Response(CAT)),
      2,
      5000,
    ],
    ["500 for ever", () => busy(500), 4, 7000],
    ["503 with a Retry-After of an hour", () => busy(503, { "retry-after": "3600" }), 1, 0],
  ];
  for (const [name, image, asked, waited] of rows) {
    await t.test(name, async (t) => {
      const clock = virtualClock(t);
      const { upscaler, to, creates } = serviceOf({ image: () => image(to(IMAGE).length) });
      // Loaded before the time is taken.
      await clock.until(upscaler.credits());
      const began = clock.now();
      assert.equal((await clock.until(upscaler.submit(IMAGE, { preflight: true }))).taskId, "abc");
      assert.deepEqual([to(IMAGE).length, clock.now() - began, creates()], [asked, waited, 1]);
    });
  }
  await t.test("and what is seen at last counts", async (t) => {
    const clock = virtualClock(t);
    const { upscaler, to, creates } = serviceOf({
      image: () => (to(IMAGE).length < 2 ? busy(502) : new Response(GIF)),
    });
    const error = await clock.until(failure(upscaler.submit(IMAGE, { preflight: true })));
    assert.deepEqual([error.kind, creates()], ["invalid-input", 0]);
    assert.match(error.message, /a GIF/);
  });
  await t.test("an abort while it waits", async (t) => {
    const clock = virtualClock(t);
    const controller = new AbortController();
    const { upscaler, creates } = serviceOf({ image: () => busy(503) });
    const ends = upscaler.submit(IMAGE, { preflight: true, signal: controller.signal });
    ends.catch(() => {});
    await clock.settle();
    controller.abort("enough");
    await assert.rejects(ends, (error) => error === "enough");
    assert.equal(creates(), 0);
  });
});

test("a host that refuses ranges is asked again without one, and no more than the head is read", async (t) => {
  for (const status of [400, 405, 416, 501]) {
    await t.test(String(status), async () => {
      let sent = 0;
      const endless = () =>
        new ReadableStream({
          pull: (controller) => {
            const chunk = new Uint8Array(16 * 1024);
            if (sent === 0) chunk.set(PNG);
            sent += chunk.length;
            controller.enqueue(chunk);
          },
        });
      /** @param {Request} request */
      const host = (request) =>
        request.headers.has("range") ? new Response("no", { status }) : new Response(endless());
      const { upscaler, to } = serviceOf({ image: host, result: host });
      assert.equal((await upscaler.submit(IMAGE, { preflight: true })).taskId, "abc");
      const ranges = (/** @type {string} */ url) => to(url).map(({ headers }) => headers.get("range"));
      assert.deepEqual(ranges(IMAGE), ["bytes=0-65535", null]);
      assert.ok(sent <= 128 * 1024, `${sent} bytes were read`);
      // Of a result as well.
      sent = 0;
      assert.equal((await upscaler.upscale(IMAGE)).width, 1680);
      assert.deepEqual(ranges(RESULT), ["bytes=0-65535", null]);
      assert.ok(sent <= 128 * 1024, `${sent} bytes were read`);
    });
  }
  await t.test("a host that refuses both", async () => {
    const { upscaler, to, creates } = serviceOf({ image: () => new Response("no", { status: 405 }) });
    const error = await failure(upscaler.submit(IMAGE, { preflight: true }));
    assert.deepEqual([error.kind, error.charged, creates()], ["invalid-input", "no", 0]);
    assert.match(error.message, /HTTP status 405/);
    assert.equal(to(IMAGE).length, 2);
  });
});

test("an empty file is said to be one, however its host says so", async (t) => {
  /** @type {[string, Answer, number][]} */
  const rows = [
    [
      "416 and its length",
      () => new Response("no range", { status: 416, headers: { "content-range": "bytes */0" } }),
      1,
    ],
    [
      "416 without, as in a page that may not read the header",
      (request) => new Response("", { status: request.headers.has("range") ? 416 : 200 }),
      2,
    ],
    ["200", () => new Response(""), 1],
    ["206", () => new Response("", { status: 206 }), 1],
    ["204", () => new Response(null, { status: 204 }), 1],
  ];
  for (const [name, image, asked] of rows) {
    await t.test(name, async () => {
      const { upscaler, to, creates } = serviceOf({ image });
      const error = await failure(upscaler.submit(IMAGE, { preflight: true }));
      assert.deepEqual([error.kind, error.charged, creates()], ["invalid-input", "no", 0]);
      assert.match(error.message, /The file is empty/);
      assert.equal(to(IMAGE).length, asked);
    });
  }
});

test("a result says what its file is, which is asked for without the key", async () => {
  const { upscaler, to } = serviceOf();
  const { type, width, height, expiresAt } = await upscaler.upscale(IMAGE);
  assert.deepEqual([type, width, height], ["image/png", 1680, 1120]);
  assert.equal(expiresAt, 2000 + 24 * 60 * 60 * 1000);
  const [request] = to(RESULT);
  assert.equal(request?.headers.get("authorization"), null);
  assert.equal(request?.headers.get("range"), "bytes=0-65535");
});

test("a result whose file cannot be read has no type and no size, and is a result all the same", async (t) => {
  /** @type {Record<string, Answer>} */
  const answers = {
    "a host that forbids it": () => Promise.reject(new TypeError("Failed to fetch")),
    "a fetch that throws": () => {
      throw new Error("mine");
    },
    "an error page": () => new Response("<html>", { status: 403 }),
    "no image": () => new Response("hello"),
    "an empty file": () => new Response(null),
    "something that is no Response": () => undefined,
    "no answer within a second": () => new Promise(() => {}),
    "a body that breaks": () =>
      new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) })),
    "a body that stops": () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
  };
  for (const [name, result] of Object.entries(answers)) {
    await t.test(name, async () => {
      const { upscaler, creates } = serviceOf({ result });
      const { url, type, width, height } = await upscaler.upscale(IMAGE);
      assert.deepEqual([url, type, width, height], [RESULT, null, null, null]);
      assert.equal(creates(), 1);
    });
  }
});

test("no more than the head of a result is read, whatever its host sends", async () => {
  let sent = 0;
  /** @type {AbortSignal | undefined} */
  let signal;
  const { upscaler } = serviceOf({
    result: (request) => {
      signal = request.signal;
      return new Response(
        new ReadableStream({
          pull: (controller) => {
            const chunk = new Uint8Array(16 * 1024);
            if (sent === 0) chunk.set(PNG);
            sent += chunk.length;
            controller.enqueue(chunk);
          },
        }),
      );
    },
  });
  assert.equal((await upscaler.upscale(IMAGE)).width, 1680);
  assert.ok(sent <= 128 * 1024, `${sent} bytes were read`);
  assert.equal(signal?.aborted, true, "and the rest is called off");
});

test("an abort while the result's file is looked at ends the call at once", async () => {
  const controller = new AbortController();
  const { upscaler } = serviceOf({
    result: () => {
      controller.abort("enough");
      return new Promise(() => {});
    },
  });
  await assert.rejects(upscaler.upscale(IMAGE, { signal: controller.signal }), (error) => error === "enough");
});

test("blob() fetches the result without the key, and leaves no trace in what is kept of it", async () => {
  const { upscaler, to } = serviceOf();
  const job = await upscaler.submit(IMAGE);
  const result = await job.result();
  const blob = await result.blob();
  assert.ok(blob instanceof Blob);
  assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), PNG);
  assert.equal(to(RESULT).length, 2);
  for (const request of to(RESULT)) assert.equal(request.headers.get("authorization"), null);
  assert.equal(to(RESULT)[1]?.headers.get("range"), null, "all of it");

  const plain = {
    taskId: "abc",
    url: RESULT,
    type: "image/png",
    width: 1680,
    height: 1120,
    credits: null,
    createTime: null,
    completeTime: 2000,
    expiresAt: 86_402_000,
  };
  assert.deepEqual(JSON.parse(JSON.stringify(result)), plain);
  assert.deepEqual(structuredClone(result), plain);
});

test("a result that cannot be fetched is paid for, and can be fetched again", async (t) => {
  /** @type {[string, Answer, import("crisp-upscale").ErrorKind][]} */
  const rows = [
    ["an error page", () => new Response("<html>", { status: 403 }), "bad-reply"],
    ["no connection", () => Promise.reject(new TypeError("fetch failed")), "unreachable"],
    ["a body that cannot be read", () => ({ status: 200 }), "unreachable"],
    ["no end", () => new Promise(() => {}), "timeout"],
  ];
  for (const [name, answer, kind] of rows) {
    await t.test(name, async () => {
      let later = () => /** @type {unknown} */ (new Response(PNG));
      const { upscaler, creates } = serviceOf({ result: () => later() });
      const result = await upscaler.upscale(IMAGE);
      later = () => answer(new Request(RESULT));
      const error = await failure(result.blob({ timeout: 50 }));
      assert.deepEqual(
        [error.kind, error.charged, error.taskId, error.retryable],
        [kind, "yes", "abc", true],
      );
      later = () => new Response(PNG);
      assert.equal((await result.blob()).size, PNG.length);
      assert.equal((await error.resume?.().result())?.url, RESULT);
      assert.equal(creates(), 1);
    });
  }
  await t.test("an abort", async () => {
    const { upscaler } = serviceOf();
    const result = await upscaler.upscale(IMAGE);
    const signal = AbortSignal.abort("enough");
    await assert.rejects(result.blob({ signal }), (error) => error === "enough");
  });
});

test("credits() is the balance, or why it is not known", async () => {
  const { upscaler, requests } = serviceOf();
  assert.equal(await upscaler.credits(), 99.5);
  assert.equal(requests[0]?.method, "GET");
  assert.equal(requests[0]?.url, "https://api.example/api/v1/chat/credit");
  assert.equal(requests[0]?.headers.get("authorization"), `Bearer ${KEY}`);
  assert.equal(requests[0]?.redirect, "manual");
  /** @type {[Answer, import("crisp-upscale").ErrorKind][]} */
  const rows = [
    [() => envelope(null, 401, "no"), "unauthorized"],
    [() => envelope("99.5"), "bad-reply"],
    [() => new Response("<html>"), "bad-reply"],
    [() => new Response("<html>", { status: 503 }), "server-error"],
    [() => Promise.reject(new TypeError("fetch failed")), "unreachable"],
  ];
  for (const [credit, kind] of rows) {
    const error = await failure(serviceOf({ credit }).upscaler.credits());
    assert.deepEqual([error.kind, error.charged], [kind, "no"]);
  }
});

/** @param {import("node:test").TestContext} t */
async function sandboxOf(t) {
  const sandbox = quickSandbox();
  const { url, close } = await serve(sandbox.fetch, { port: 0 });
  t.after(async () => {
    await close();
    await sandbox.close();
  });
  return { ...sandbox, upscaler: new Upscaler({ apiKey: "sandbox", baseUrl: url }) };
}

test("a photo from disk comes out four times as large, as a file, for half a credit", async (t) => {
  const { upscaler, ledger } = await sandboxOf(t);
  const before = await upscaler.credits();
  const result = await upscaler.upscale(await readFile(PATH));
  assert.deepEqual([result.type, result.width, result.height], ["image/png", 1680, 1120]);
  assert.equal(result.expiresAt, Number(result.completeTime) + 24 * 60 * 60 * 1000);
  const file = Buffer.from(await (await result.blob()).arrayBuffer());
  assert.deepEqual([file.readUInt32BE(16), file.readUInt32BE(20)], [1680, 1120]);
  assert.equal(await upscaler.credits(), before - 0.5);
  const { requests, keysSentToFiles, tasks } = await ledger();
  assert.deepEqual([requests["file-stream-upload"], tasks.length, keysSentToFiles], [1, 1, 0]);
});

test("an upload that the service loses, breaks or limits is done all the same", async (t) => {
  const { upscaler, fail, ledger } = await sandboxOf(t);
  await fail(
    { route: "file-stream-upload", kind: "lose" },
    { route: "file-stream-upload", kind: "code", code: 429, retryAfter: 1 },
  );
  assert.match((await upscaler.upload(CAT)).url, /\.jpg$/);
  const { requests, tasks } = await ledger();
  assert.deepEqual([requests["file-stream-upload"], tasks.length], [3, 0]);
});

test("a preflight of real hosts refuses what the service could not use", async (t) => {
  const images = await imageHost();
  t.after(() => images.close());
  const { upscaler, ledger } = await sandboxOf(t);
  for (const [path, says] of /** @type {const} */ ([
    ["/nothing.jpg", /404/],
    ["/page.jpg", /HTML page/],
    ["/animation.gif", /GIF/],
  ])) {
    const error = await failure(upscaler.upscale(images.url + path, { preflight: true }));
    assert.equal(error.kind, "invalid-input");
    assert.match(error.message, says);
  }
  assert.deepEqual((await ledger()).requests, {});
  assert.equal((await upscaler.upscale(`${images.url}/cat.jpg`, { preflight: true })).width, 1680);
});
