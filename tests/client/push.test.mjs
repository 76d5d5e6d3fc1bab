// @ts-check
// Pushed messages: one stream for all jobs, and no polls while it lasts. The gateway is scripted, on a virtual clock.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { promisify } from "node:util";
import { Upscaler } from "crisp-upscale";
import { root } from "../../scripts/run.mjs";
import { virtualClock } from "../kit/clock.mjs";
import { failure } from "../kit/failure.mjs";

const BASE = "https://gateway.example";
const EVENTS = "/api/v1/jobs/events";
const image = (/** @type {number | string} */ name) => `https://host.example/${name}.jpg`;
const json = (/** @type {unknown} */ data) => Response.json({ code: 200, msg: "success", data });

/** @typedef {ReturnType<typeof gateway>} Gateway */
/** @typedef {{ ids: string[], request: Request, open: boolean, send(text: string | Uint8Array): void, end(): void, cut(): void }} Stream */

/**
 * A gateway that makes a task of each image, named by its URL's last part. The test says how a task goes on.
 *
 * @param {object} [options]
 * @param {unknown} [options.events] what its replies say of the stream
 * @param {(request: Request) => unknown} [options.listen] answers a request for the stream; `undefined`: as usual
 */
function gateway({ events = EVENTS, listen = () => undefined } = {}) {
  /** @type {Map<string, Record<string, unknown>>} */
  const records = new Map();
  /** @type {Stream[]} */
  const streams = [];
  /** @type {Request[]} */
  const requests = [];
  /** @type {string[]} the tasks that were looked at */
  const polls = [];

  const envelope = (/** @type {string} */ id) => {
    const record = records.get(id);
    const envelope = record
      ? { code: 200, msg: "success", data: { taskId: id, events, ...record } }
      : { code: 422, msg: "recordInfo is null", data: null };
    return JSON.stringify(envelope);
  };
  const message = (/** @type {string} */ id) => `event: ${id}\ndata: ${envelope(id)}\n\n`;

  /** @param {Request} request */
  function open(request) {
    const ids = new URL(request.url).searchParams.getAll("taskId");
    /** @type {ReadableStreamDefaultController<Uint8Array>} */
    let controller;
    const body = new ReadableStream({
      start(made) {
        controller = made;
      },
      cancel() {
        stream.open = false;
      },
    });
    /** @type {Stream} */
    const stream = {
      ids,
      request,
      open: true,
      send: (text) => controller.enqueue(typeof text === "string" ? new TextEncoder().encode(text) : text),
      end() {
        this.open = false;
        controller.close();
      },
      cut() {
        this.open = false;
        controller.error(new TypeError("terminated"));
      },
    };
    request.signal.addEventListener("abort", () => {
      if (stream.open) stream.cut();
    });
    streams.push(stream);
    stream.send(ids.map(message).join(""));
    return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
  }

  const fetch = async (/** @type {Request} */ request) => {
    // The look at the result's first bytes is none of this file's concern.
    if (request.url.startsWith("https://files.example/")) return new Response(null, { status: 404 });
    requests.push(request);
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.endsWith("/createTask")) {
      const { input } = await request.clone().json();
      const id = input.image.split("/").at(-1).replace(".jpg", "");
      records.set(id, { state: "waiting" });
      return json({ taskId: id, events });
    }
    if (pathname.endsWith("/recordInfo")) {
      const id = searchParams.get("taskId") ?? "";
      polls.push(id);
      return new Response(envelope(id));
    }
    return /** @type {Response} */ ((await listen(request)) ?? open(request));
  };

  return {
    fetch,
    baseUrl: BASE,
    requests,
    streams,
    polls,
    opened: () => streams.filter(({ open }) => open),
    /**
     * @param {string} id
     * @param {Record<string, unknown> | string} record its members, or its state
     * @param {boolean} [push] whether anybody is told
     */
    becomes(id, record, push = true) {
      records.set(id, typeof record === "string" ? { state: record } : record);
      for (const stream of streams) {
        if (push && stream.open && stream.ids.includes(id)) stream.send(message(id));
      }
    },
    /** @param {string} id */
    succeeds(id, push = true) {
      const resultJson = JSON.stringify({ resultUrls: [`https://files.example/${id}.png`] });
      this.becomes(id, { state: "success", resultJson }, push);
    },
    message,
  };
}

/**
 * An `Upscaler` at the gateway, and a clock that stands once the WebAssembly is loaded.
 *
 * @param {import("node:test").TestContext} t
 * @param {Gateway} server
 * @param {{ token?: string | (() => string) }} [options]
 */
async function begin(t, server, { token = "token-0" } = {}) {
  const loading = new Upscaler({ token: "t", fetch: async () => json(1) });
  await loading.credits();
  const clock = virtualClock(t);
  const { fetch, baseUrl } = server;
  /** Lets the time pass. The gateway sends its comments meanwhile. */
  const pass = async (/** @type {number} */ ms) => {
    for (let left = ms; left > 0; left -= 15_000) {
      await clock.until(clock.sleep(Math.min(left, 15_000)));
      for (const stream of server.opened()) stream.send(":\n\n");
    }
  };
  return { clock, pass, upscaler: new Upscaler({ token, fetch, baseUrl }) };
}

// It is pushed

test("a job that is pushed sends no poll, and tells each change", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  /** @type {string[]} */
  const states = [];
  const upscaled = upscaler.upscale(image("a"), { onUpdate: ({ state }) => states.push(state) });
  await pass(60_000);
  server.becomes("a", "queuing");
  await pass(1_000);
  // Both in one chunk.
  server.becomes("a", "generating", false);
  const generating = server.message("a");
  server.succeeds("a", false);
  server.opened()[0]?.send(generating + server.message("a"));
  const begun = clock.now();
  await clock.settle();
  const result = await clock.until(upscaled);
  assert.equal(result.url, "https://files.example/a.png");
  assert.equal(clock.now(), begun, "at once");
  assert.deepEqual(states, ["submitted", "waiting", "queuing", "generating", "success"]);
  assert.deepEqual([server.polls, server.streams.length], [[], 1]);
  await clock.settle();
  assert.deepEqual([server.opened().length, clock.timers()], [0, 0], "nothing is left");
});

test("the stream is asked for as the API is", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server, { token: "secret" });
  const upscaled = upscaler.upscale(image("a"));
  await pass(100);
  const request = server.streams[0]?.request;
  assert.equal(request?.url, `${BASE}${EVENTS}?taskId=a`);
  assert.deepEqual(
    [
      request?.method,
      request?.headers.get("authorization"),
      request?.headers.get("accept"),
      request?.redirect,
    ],
    ["GET", "Bearer secret", "text/event-stream", "manual"],
  );
  server.succeeds("a");
  await clock.until(upscaled);
});

test("one job after another is pushed as well, also where the last ends with its stream", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  for (const name of ["a", "b", "c"]) {
    const upscaled = upscaler.upscale(image(name));
    await pass(400);
    assert.equal(server.opened().length, 1);
    server.succeeds(name);
    server.opened()[0]?.end();
    await clock.until(upscaled);
    await pass(1_000);
  }
  assert.deepEqual([server.polls, server.streams.map(({ ids }) => ids)], [[], [["a"], ["b"], ["c"]]]);
});

test("what ended before the stream was opened is told by it", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  const job = await upscaler.submit(image("a"));
  server.succeeds("a");
  // Long after its first poll would be due.
  await pass(60_000);
  assert.equal(server.streams.length, 0, "nobody waits yet");
  assert.equal((await clock.until(job.result())).taskId, "a");
  assert.deepEqual(server.polls, []);
});

test("a resumed job learns from its first poll that the server pushes", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  server.becomes("old", "generating");
  const result = upscaler.resume("old").result();
  await pass(60_000);
  server.succeeds("old");
  await clock.until(result);
  assert.deepEqual([server.polls, server.streams.length], [["old"], 1]);
});

test("frames may be cut anywhere", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  const upscaled = upscaler.upscale(image("ä"));
  const id = "ä";
  await pass(100);
  const stream = server.streams[0];
  server.becomes(id, { state: "läuft" }, false);
  const text = `: a comment\r\n\r\n${server.message(id).replaceAll("\n", "\r\n")}`;
  server.succeeds(id, false);
  for (const byte of new TextEncoder().encode(text + server.message(id))) stream?.send(Uint8Array.of(byte));
  assert.equal((await clock.until(upscaled)).taskId, id);
  assert.deepEqual(server.polls, []);
});

// Many

test("20 jobs of upscaleAll share one stream at a time", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  const names = Array.from({ length: 60 }, (_, n) => `${n}`);
  let most = 0;
  let done = 0;
  const run = async () => {
    for await (const { result } of upscaler.upscaleAll(names.map(image))) if (result) done += 1;
  };
  const all = run();
  let first = 0;
  for (let round = 0; round < names.length; round += 1) {
    await pass(500);
    first ||= server.streams.length;
    most = Math.max(most, server.opened().length);
    assert.ok(server.opened().every(({ ids }) => ids.length <= 20));
    server.succeeds(`${round}`);
  }
  await clock.until(all);
  assert.deepEqual([done, first, most, server.polls], [60, 1, 1, []]);
  assert.deepEqual([server.opened().length, clock.timers()], [0, 0]);
});

test("the end of a job opens no stream; a new job opens one before the other is closed", async (t) => {
  let held = false;
  const server = gateway({
    listen: async () => {
      if (held) await new Promise((resolve) => setTimeout(() => resolve(undefined), 5_000));
    },
  });
  const { clock, pass, upscaler } = await begin(t, server);
  const [a, b] = ["a", "b"].map((name) => upscaler.upscale(image(name)));
  await pass(1_000);
  server.succeeds("a");
  await clock.until(Promise.resolve(a));
  await pass(1_000);
  assert.deepEqual(
    server.streams.map(({ ids }) => ids),
    [["a", "b"]],
  );
  held = true;
  const c = upscaler.upscale(image("c"));
  await pass(2_000);
  assert.deepEqual([server.streams.length, server.opened().length], [1, 1], "the other goes on meanwhile");
  server.becomes("b", "generating");
  await pass(5_000);
  assert.deepEqual(
    server.streams.map(({ ids, open }) => [ids, open]),
    [
      [["a", "b"], false],
      [["b", "c"], true],
    ],
  );
  server.succeeds("b");
  server.succeeds("c");
  await clock.until(Promise.all([b, c]));
  assert.deepEqual(server.polls, []);
});

test("no stream is of more than 50 tasks", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  const names = Array.from({ length: 120 }, (_, n) => `${n}`);
  const all = Promise.all(names.map((name) => upscaler.upscale(image(name))));
  await pass(1_000);
  assert.deepEqual(
    server.opened().map(({ ids }) => ids.length),
    [50, 50, 20],
  );
  assert.equal(server.streams.length, 3);
  for (const name of names) server.succeeds(name);
  await clock.until(all);
  assert.deepEqual([server.polls, server.opened().length], [[], 0]);
});

test("an abort ends one job at once and leaves the stream to the other", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  const controller = new AbortController();
  const a = upscaler.upscale(image("a"), { signal: controller.signal });
  const b = upscaler.upscale(image("b"));
  await pass(1_000);
  const begun = clock.now();
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(a, (error) => error === reason);
  assert.equal(clock.now(), begun);
  await clock.settle();
  assert.deepEqual([server.streams.length, server.opened().length], [1, 1]);
  server.succeeds("b");
  assert.equal((await clock.until(b)).taskId, "b");
  assert.deepEqual(server.polls, []);
});

test("a time-out and an abort of the last job close the stream", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  const error = await clock.until(failure(upscaler.upscale(image("a"), { timeout: 30_000 })));
  assert.deepEqual([error.kind, error.taskId], ["timeout", "a"]);
  const controller = new AbortController();
  const b = upscaler.upscale(image("b"), { signal: controller.signal });
  await pass(1_000);
  assert.equal(server.opened().length, 1);
  controller.abort("enough");
  await assert.rejects(b, (error) => error === "enough");
  await clock.settle();
  assert.deepEqual([server.streams.length, server.opened().length, clock.timers()], [2, 0, 0]);
  assert.ok(server.streams.every(({ request }) => request.signal.aborted));
});

test("a task that two jobs wait for is told to both, also to the later one", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  const job = await upscaler.submit(image("a"));
  const first = job.result();
  await pass(1_000);
  server.succeeds("a", false);
  const second = upscaler.resume("a").result();
  assert.equal((await clock.until(second)).taskId, "a");
  assert.equal((await clock.until(first)).taskId, "a");
  assert.ok(server.streams.every(({ ids }) => ids.length === 1));
  assert.deepEqual(server.polls, []);
});

test("after the last job nothing keeps the process: no stream, socket or timer", async (t) => {
  let polls = 0;
  const succeeded = (/** @type {number} */ port) => {
    const resultJson = JSON.stringify({ resultUrls: [`http://127.0.0.1:${port}/a.png`] });
    return { taskId: "a", state: "success", resultJson };
  };
  const message = (/** @type {unknown} */ data) =>
    `event: a\ndata: ${JSON.stringify({ code: 200, data })}\n\n`;
  const server = createServer((request, response) => {
    if (request.url?.startsWith(EVENTS)) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(message({ taskId: "a", state: "waiting" }), () =>
        response.write(message(succeeded(port))),
      );
      // The server would go on for ever.
      return;
    }
    if (request.url === "/a.png") return void response.end("a");
    if (request.url?.includes("recordInfo")) polls += 1;
    response.end(JSON.stringify({ code: 200, data: { taskId: "a", events: EVENTS } }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const script = `
    import { Upscaler } from "crisp-upscale";
    const upscaler = new Upscaler({ token: "t", baseUrl: "http://127.0.0.1:${port}" });
    console.log((await upscaler.upscale("https://host.example/a.jpg")).taskId);`;
  const args = ["--unhandled-rejections=strict", "--input-type=module", "-e", script];
  // One that is kept is ended after a minute, and that is an error.
  const options = { cwd: root, timeout: 60_000 };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, options);
  assert.deepEqual([stdout.trim(), stderr, polls], ["a", "", 0]);
});

test("the stream is closed at the end, also while the result is looked at and where fetch knows no signal", async (t) => {
  const server = gateway();
  const { clock, pass } = await begin(t, server);
  const upscaler = new Upscaler({
    token: "t",
    baseUrl: BASE,
    fetch: async ({ url, method, headers, body }) => {
      if (url.startsWith("https://files.example/")) return new Promise(() => {});
      return server.fetch(new Request(url, { method, headers, body, ...(body && { duplex: "half" }) }));
    },
  });
  const upscaled = upscaler.upscale(image("a"));
  await pass(1_000);
  assert.equal(server.opened().length, 1);
  server.succeeds("a");
  await clock.settle();
  assert.equal(server.opened().length, 0);
  assert.equal((await clock.until(upscaled)).type, null);
});

// It breaks

for (const how of /** @type {const} */ (["cut", "end"])) {
  test(`a stream that breaks (${how}) is one poll and another stream`, async (t) => {
    const server = gateway();
    const { clock, pass, upscaler } = await begin(t, server);
    const both = Promise.all(["a", "b"].map((name) => upscaler.upscale(image(name))));
    await pass(30_000);
    server.streams[0]?.[how]();
    await pass(100);
    assert.deepEqual([server.polls.sort(), server.streams.length], [["a", "b"], 1]);
    await pass(60_000);
    assert.deepEqual([server.polls.length, server.streams.length, server.opened().length], [2, 2, 1]);
    // What is over is forgotten.
    const third = upscaler.upscale(image("c"));
    await pass(100);
    assert.deepEqual(server.opened()[0]?.ids, ["a", "b", "c"]);
    for (const name of ["a", "b", "c"]) server.succeeds(name);
    await clock.until(Promise.all([both, third]));
    assert.equal(server.polls.length, 2);
  });
}

test("40 s of silence are a break; a comment is none", async (t) => {
  const server = gateway();
  const { clock, upscaler } = await begin(t, server);
  const upscaled = upscaler.upscale(image("a"));
  for (let n = 0; n < 10; n += 1) {
    await clock.until(clock.sleep(39_000));
    server.opened()[0]?.send(":\n\n");
  }
  assert.deepEqual([server.polls.length, server.streams.length], [0, 1]);
  await clock.until(clock.sleep(39_000));
  assert.equal(server.polls.length, 0);
  await clock.until(clock.sleep(1_100));
  assert.equal(server.polls.length, 1);
  await clock.until(clock.sleep(2_000));
  assert.deepEqual(
    server.streams.map(({ open }) => open),
    [false, true],
  );
  server.succeeds("a");
  await clock.until(upscaled);
  assert.equal(server.polls.length, 1);
});

test("a server that breaks each stream after a moment is asked less and less often", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  const upscaled = upscaler.upscale(image("a"));
  for (let n = 0; n < 120; n += 1) {
    await pass(1_000);
    server.opened()[0]?.cut();
  }
  assert.ok(server.streams.length <= 15, `${server.streams.length} streams in 120 s`);
  assert.ok(server.polls.length >= 20, "it polls meanwhile");
  server.succeeds("a");
  await clock.until(upscaled);
});

test("a message that is no reply has the job poll, and a stream that is no stream is given up", async (t) => {
  const server = gateway();
  const { clock, pass, upscaler } = await begin(t, server);
  const upscaled = upscaler.upscale(image("a"));
  await pass(1_000);
  server.opened()[0]?.send("event: a\ndata: <html>\n\n");
  await pass(1_500);
  assert.deepEqual([server.polls, server.opened().length], [["a"], 1]);
  server.opened()[0]?.send("x".repeat(1024 * 1024 + 1));
  await clock.settle();
  assert.equal(server.opened().length, 0);
  server.succeeds("a");
  await clock.until(upscaled);
});

// It cannot be opened

const never = () => new Promise(() => {});
const silent = () => new Response(new ReadableStream(), { headers: { "content-type": "text/event-stream" } });
const talkative = () =>
  new Response(
    new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(() => resolve(undefined), 1_000));
        controller.enqueue(new TextEncoder().encode(":\n\n"));
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  );
/** @type {[name: string, listen: (request: Request) => unknown][]} */
const CLOSED = [
  ["never answers", never],
  ["opens and says nothing", silent],
  ["opens and only comments", talkative],
  ["answers a page", () => new Response("<html></html>", { headers: { "content-type": "text/html" } })],
  ["answers JSON", () => Response.json({ code: 200, msg: "success", data: null })],
  ["answers 404", () => Response.json({ code: 404, msg: "Not found" }, { status: 404 })],
  [
    "answers 500 as a stream",
    () => new Response("event: a\n", { status: 500, headers: { "content-type": "text/event-stream" } }),
  ],
  ["redirects", () => Response.redirect("https://elsewhere.example/", 302)],
  ["cannot be reached", () => Promise.reject(new TypeError("fetch failed"))],
  [
    "throws",
    () => {
      throw new Error("mine");
    },
  ],
  ["answers nothing", () => new Response(null, { status: 204 })],
];
for (const [name, listen] of CLOSED) {
  test(`where the stream's server ${name}, jobs poll at their pace and end well`, async (t) => {
    let asked = 0;
    const server = gateway({
      listen: async (request) => {
        asked += 1;
        return listen(request);
      },
    });
    const { clock, pass, upscaler } = await begin(t, server);
    for (const task of ["a", "b"]) {
      const upscaled = upscaler.upscale(image(task));
      await pass(9_000);
      // The second is told from the beginning that nothing is to be hoped for.
      if (task === "b") assert.ok(server.polls.includes("b"));
      await pass(49_000);
      const polls = server.polls.filter((id) => id === task).length;
      assert.ok(polls >= 12 && polls <= 20, `${polls} polls of ${task} in 58 s`);
      const begun = clock.now();
      server.succeeds(task);
      await clock.until(upscaled);
      assert.ok(clock.now() - begun <= 5_000, `${clock.now() - begun} ms late`);
    }
    assert.ok(asked <= 25, `asked ${asked} times in two minutes`);
    await clock.settle();
    assert.equal(clock.timers(), 0);
  });
}

test("a job goes on with pushes once the stream can be opened", async (t) => {
  let closed = true;
  const server = gateway({ listen: () => (closed ? new Response("", { status: 503 }) : undefined) });
  const { clock, pass, upscaler } = await begin(t, server);
  const upscaled = upscaler.upscale(image("a"));
  await pass(30_000);
  closed = false;
  await pass(16_000);
  const { length } = server.polls;
  assert.ok(length > 5);
  await pass(60_000);
  server.succeeds("a");
  await clock.until(upscaled);
  assert.equal(server.polls.length, length);
});

// Where it goes

for (const events of [
  ...[
    "//evil.example/x",
    "https://evil.example/x",
    "/\\evil.example/x",
    "\\\\evil.example",
    "evil",
    "",
    "@evil.example/",
  ],
  ...[
    "/a//b",
    "/../admin",
    "/a/./b",
    "/%2e%2e/x",
    "/\t/evil.example",
    "/a?b",
    "/a#b",
    "/a:b",
    ".evil.example/x",
    1,
    {},
    [EVENTS],
  ],
]) {
  test(`${JSON.stringify(events)} is no place to listen at`, async (t) => {
    const server = gateway({ events });
    const { clock, pass, upscaler } = await begin(t, server);
    const upscaled = upscaler.upscale(image("a"));
    await pass(10_000);
    server.succeeds("a");
    await clock.until(upscaled);
    assert.equal(server.polls.length, 4);
    assert.ok(server.requests.every(({ url }) => /\/(createTask|recordInfo\?taskId=a)$/.test(url)));
  });
}

test("nothing is probed where the server does not say that it pushes", async (t) => {
  const server = gateway({ events: null });
  const { clock, pass, upscaler } = await begin(t, server);
  const upscaled = upscaler.upscale(image("a"));
  await pass(10_000);
  server.succeeds("a");
  await clock.until(upscaled);
  assert.equal(server.requests.length, 5);
});

test("the bearer goes to the base's host only, whatever the server pushes", async (t) => {
  const server = gateway();
  /** @type {Request[]} */
  const elsewhere = [];
  const { clock, pass } = await begin(t, server);
  const upscaler = new Upscaler({
    token: "secret",
    baseUrl: `${BASE}/`,
    fetch: (request) => {
      if (new URL(request.url).origin === BASE)
        assert.equal(request.headers.get("authorization"), "Bearer secret");
      else elsewhere.push(request);
      return server.fetch(request);
    },
  });
  const upscaled = upscaler.upscale(image("a"));
  await pass(1_000);
  server
    .opened()[0]
    ?.send(`event: a\ndata: {"code":200,"data":{"state":"generating","events":"https://evil.example/"}}\n\n`);
  server.opened()[0]?.cut();
  await pass(5_000);
  assert.equal(server.opened().length, 1);
  server.succeeds("a");
  await clock.until(upscaled);
  assert.deepEqual(
    elsewhere.map(({ url, headers }) => [url, headers.has("authorization")]),
    [["https://files.example/a.png", false]],
  );
});

test("a key listens, too, where its base says that it pushes", async (t) => {
  const server = gateway();
  const { clock, pass } = await begin(t, server);
  const { fetch, baseUrl } = server;
  const upscaled = new Upscaler({ apiKey: "key", fetch, baseUrl }).upscale(image("a"));
  await pass(60_000);
  server.succeeds("a");
  await clock.until(upscaled);
  assert.deepEqual(
    [server.polls, server.streams[0]?.request.headers.get("authorization")],
    [[], "Bearer key"],
  );
});

for (const [name, refusal] of /** @type {[string, () => Response][]} */ ([
  ["HTTP 401", () => new Response("", { status: 401 })],
  ["code 401", () => Response.json({ code: 401, msg: "expired" })],
])) {
  test(`a stream that is refused with ${name} is asked for again with a new token`, async (t) => {
    const server = gateway({
      listen: ({ headers }) => (headers.get("authorization") === "Bearer token-1" ? refusal() : undefined),
    });
    let asked = 0;
    const { clock, pass, upscaler } = await begin(t, server, { token: () => `token-${++asked}` });
    const upscaled = upscaler.upscale(image("a"));
    await pass(60_000);
    server.succeeds("a");
    await clock.until(upscaled);
    assert.deepEqual([asked, server.polls, server.streams.length], [2, [], 1]);
  });
}

// A gateway that does not know

test("an outcome that the gateway does not know is unknown, and can be resumed to a late success", async (t) => {
  const server = gateway();
  const { clock, pass } = await begin(t, server);
  const { fetch, baseUrl } = server;
  const store = new Map();
  const upscaler = new Upscaler({ token: "t", fetch, baseUrl, store });
  const upscaled = failure(upscaler.upscale(image("a")));
  await pass(1_000);
  server.becomes("a", { state: "fail", failCode: "OUTCOME_UNKNOWN", failMsg: "No reply came." });
  const error = await clock.until(upscaled);
  assert.deepEqual(
    [error.kind, error.charged, error.taskId, error.retryable, error.code],
    ["outcome-unknown", "unknown", "a", false, null],
  );
  assert.match(error.message, /No reply came\./);
  assert.deepEqual(
    (await upscaler.pending()).map(({ taskId }) => taskId),
    ["a"],
  );
  server.succeeds("a");
  const result = await clock.until(/** @type {any} */ (error).resume().result());
  assert.equal(result.taskId, "a");
  assert.deepEqual([await upscaler.pending(), server.polls], [[], []]);
});
