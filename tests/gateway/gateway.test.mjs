// @ts-check
// The gateway in real workerd, with the sandbox as the service.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Upscaler } from "crisp-upscale";
import { startGateway } from "../../scripts/gateway.mjs";
import { serve } from "../../scripts/serve.mjs";
import { fixtures, KEY, TOKEN_SECRET, tokenOf } from "../kit/gateway.mjs";

/** @typedef {Awaited<ReturnType<typeof fixtures>>} World */
/** @type {World} */
let shared;
/** @type {(() => Promise<void>)[]} */
const ends = [];

before(async () => {
  shared = await fixtures({ after: (end) => ends.push(end) });
});
after(async () => {
  for (const end of ends) await end();
});

/**
 * What came of the tasks of an image, by the sandbox's ledger.
 *
 * @param {World} world
 * @param {string} image
 */
async function tasksOf({ sandbox, images }, image) {
  return (await sandbox.ledger()).tasks.filter((task) => task.image === `${images}${image}`);
}

/** A promise and what settles it. */
function signal() {
  /** @type {(value?: unknown) => void} */
  let give = () => {};
  const given = new Promise((resolve) => {
    give = resolve;
  });
  return { given, give };
}

test("without settings it is closed, and says which are missing", async (t) => {
  const gateway = await startGateway({ settings: {} });
  t.after(() => gateway.close());
  for (const [method, path] of /** @type {const} */ ([
    ["POST", "/api/v1/jobs/createTask"],
    ["GET", "/api/v1/jobs/recordInfo?taskId=a"],
    ["GET", "/api/v1/jobs/events?taskId=a"],
    ["POST", "/api/file-stream-upload"],
    ["GET", "/api/v1/chat/credit"],
    ["POST", "/token"],
    ["POST", "/callback/a/b"],
    ["GET", "/results/a"],
    ["GET", "/counters"],
  ])) {
    const reply = await fetch(`${gateway.url}${path}`, { method });
    assert.equal(reply.status, 503, path);
    const { code, msg } = /** @type {any} */ (await reply.json());
    assert.equal(code, 505);
    assert.match(msg, /KIE_API_KEY and TOKEN_SECRET/);
  }
  const health = await fetch(`${gateway.url}/health`);
  assert.equal(health.status, 503);
  assert.deepEqual(Object.keys(/** @type {any} */ (await health.json()).settings), [
    "KIE_API_KEY",
    "TOKEN_SECRET",
  ]);
});

test("the package upscales through it, and the key is in no reply and no log", async () => {
  const { url, images, sandbox, logs } = shared;
  /** @type {string[]} */
  const replies = [];
  const upscaler = new Upscaler({
    baseUrl: url,
    token: () => tokenOf("package"),
    fetch: async (request) => {
      const response = await fetch(request);
      replies.push(JSON.stringify([...response.headers]));
      if (request.url.includes("/api/")) replies.push(await response.clone().text());
      return response;
    },
  });
  const result = await upscaler.upscale(`${images}/rocket.png`);
  assert.deepEqual([result.width, result.height], [1320, 880]);
  assert.equal(new URL(result.url).origin, url);
  const [task, ...others] = await tasksOf(shared, "/rocket.png");
  assert.equal(task?.charged, 0.5);
  assert.deepEqual(others, []);
  const secrets = [KEY, TOKEN_SECRET, "/callback/"];
  for (const text of [...replies, ...logs()]) {
    for (const secret of secrets) assert.ok(!text.includes(secret), text);
  }
  assert.equal((await sandbox.ledger()).keysSentToFiles, 0);
});

test("the end is told by the callback: the service is asked for the record once", async () => {
  const before = (await shared.sandbox.ledger()).requests.recordInfo ?? 0;
  const { data } = await shared.create({ sub: "once" });
  assert.equal((await shared.ended(data.taskId, "once")).state, "success");
  assert.equal((await shared.sandbox.ledger()).requests.recordInfo, before + 1);
});

test("the event stream says the present state, then every change, and ends with the tasks", async () => {
  const { data } = await shared.create({ sub: "listener" });
  assert.equal(data.events, "/api/v1/jobs/events");
  const unknown = "0".repeat(32);
  const messages = [];
  for await (const message of shared.events([data.taskId, unknown], "listener")) messages.push(message);
  const foreign = messages.filter(({ event }) => event === unknown);
  assert.deepEqual(
    foreign.map(({ data }) => data),
    [{ code: 422, data: null, msg: "recordInfo is null" }],
  );
  const states = messages.filter(({ event }) => event === data.taskId).map(({ data }) => data.data.state);
  assert.equal(states.at(-1), "success");
  assert.equal(states.indexOf("success"), states.length - 1);
  // And of one that has ended, its end alone.
  const again = [];
  for await (const message of shared.events([data.taskId], "listener")) again.push(message);
  assert.equal(again.length, 1);
  assert.deepEqual(again[0]?.data, await shared.record(data.taskId, "listener"));
});

test("the event stream breaks off: the package polls once, subscribes again, and gets its result", async (t) => {
  const own = await fixtures(t, { sandbox: { delays: { waiting: 1000, queuing: 0, generating: 0 } } });
  /** @type {string[]} */
  const asked = [];
  const upscaler = new Upscaler({
    baseUrl: own.url,
    token: () => tokenOf("ann"),
    fetch: async (request) => {
      const path = new URL(request.url).pathname.split("/").at(-1) ?? "";
      asked.push(path);
      const response = await fetch(request);
      const first = path === "events" && asked.filter((other) => other === path).length === 1;
      if (!first || response.body === null) return response;
      // Its first message is read, and then the connection is gone.
      const reader = response.body.getReader();
      let read = false;
      /** @type {UnderlyingDefaultSource<Uint8Array>} */
      const source = {
        async pull(controller) {
          if (!read) {
            read = true;
            const { value } = await reader.read();
            return controller.enqueue(value ?? new Uint8Array());
          }
          await reader.cancel();
          controller.error(new TypeError("terminated"));
        },
      };
      // Nothing is pulled ahead, since an error takes along what was not read.
      return new Response(new ReadableStream(source, { highWaterMark: 0 }), response);
    },
  });
  const result = await upscaler.upscale(`${own.images}/cat.jpg`);
  assert.equal(new URL(result.url).origin, own.url);
  const count = (/** @type {string} */ path) => asked.filter((other) => other === path).length;
  assert.deepEqual([count("createTask"), count("events"), count("recordInfo")], [1, 2, 1]);
  assert.equal((await own.sandbox.ledger()).tasks.length, 1);
});

test("a stream on which nothing happens says every 15 s that it is alive", async (t) => {
  const own = await fixtures(t, { sandbox: { delays: { waiting: 17_000, queuing: 0, generating: 0 } } });
  const { data } = await own.create();
  const response = await own.call(`/api/v1/jobs/events?taskId=${data.taskId}`);
  const messages = (await response.text()).split("\n\n");
  assert.deepEqual(
    messages.map((message) => message.split(":")[0]),
    ["event", "", "event", ""],
    "the present state, the comment, the end",
  );
});

test("a createTask that comes again under its key is the same task; under another caller's it is not", async () => {
  const image = "/coffee.webp";
  const [first, second] = await Promise.all([
    shared.create({ key: "k", sub: "bob", image }),
    shared.create({ key: "k", sub: "bob", image }),
  ]);
  assert.deepEqual(first, second);
  await shared.ended(first.data.taskId, "bob");
  assert.deepEqual(await shared.create({ key: "k", sub: "bob", image }), first);
  assert.equal((await tasksOf(shared, image)).length, 1);
  const other = await shared.create({ key: "k", sub: "carol", image });
  assert.notEqual(other.data.taskId, first.data.taskId);
  assert.equal((await tasksOf(shared, image)).length, 2);
  const conflict = await shared.create({ key: "k", sub: "bob", image: "/cat.jpg" });
  assert.equal(conflict.code, 422);
  assert.match(conflict.msg, /another image/);
});

test("the caller's own callback is told the end, and the service never hears of it", async (t) => {
  const told = signal();
  const receiver = await serve(
    async (request) => {
      told.give(await request.json());
      return new Response();
    },
    { port: 0 },
  );
  t.after(() => receiver.close());
  /** @type {string[]} */
  const bodies = [];
  const own = await fixtures(t, {
    origins: [receiver.url],
    between: (handler) => async (request) => {
      bodies.push(await request.clone().text());
      return handler(request);
    },
  });
  const { data } = await own.create({ callBackUrl: `${receiver.url}/end` });
  const { code, data: record } = /** @type {any} */ (await told.given);
  assert.equal(code, 200);
  assert.deepEqual(record, (await own.record(data.taskId)).data);
  assert.ok(bodies.every((body) => !body.includes(receiver.url)));
});

test("the reply to the create is lost: the callback finds the task, and one is billed", async (t) => {
  const own = await fixtures(t);
  await own.sandbox.fail({ route: "createTask", kind: "lose" });
  const { code, data } = await own.create();
  assert.equal(code, 200);
  assert.equal((await own.ended(data.taskId)).state, "success");
  const { tasks } = await own.sandbox.ledger();
  assert.deepEqual(
    tasks.map((task) => task.charged),
    [0.5],
  );
  assert.equal((await own.counters()).recovered, 1);
});

test("it is killed between the send and the reply: one task, which the callback finds", async (t) => {
  const sent = signal();
  const own = await fixtures(t, {
    // The callback waits until the gateway is there again.
    sandbox: { delays: { waiting: 0, queuing: 0, generating: 0 }, fetch: (request) => callbacks(request) },
    between: (handler) => async (request) => {
      const reply = await handler(request);
      if (!request.url.endsWith("/createTask")) return reply;
      sent.give();
      return new Promise(() => {});
    },
  });
  const restarted = signal();
  /** @type {(request: Request) => Promise<Response>} */
  async function callbacks(request) {
    if (request.method === "POST") await restarted.given;
    return fetch(request);
  }
  const asked = own.create({ key: "k" }).catch(() => undefined);
  await sent.given;
  await own.breakDown();
  await asked;
  // Whoever sends it again is told the same task, and no other is made.
  const { data } = await own.create({ key: "k" });
  assert.equal((await own.record(data.taskId)).data.state, "waiting");
  restarted.give();
  assert.equal((await own.ended(data.taskId)).state, "success");
  assert.equal((await own.sandbox.ledger()).tasks.length, 1);
});

test("it is killed before the service has the createTask: it is never sent again", async (t) => {
  const sent = signal();
  let requests = 0;
  const own = await fixtures(t, {
    between: (handler) => async (request) => {
      if (!request.url.endsWith("/createTask")) return handler(request);
      requests += 1;
      sent.give();
      return new Promise(() => {});
    },
  });
  const asked = own.create({ key: "k" }).catch(() => undefined);
  await sent.given;
  await own.breakDown();
  await asked;
  // Whether a task was made is not known: only a callback could tell.
  const { data } = await own.create({ key: "k" });
  assert.equal((await own.record(data.taskId)).data.state, "waiting");
  assert.equal(requests, 1);
});

test("it is killed while a job is in the queue: the job is sent when its slot comes, once", async (t) => {
  const own = await fixtures(t, { settings: { CREATE_LIMIT: "1/3" } });
  const first = await own.create({ key: "first" });
  const asked = own.create({ key: "second" }).catch(() => undefined);
  while ((await own.counters()).waiting === 0) await setImmediate();
  await own.breakDown();
  await asked;
  const second = await own.create({ key: "second" });
  for (const { data } of [first, second]) assert.equal((await own.ended(data.taskId)).state, "success");
  const { tasks, requests } = await own.sandbox.ledger();
  assert.deepEqual([tasks.length, requests.createTask], [2, 2]);
});

test("it is killed in mid-job: the job goes on, and one task is billed", async (t) => {
  const restarted = signal();
  const own = await fixtures(t, {
    sandbox: {
      fetch: async (request) => {
        if (request.method === "POST") await restarted.given;
        return fetch(request);
      },
    },
  });
  const { data } = await own.create();
  await own.breakDown();
  assert.equal((await own.record(data.taskId)).data.taskId, data.taskId);
  restarted.give();
  assert.equal((await own.ended(data.taskId)).state, "success");
  assert.deepEqual(
    (await own.sandbox.ledger()).tasks.map((task) => task.charged),
    [0.5],
  );
});

test("without callbacks the end is found by looking", async (t) => {
  /** @type {string[]} */
  const creates = [];
  const own = await fixtures(t, {
    settings: { PUBLIC_URL: "none" },
    between: (handler) => async (request) => {
      if (request.method === "POST") creates.push(await request.clone().text());
      return handler(request);
    },
  });
  const { data } = await own.create();
  assert.equal((await own.ended(data.taskId)).state, "success");
  assert.deepEqual(
    creates.map((body) => Object.keys(JSON.parse(body)).sort()),
    [["input", "model"]],
  );
});

test("a callback is taken once, from whoever knows its secret, and as far as the record says", async (t) => {
  const webhookHmacKey = "the key of callbacks";
  /** @type {Request[]} */
  const callbacks = [];
  const came = signal();
  const own = await fixtures(t, {
    sandbox: {
      webhookHmacKey,
      fetch: async (request) => {
        if (request.method !== "POST") return fetch(request);
        callbacks.push(request);
        if (callbacks.length === 2) came.give();
        return new Response();
      },
    },
    settings: { WEBHOOK_HMAC_KEY: webhookHmacKey },
  });
  const { data } = await own.create();
  const { data: other } = await own.create({ image: "/rocket.png" });
  await came.given;
  const [first, second] = await Promise.all(
    callbacks.map(async (request) => ({
      url: request.url,
      body: await request.text(),
      headers: request.headers,
    })),
  );
  assert.ok(first && second);
  /** @param {string} url @param {string} body @param {HeadersInit} headers */
  const post = async (url, body, headers) => (await fetch(url, { method: "POST", body, headers })).status;

  assert.equal(await post(`${own.url}/callback/${data.taskId}/guess`, first.body, first.headers), 403);
  assert.equal(await post(first.url, first.body, {}), 403, "unsigned");
  assert.equal(await post(first.url, "no JSON", first.headers), 400);
  const old = `${Math.floor(Date.now() / 1000) - 3600}`;
  const id = JSON.parse(first.body).data.taskId;
  const headers = {
    "x-webhook-timestamp": old,
    "x-webhook-signature": createHmac("sha256", webhookHmacKey).update(`${id}.${old}`).digest("base64"),
  };
  assert.equal(await post(first.url, first.body, headers), 403, "replayed");
  // One's own valid secret with another's task.
  assert.equal(await post(first.url, second.body, second.headers), 403, "another's task");
  assert.equal((await own.record(data.taskId)).data.state, "waiting");
  // The body is not covered by the signature, and so is not believed.
  const lie = JSON.parse(first.body);
  lie.data.state = "fail";
  lie.data.resultJson = JSON.stringify({ resultUrls: ["https://evil.example/"] });
  const taken = [
    post(first.url, JSON.stringify(lie), first.headers),
    post(first.url, first.body, first.headers),
  ];
  assert.ok((await Promise.all(taken)).includes(200));
  const record = await own.ended(data.taskId);
  assert.equal(record.state, "success");
  assert.ok(!JSON.stringify(record).includes("evil"));
  assert.equal(await post(first.url, first.body, first.headers), 403, "after the end");
  assert.equal(await post(second.url, second.body, second.headers), 200);
  assert.equal((await own.ended(other.taskId)).state, "success");
});

test("a key that the service echoes reaches nobody", async (t) => {
  const own = await fixtures(t);
  await own.sandbox.fail(
    { route: "createTask", kind: "code", code: 401, msg: `The key ${KEY} is wrong.` },
    { route: "task", kind: "code", code: 500, msg: `The key ${KEY} is worn out.` },
    { route: "file-url-upload", kind: "code", code: 401, msg: `The key ${KEY} is wrong.` },
  );
  const { msg } = await own.create();
  assert.equal(msg, "The key [key] is wrong.");
  const { data } = await own.create();
  assert.equal((await own.ended(data.taskId)).failMsg, "The key [key] is worn out.");
  const uploaded = await own.read("/api/file-url-upload", { json: { fileUrl: `${own.images}/cat.jpg` } });
  assert.equal(uploaded.msg, "The key [key] is wrong.");
});

test("what the service refuses is passed on with its code, and the same key may try again", async (t) => {
  const own = await fixtures(t);
  await own.sandbox.fail({ route: "createTask", kind: "code", code: 402, msg: "Credits insufficient" });
  const refused = await own.create({ key: "k" });
  assert.deepEqual([refused.code, refused.msg], [402, "Credits insufficient"]);
  const { code, data } = await own.create({ key: "k" });
  assert.equal(code, 200);
  assert.equal((await own.ended(data.taskId)).state, "success");
});

for (const [what, fault, code] of /** @type {const} */ ([
  ["429", { kind: "code", code: 429, msg: "Too frequent" }, 200],
  ["455", { kind: "code", code: 455, msg: "Maintenance" }, 455],
  ["HTML", { kind: "html" }, 200],
  ["nothing at all", { kind: "refuse" }, 200],
])) {
  test(`the service answers a createTask with ${what}`, async (t) => {
    const own = await fixtures(t, { settings: { OUTCOME_MINUTES: "0.02" } });
    await own.sandbox.fail({ route: "createTask", ...fault });
    const reply = await own.create();
    assert.equal(reply.code, code);
    const { tasks, requests } = await own.sandbox.ledger();
    if (what === "429") {
      assert.equal((await own.ended(reply.data.taskId)).state, "success");
      assert.equal((await own.sandbox.ledger()).requests.createTask, 2);
      return;
    }
    assert.deepEqual([tasks.length, requests.createTask], [0, 1]);
    if (code !== 200) return;
    // Nobody can know whether it was made, and it is not made again.
    const record = await own.ended(reply.data.taskId);
    assert.deepEqual([record.state, record.failCode], ["fail", "OUTCOME_UNKNOWN"]);
    assert.equal((await own.sandbox.ledger()).requests.createTask, 1);
  });
}

test("the callback comes before the create's reply", async (t) => {
  const called = signal();
  const own = await fixtures(t, {
    sandbox: {
      fetch: async (request) => {
        const reply = await fetch(request);
        if (request.method === "POST") called.give(reply.status);
        return reply;
      },
    },
    between: (handler) => async (request) => {
      const reply = await handler(request);
      if (request.url.endsWith("/createTask")) await called.given;
      return reply;
    },
  });
  const { code, data } = await own.create();
  assert.equal(code, 200);
  assert.equal(await called.given, 200);
  assert.equal((await own.ended(data.taskId)).state, "success");
  assert.equal((await own.sandbox.ledger()).tasks.length, 1);
});

test("a callback that comes twice ends the job once", async (t) => {
  const own = await fixtures(t);
  await own.sandbox.fail({ route: "callback", kind: "duplicate" });
  const { data } = await own.create();
  assert.equal((await own.ended(data.taskId)).state, "success");
  while ((await own.sandbox.ledger()).tasks[0]?.callbacks !== 2) await setImmediate();
  assert.deepEqual((await own.counters()).ended, { success: 1 });
});

test("the callback is lost: the alarm finds the end", async (t) => {
  const own = await fixtures(t);
  await own.sandbox.fail({ route: "callback", kind: "lose" });
  const { data } = await own.create();
  assert.equal((await own.ended(data.taskId)).state, "success");
  assert.equal((await own.sandbox.ledger()).tasks.length, 1);
});

test("a callback after the deadline still completes the job", async (t) => {
  const late = signal();
  const own = await fixtures(t, {
    settings: { OUTCOME_MINUTES: "0.02" },
    sandbox: {
      fetch: async (request) => {
        if (request.method === "POST") await late.given;
        return fetch(request);
      },
    },
  });
  await own.sandbox.fail({ route: "createTask", kind: "lose" });
  const { data } = await own.create();
  assert.equal((await own.ended(data.taskId)).failCode, "OUTCOME_UNKNOWN");
  late.give();
  while ((await own.record(data.taskId)).data.state !== "success") await setImmediate();
  assert.equal((await own.sandbox.ledger()).tasks.length, 1);
});

test("the site's own check says who calls, instead of a token", async (t) => {
  /** @type {(string | null)[]} */
  const asked = [];
  const auth = await serve(
    async (request) => {
      asked.push(request.headers.get("cookie"));
      const user = /user=(\w+)/.exec(request.headers.get("cookie") ?? "")?.[1];
      return new Response(user ?? "", { status: user === undefined ? 401 : 200 });
    },
    { port: 0 },
  );
  t.after(() => auth.close());
  const own = await fixtures(t, { auth: auth.url });
  const path = "/api/v1/jobs/recordInfo?taskId=a";
  assert.equal((await own.call(path, { sub: "" })).status, 401);
  assert.equal((await own.call(path, { sub: "", headers: { cookie: "user=ann" } })).status, 200);
  assert.deepEqual(asked, [null, "user=ann"]);
  // Tokens go on to be good, and a task is its caller's however that was found out.
  const { data } = await own.create({ sub: "ann" });
  await own.ended(data.taskId, "ann");
  const query = `/api/v1/jobs/recordInfo?taskId=${data.taskId}`;
  assert.equal((await own.read(query, { sub: "", headers: { cookie: "user=ann" } })).data.state, "success");
  assert.equal((await own.read(query, { sub: "", headers: { cookie: "user=bob" } })).data, null);
});

test("the lines of the vendor's page work, with another base and a token in the key's place", async () => {
  const headers = { Authorization: `Bearer ${await tokenOf("curl")}`, "Content-Type": "application/json" };
  const created = await fetch(`${shared.url}/api/v1/jobs/createTask`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      model: "recraft/crisp-upscale",
      callBackUrl: "",
      input: { image: `${shared.images}/cat.jpg` },
    }),
  });
  const { code, msg, data } = /** @type {any} */ (await created.json());
  assert.deepEqual([code, msg, data.recordId], [200, "success", data.taskId]);
  for (;;) {
    const reply = await fetch(`${shared.url}/api/v1/jobs/recordInfo?taskId=${data.taskId}`, { headers });
    const record = /** @type {any} */ (await reply.json()).data;
    if (record.state === "success") break;
  }
});
