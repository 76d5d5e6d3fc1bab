// @ts-check
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { createSandbox } from "crisp-upscale/sandbox";
import { load } from "../../dist/sandbox/load-node.js";
import { Pixels } from "../../dist/sandbox/pixels.js";
import { serve } from "../../scripts/serve.mjs";
import { SMALL, SMALL_JPEG, SMALL_WEBP } from "../kit/images.mjs";

const ORIGIN = "http://sandbox.test";
const MODEL = "recraft/crisp-upscale";
const CREATE = "/api/v1/jobs/createTask";
const AT_ONCE = { delays: { waiting: 0, queuing: 0, generating: 0 }, gracePeriod: 0 };
const sample = (/** @type {string} */ name) =>
  readFile(new URL(`../../www/samples/${name}`, import.meta.url));

/**
 * A sandbox with a clock that the test holds, and an internet of these files.
 *
 * @param {import("crisp-upscale/sandbox").SandboxOptions} [options]
 * @param {(request: Request) => Response | Promise<Response>} [internet]
 */
function bench(options, internet = () => new Response(null, { status: 404 })) {
  const clock = { now: 1_786_878_073_451 };
  const sandbox = createSandbox({
    ...AT_ONCE,
    now: () => clock.now,
    fetch: async (request) => internet(request),
    ...options,
  });
  /**
   * @param {string} path
   * @param {any} [body] JSON, or a form; a GET without one
   * @param {Record<string, string>} [headers]
   */
  const send = (path, body, headers = { authorization: "Bearer sandbox" }) =>
    sandbox.fetch(
      new Request(new URL(path, ORIGIN), {
        method: body === undefined ? "GET" : "POST",
        headers,
        body: body === undefined || body instanceof FormData ? (body ?? null) : JSON.stringify(body),
      }),
    );
  /** @type {(...args: Parameters<typeof send>) => Promise<any>} */
  const call = async (...args) => (await send(...args)).json();
  const create = async (image = "https://host.example/image", extra = {}) =>
    (await call(CREATE, { model: MODEL, input: { image }, ...extra })).data.taskId;
  const poll = (/** @type {string} */ id) => call(`/api/v1/jobs/recordInfo?taskId=${id}`);
  /** Polls, with no pause, until the task has ended; each poll lets other work go on. */
  const ended = async (/** @type {string} */ id) => {
    for (let polls = 0; polls < 100_000; polls += 1) {
      const { data } = await poll(id);
      if (data.state === "success" || data.state === "fail") return data;
    }
    return assert.fail(`task ${id} does not end`);
  };
  const upscale = async (/** @type {string} */ image) => ended(await create(image));
  const ledger = () => call("/sandbox/ledger");
  const faults = (/** @type {import("crisp-upscale/sandbox").Fault[]} */ ...list) =>
    call("/sandbox/faults", list);
  return { sandbox, clock, send, call, create, poll, ended, upscale, ledger, faults };
}

/** @param {Buffer} bytes */
const pngSize = (bytes) => [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];

for (const [name, width, height] of /** @type {const} */ ([
  ["cat.jpg", 420, 280],
  ["rocket.png", 330, 220],
  ["coffee.webp", 420, 280],
])) {
  test(`${name} comes out four times as wide and as high`, async () => {
    const file = await sample(name);
    const { upscale, send, sandbox } = bench({}, () => new Response(file));
    const record = await upscale(`https://host.example/${name}`);
    assert.equal(record.failMsg, null);
    const reply = await send(JSON.parse(record.resultJson).resultUrls[0], undefined, {});
    const result = Buffer.from(await reply.arrayBuffer());
    assert.equal(reply.headers.get("content-type"), "image/png");
    assert.equal(reply.headers.get("content-length"), String(result.length));
    assert.deepEqual(pngSize(result), [4 * width, 4 * height]);
    await sandbox.close();
  });
}

test("what cannot be enlarged fails the task, says why and costs nothing", async () => {
  const jpeg = await sample("cat.jpg");
  let pulled = 0;
  const endless = new ReadableStream({
    pull(controller) {
      pulled += 2 ** 20;
      controller.enqueue(new Uint8Array(2 ** 20));
    },
  });
  /** @type {[() => Response, RegExp][]} */
  const cases = [
    [() => new Response(jpeg.subarray(0, 20_000)), /^The jpeg file is cut short\.$/],
    [() => new Response("GIF89a, and so on"), /^The file is a GIF; only jpeg, png and webp are taken\.$/],
    [() => new Response(""), /^The file is empty\.$/],
    [() => new Response(endless), /more than 10 MB/],
    [() => new Response("x", { headers: { "content-length": "12000000" } }), /more than 10 MB/],
    [() => new Response("none", { status: 404 }), /^Image fetch failed\. Check access settings/],
    [() => Response.error(), /^Image fetch failed\. Check access settings/],
  ];
  for (const [respond, says] of cases) {
    const { upscale, call, sandbox } = bench({ credits: 10 }, respond);
    const record = await upscale("https://host.example/image");
    assert.match(record.failMsg, says);
    assert.deepEqual([record.state, record.failCode, record.creditsConsumed], ["fail", "400", 0]);
    assert.equal((await call("/api/v1/chat/credit")).data, 10);
    await sandbox.close();
  }
  assert.ok(pulled <= 12 * 2 ** 20, `reading stopped at the limit, after ${pulled} bytes`);
});

/**
 * A chunk of a webp, with a length of its own choice.
 *
 * @param {string} name
 * @param {Buffer} content
 */
function chunk(name, content, length = content.length) {
  const header = Buffer.alloc(8, name);
  header.writeUInt32LE(length, 4);
  return Buffer.concat([header, content]);
}

/** @param {Buffer[]} chunks */
const webp = (...chunks) => Buffer.concat([chunk("RIFF", Buffer.concat([Buffer.from("WEBP"), ...chunks]))]);

/** In the extended form, which may have a profile and EXIF. 32 by 32 pixels. */
const EXTENDED = chunk("VP8X", Buffer.from("28000000" + "1f0000" + "1f0000", "hex"));
const SMALL_PIXELS = SMALL_WEBP.subarray(12);

test("metadata that claims more than the file has does not keep its pixels from being read", async () => {
  const { enlarge } = await load();
  const metadata = Buffer.from("MM\0*\0\0\0\b\0\0\0\0\0\0");
  for (const length of [14, 15, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 16, 2 ** 32 - 1]) {
    const file = webp(EXTENDED, SMALL_PIXELS, chunk("EXIF", metadata, length));
    assert.deepEqual(pngSize(Buffer.from(enlarge(file, 2))), [64, 64], `EXIF of ${length} bytes`);
    const before = webp(EXTENDED, chunk("ICCP", metadata, length), SMALL_PIXELS);
    if (length === 14) enlarge(before, 2);
    else assert.throws(() => enlarge(before, 2), isSentence, `a profile of ${length} bytes`);
  }
});

test("no file kills the decoder: it is enlarged, or refused in a sentence", async () => {
  const { enlarge } = await load();
  const files = {
    jpeg: SMALL_JPEG,
    png: SMALL,
    webp: SMALL_WEBP,
    "extended webp": webp(EXTENDED, SMALL_PIXELS, chunk("EXIF", Buffer.alloc(6))),
  };
  for (const [name, file] of Object.entries(files)) {
    for (let at = 0; at < file.length; at += 1) {
      // Lengths of four bytes, in both orders, and of two.
      for (const value of ["ffffffff", "f0ffffff", "7fffffff", "00000000", "ffff"]) {
        const damaged = Buffer.from(file);
        damaged.write(value, at, "hex");
        try {
          enlarge(damaged, 2);
        } catch (error) {
          assert.ok(isSentence(error), `${name}, ${value} at ${at}: ${error}`);
        }
      }
    }
    for (let length = 0; length < file.length; length += 1) {
      // A file that lacks nothing but its end is taken.
      try {
        enlarge(file.subarray(0, length), 2);
        assert.ok(length >= file.length - 22, `${name}, ${length} of ${file.length} bytes`);
      } catch (error) {
        assert.ok(isSentence(error), `${name}, ${length} bytes: ${error}`);
      }
    }
  }
});

test("a jpeg that lacks nothing but its end marker is enlarged, and one whose scan is cut is not", async () => {
  const { enlarge } = await load();
  for (const file of [SMALL_JPEG, await sample("cat.jpg")]) {
    const whole = Buffer.from(enlarge(file, 2));
    for (const missing of [1, 2]) {
      assert.deepEqual(
        Buffer.from(enlarge(file.subarray(0, -missing), 2)),
        whole,
        `${missing} bytes missing`,
      );
    }
    for (const missing of [4, 8, 60]) {
      assert.throws(() => enlarge(file.subarray(0, -missing), 2), /^The jpeg file is cut short\.$/);
    }
  }
});

/** @param {unknown} error Rust refuses in a string; anything else is a WebAssembly that has trapped. */
function isSentence(error) {
  // No word is missing where a decoder's own message would stand.
  return typeof error === "string" && /^The [a-z][^:]*[a-z0-9]\.$/.test(error);
}

test("polls are answered while pixels are being worked on", async () => {
  const file = await sample("cat.jpg");
  let read = false;
  const body = () =>
    new ReadableStream({
      start: (controller) => controller.enqueue(file),
      pull(controller) {
        read = true;
        controller.close();
      },
    });
  const { create, poll, sandbox } = bench({}, () => new Response(body()));
  const id = await create();
  const states = [];
  do {
    const handedOver = read;
    const { data } = await poll(id);
    if (handedOver) states.push(data.state);
  } while (states.at(-1) !== "success");
  assert.ok(states.includes("generating"), states.join());
  await sandbox.close();
});

test("a worker that died is replaced, and one image is worked on at a time", async () => {
  let [started, stopped, working] = [0, 0, 0];
  const pixels = new Pixels((answer) => {
    started += 1;
    return {
      async post({ factor }) {
        assert.equal(++working, 1);
        await null;
        working -= 1;
        answer({ outcome: { kind: factor === 0 ? "crashed" : "enlarged" } });
      },
      async stop() {
        stopped += 1;
      },
    };
  });
  const jobs = [4, 0, 4, 4].map((factor) => pixels.enlarge({ file: new Uint8Array(), factor }));
  const kinds = (await Promise.all(jobs)).map(({ outcome }) => outcome.kind);
  assert.deepEqual(kinds, ["enlarged", "crashed", "enlarged", "enlarged"]);
  assert.deepEqual([started, stopped], [2, 1]);
});

test("refusals come in the envelope, at HTTP 200", async () => {
  const { send, call, sandbox } = bench();
  const good = { model: MODEL, input: { image: "https://host.example/image" } };
  /** @type {[any, Record<string, string> | undefined, number, string?][]} */
  const cases = [
    [good, {}, 401],
    [good, { authorization: "Bearer other" }, 401],
    [{ ...good, model: "recraft/other" }, undefined, 422],
    [{ ...good, input: {} }, undefined, 500, "image is required"],
  ];
  for (const [body, headers, code, msg] of cases) {
    const reply = await send(CREATE, body, headers);
    const envelope = /** @type {any} */ (await reply.json());
    assert.deepEqual([reply.status, envelope.code, envelope.data], [200, code, null]);
    if (msg !== undefined) assert.equal(envelope.msg, msg);
  }
  await call("/sandbox/credits", { credits: 0.25 });
  assert.equal((await call(CREATE, good)).code, 402);
  const unknown = await send("/api/v1/jobs/elsewhere");
  assert.deepEqual([unknown.status, /** @type {any} */ (await unknown.json()).code], [501, 501]);
  await sandbox.close();
});

test("more than 20 tasks in 10 s are refused with 429", async () => {
  const { call, clock, ledger, sandbox } = bench();
  const task = { model: MODEL, input: { image: "https://host.example/image" } };
  for (let n = 0; n < 20; n++) assert.equal((await call(CREATE, task)).code, 200);
  assert.deepEqual(await call(CREATE, task), {
    code: 429,
    msg: "Your call frequency is too high. Please try again later.",
    data: null,
  });
  clock.now += 10_000;
  assert.equal((await call(CREATE, task)).code, 200);
  assert.equal((await ledger()).tasks.length, 21);
  await sandbox.close();
});

test("a new task is unknown at first, then waits, queues and generates", async () => {
  const file = await sample("rocket.png");
  const delays = { waiting: 1000, queuing: 1000, generating: 1000 };
  const { create, poll, ended, clock, sandbox } = bench(
    { delays, gracePeriod: 500 },
    () => new Response(file),
  );
  const id = await create();
  assert.deepEqual(await poll(id), { code: 422, msg: "recordInfo is null", data: null });
  for (const [after, state] of /** @type {const} */ ([
    [500, "waiting"],
    [500, "queuing"],
    [1000, "generating"],
  ])) {
    clock.now += after;
    assert.equal((await poll(id)).data.state, state);
  }
  clock.now += 1000;
  const { createTime, completeTime } = await ended(id);
  assert.equal(completeTime - createTime, 3000);
  await sandbox.close();
});

test("an upload by each of the three endpoints can be enlarged", async () => {
  const file = await sample("rocket.png");
  const form = new FormData();
  form.set("uploadPath", "images");
  form.set("fileName", "form.png");
  form.set("file", new Blob([file]), "other.png");
  const { call, upscale, sandbox } = bench({}, () => new Response(file));
  const replies = [
    await call("/api/file-stream-upload", form),
    await call("/api/file-base64-upload", {
      base64Data: `data:image/png;base64,${file.toString("base64")}`,
      uploadPath: "images",
      fileName: "base64.png",
    }),
    await call("/api/file-url-upload", {
      fileUrl: "https://host.example/photo",
      uploadPath: "images",
      fileName: "url.png",
    }),
  ];
  for (const [index, { success, code, data }] of replies.entries()) {
    assert.deepEqual([success, code, data.success, data.fileSize], [true, 200, true, file.length]);
    const name = ["form.png", "base64.png", "url.png"][index];
    assert.equal(data.downloadUrl, `${ORIGIN}/files/kieai/1/images/${name}`);
    assert.equal((await upscale(data.downloadUrl)).state, "success");
  }
  assert.deepEqual(await call("/api/file-stream-upload", new FormData()), {
    success: false,
    code: 400,
    msg: "Missing required parameter: file",
  });
  await sandbox.close();
});

test("a file's first bytes can be asked for, from any origin", async () => {
  const file = await sample("rocket.png");
  const { call, send, sandbox } = bench();
  const upload = { base64Data: file.toString("base64"), uploadPath: "images", fileName: "a.png" };
  const { downloadUrl } = (await call("/api/file-base64-upload", upload)).data;
  const part = await send(downloadUrl, undefined, { range: "bytes=0-7" });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), `bytes 0-7/${file.length}`);
  assert.equal(part.headers.get("access-control-allow-origin"), "*");
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), file.subarray(0, 8));
  assert.equal((await send(downloadUrl, undefined, { range: "bytes=9999999-" })).status, 416);
  const head = await sandbox.fetch(new Request(downloadUrl, { method: "HEAD" }));
  assert.equal(head.headers.get("content-length"), String(file.length));
  assert.equal((await head.arrayBuffer()).byteLength, 0);
  await sandbox.close();
});

test("a callback is signed, and tried three times", async () => {
  /** @type {Request[]} */
  const calls = [];
  const { create, poll, ended, clock, ledger, sandbox } = bench({ webhookHmacKey: "secret" }, (request) => {
    if (request.method === "POST") calls.push(request);
    return new Response("no", { status: 500 });
  });
  const id = await create(undefined, { callBackUrl: "https://caller.example/callback" });
  await ended(id);
  for (let n = 0; n < 5; n++) {
    clock.now += 60_000;
    await poll(id);
  }
  assert.equal(calls.length, 3);
  const [call] = calls;
  const timestamp = call?.headers.get("x-webhook-timestamp");
  const signature = createHmac("sha256", "secret").update(`${id}.${timestamp}`).digest("base64");
  assert.equal(call?.headers.get("x-webhook-signature"), signature);
  assert.equal(call?.url, "https://caller.example/callback");
  const body = /** @type {any} */ (await call?.json());
  assert.deepEqual([body.code, body.data.taskId, body.data.state], [501, id, "fail"]);
  assert.equal((await ledger()).tasks[0].callbacks, 3);
  await sandbox.close();
});

test("the ledger tells what was billed, and a lost reply's task is in it", async () => {
  const file = await sample("rocket.png");
  const { create, ended, faults, call, ledger, sandbox } = bench({ credits: 3 }, ({ url }) =>
    url.endsWith("good") ? new Response(file) : new Response(null, { status: 404 }),
  );
  await faults({ route: "createTask", kind: "lose" }, { route: "createTask", kind: "refuse" });
  await assert.rejects(create("https://host.example/good"), TypeError);
  await assert.rejects(create("https://host.example/good"), TypeError);
  await ended(await create("https://host.example/bad"));
  const [{ taskId }] = (await ledger()).tasks;
  await ended(taskId);
  const { tasks, credits, reserved, requests } = await ledger();
  assert.deepEqual(
    tasks.map((/** @type {any} */ task) => [task.image, task.state, task.charged]),
    [
      ["https://host.example/good", "success", 0.5],
      ["https://host.example/bad", "fail", 0],
    ],
  );
  assert.deepEqual([credits, reserved, requests.createTask], [2.5, 0, 3]);
  assert.equal((await call("/api/v1/chat/credit")).data, 2.5);
  await sandbox.close();
});

test("faults stand in for replies", async () => {
  const { send, faults, sandbox } = bench();
  await faults(
    { route: "credit", kind: "html", times: 2 },
    { route: "credit", kind: "code", code: 429, msg: "slowly", retryAfter: 3 },
    { route: "credit", kind: "slow", ms: 1 },
  );
  const replies = [];
  for (let n = 0; n < 5; n++) replies.push(await send("/api/v1/chat/credit"));
  assert.deepEqual(
    replies.map(({ status, headers }) => [status, headers.get("retry-after")]),
    [
      [502, null],
      [502, null],
      [200, "3"],
      [200, null],
      [200, null],
    ],
  );
  assert.match((await replies[0]?.text()) ?? "", /<h1>/);
  assert.equal((await send("/sandbox/faults", [{ route: "credits", kind: "html" }])).status, 400);
  await sandbox.close();
});

test("a wait for a slow reply ends with the request", async () => {
  const { sandbox, faults } = bench();
  await faults({ route: "credit", kind: "slow", ms: 1e9 }, { route: "credit", kind: "slow", ms: 1e9 });
  const slow = (/** @type {RequestInit} */ init) =>
    sandbox.fetch(
      new Request(`${ORIGIN}/api/v1/chat/credit`, { headers: { authorization: "Bearer sandbox" }, ...init }),
    );
  const controller = new AbortController();
  const aborted = slow({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  const open = slow({});
  await sandbox.close();
  await assert.rejects(open, { name: "AbortError" });
});

test("a wrong option is named", async () => {
  const { send } = bench({ factor: 1000 });
  await assert.rejects(send("/"), /createSandbox: .*1000/);
});

test("behind a port, a dropped connection is one, and the page says what this is", async () => {
  const { sandbox, faults } = bench();
  const server = await serve(sandbox.fetch, { port: 0 });
  const page = await (await fetch(server.url)).text();
  assert.match(page, /stands in for kie\.ai's jobs API/);
  assert.match(page, /its resampling is not Recraft's model/);
  await faults({ route: "credit", kind: "refuse" });
  const ask = () =>
    fetch(`${server.url}/api/v1/chat/credit`, { headers: { authorization: "Bearer sandbox" } });
  await assert.rejects(ask(), TypeError);
  assert.equal((await ask()).status, 200);
  await server.close();
  await sandbox.close();
});
