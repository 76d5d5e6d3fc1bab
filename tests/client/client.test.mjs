// @ts-check
// The boundary between Rust and JavaScript, with the test's own `fetch`: what is sent, and what each kind of response
// becomes. Nothing may hang, and nothing may be sent twice.
import "../kit/quick-time.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { envelope } from "../kit/envelope.mjs";
import { failure } from "../kit/failure.mjs";

const IMAGE = "https://host.example/photo.jpg";
const KEY = "sk-0123456789";
const RESULT = "https://files.example/result.png";

const made = () => envelope({ taskId: "abc", recordId: "abc" });
const record = (/** @type {object} */ fields) => envelope({ taskId: "abc", resultJson: "", ...fields });
const done = () =>
  record({ state: "success", resultJson: JSON.stringify({ resultUrls: [RESULT] }), creditsConsumed: 0.5 });

/**
 * A service that answers createTask and the polls by script; the last answer to a poll stays.
 *
 * @param {{ create?: () => unknown, polls?: (() => unknown)[], key?: string }} script
 */
function serviceOf({ create = made, polls = [done], key = KEY }) {
  /** @type {Request[]} */
  const requests = [];
  const count = (/** @type {string} */ path) => requests.filter(({ url }) => url.includes(path)).length;
  const upscaler = new Upscaler({
    apiKey: key,
    baseUrl: "https://api.example/",
    fetch: async (request) => {
      requests.push(request);
      if (request.url.endsWith("/createTask")) return /** @type {Response} */ (create());
      const poll = polls[Math.min(count("recordInfo"), polls.length) - 1];
      return /** @type {Response} */ (poll?.());
    },
  });
  return { upscaler, requests, creates: () => count("createTask"), polls: () => count("recordInfo") };
}

test("what leaves is what the API documents, with the key in its header", async () => {
  const { upscaler, requests } = serviceOf({});
  const callBackUrl = "https://me.example/callback";
  const { expiresAt, ...result } = await upscaler.upscale(IMAGE, { callBackUrl });
  assert.deepEqual(result, {
    taskId: "abc",
    url: RESULT,
    type: null,
    width: null,
    height: null,
    credits: 0.5,
    createTime: null,
    completeTime: null,
  });
  assert.ok(expiresAt > Date.now());
  const [create, poll] = requests;
  assert.ok(create && poll);
  assert.equal(create.method, "POST");
  assert.equal(create.url, "https://api.example/api/v1/jobs/createTask");
  assert.equal(create.headers.get("content-type"), "application/json");
  assert.equal(
    await create.text(),
    `{"model":"recraft/crisp-upscale","callBackUrl":"${callBackUrl}","input":{"image":"${IMAGE}"}}`,
  );
  assert.equal(poll.method, "GET");
  assert.equal(poll.url, "https://api.example/api/v1/jobs/recordInfo?taskId=abc");
  assert.equal(poll.cache, "no-store");
  for (const request of [create, poll]) {
    assert.equal(request.headers.get("authorization"), `Bearer ${KEY}`);
    assert.equal(request.redirect, "manual");
  }
});

test("createTask and getTask are the protocol by itself", async () => {
  const { upscaler, polls } = serviceOf({
    polls: [
      () =>
        record({ state: "fail", failCode: 400, failMsg: "no", param: '{"input":"{\\"image\\":\\"u\\"}"}' }),
    ],
  });
  assert.deepEqual(
    await upscaler.createTask({ model: "recraft/crisp-upscale", input: { image: new URL(IMAGE) } }),
    {
      taskId: "abc",
    },
  );
  assert.equal(polls(), 0);
  assert.deepEqual(await upscaler.getTask("abc"), {
    taskId: "abc",
    model: null,
    state: "fail",
    image: "u",
    resultUrls: [],
    failCode: "400",
    failMsg: "no",
    createTime: null,
    completeTime: null,
    creditsConsumed: null,
  });
});

test("a job tells each state once, to every iterator from its own start", async () => {
  const generating = () => record({ state: "generating" });
  const { upscaler, polls } = serviceOf({
    polls: [() => record({ state: "waiting" }), generating, generating, done],
  });
  const job = await upscaler.submit(IMAGE);
  assert.equal(polls(), 0, "nothing is asked before somebody wants to know");
  const states = async () => {
    const seen = [];
    for await (const { state } of job) seen.push(state);
    return seen;
  };
  // Leaving an iteration ends neither the job nor the other iterators.
  for await (const { state } of job) {
    assert.equal(state, "submitted");
    break;
  }
  const all = ["submitted", "waiting", "generating", "success"];
  assert.deepEqual(await Promise.all([states(), states()]), [all, all]);
  assert.deepEqual(await states(), all, "also after the end");
  assert.equal((await job.result()).url, RESULT);
  assert.equal(polls(), 4, "and all of them share the polls");
});

test("a job is resumed from its ticket, by another Upscaler, and makes no second task", async () => {
  const { upscaler } = serviceOf({});
  const kept = JSON.stringify(await upscaler.submit(IMAGE));
  const other = serviceOf({});
  assert.equal((await other.upscaler.resume(JSON.parse(kept)).result()).url, RESULT);
  assert.equal((await other.upscaler.resume("abc").result()).url, RESULT);
  assert.equal(other.creates(), 0);
});

test("a job is polled when the earlier jobs of the same Upscaler say", async () => {
  const done40 = () =>
    record({
      state: "success",
      resultJson: JSON.stringify({ resultUrls: [RESULT] }),
      createTime: 1_777_534_515_134,
      completeTime: 1_777_534_555_134,
    });
  const { upscaler, polls } = serviceOf({ polls: [done40] });
  // Resumed, since such a task is looked at at once. More than are kept.
  for (let nth = 0; nth < 40; nth += 1) await upscaler.resume("abc").result();
  assert.equal(polls(), 40);
  // All took 40 s, so in the first 8 s there is nothing to see; one that has learned nothing polls twice.
  assert.equal((await failure(upscaler.upscale(IMAGE, { timeout: 8_000 }))).kind, "timeout");
  assert.equal(polls(), 40);
  const other = serviceOf({ polls: [() => record({ state: "generating" })] });
  assert.equal((await failure(other.upscaler.upscale(IMAGE, { timeout: 8_000 }))).kind, "timeout");
  assert.equal(other.polls(), 2);
});

test("polls that tell nothing do not lose the job", async () => {
  const { upscaler, creates } = serviceOf({
    polls: [
      () => Response.json({ code: 422, msg: "recordInfo is null", data: null }),
      () => new Response("<html>502</html>", { status: 502 }),
      () => Promise.reject(new TypeError("fetch failed")),
      () => record({ state: "a state of next year" }),
      done,
    ],
  });
  assert.equal((await upscaler.upscale(IMAGE)).url, RESULT);
  assert.equal(creates(), 1);
});

test("an answer to createTask that nobody can read is an unknown outcome, and is not sent again", async (t) => {
  /** @type {Record<string, () => unknown>} */
  const answers = {
    "an HTML page": () => new Response("<html>Bad gateway</html>", { status: 502 }),
    "broken JSON": () => new Response('{"code":200,"data":{"ta'),
    "no task id": () => envelope({}),
    "an undocumented code": () => envelope(null, 599, "?"),
    "a server fault": () => envelope(null, 500, "Internal error"),
    "a redirect": () => new Response(null, { status: 307, headers: { location: "https://other.example/" } }),
    "an empty body": () => new Response(null),
    "more than 1 MiB": () => new Response(`${" ".repeat(1024 * 1024)}{"code":200,"data":{"taskId":"abc"}}`),
    "a body that breaks": () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.error(new Error("reset")),
        }),
      ),
    "a lost connection": () =>
      Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNRESET" } })),
    "a rejection with nothing": () => Promise.reject(undefined),
    nothing: () => undefined,
    "something that is no Response": () => ({}),
    "a body that cannot be read": () => ({ status: 200, headers: new Headers(), body: {} }),
  };
  for (const [name, create] of Object.entries(answers)) {
    await t.test(name, async () => {
      const { upscaler, creates, polls } = serviceOf({ create });
      const error = await failure(upscaler.upscale(IMAGE));
      assert.equal(error.kind, "outcome-unknown");
      assert.equal(error.charged, "unknown");
      assert.equal(error.retryable, false);
      assert.equal(creates(), 1);
      assert.equal(polls(), 0);
    });
  }
});

test("a refusal costs nothing and says so", async (t) => {
  /** @type {[number, import("crisp-upscale").ErrorKind, string][]} */
  const refusals = [
    [400, "bad-request", "Content policy"],
    [401, "unauthorized", "You do not have access permissions"],
    [402, "insufficient-credits", "Credits insufficient"],
    [404, "not-found", "Not found"],
    [405, "method-not-allowed", "Method"],
    [422, "validation", "The model name you specified is not supported"],
    [433, "key-limit", "Sub-key usage exceeds limit"],
    [451, "content-refused", "Refused"],
    [455, "maintenance", "Maintenance"],
    [500, "server-error", "image is required"],
    [505, "feature-disabled", "Disabled"],
  ];
  for (const [code, kind, msg] of refusals) {
    await t.test(`${code}`, async () => {
      const { upscaler, creates } = serviceOf({ create: () => envelope(null, code, msg) });
      const error = await failure(upscaler.upscale(IMAGE));
      assert.equal(error.kind, kind);
      assert.equal(error.code, code);
      assert.equal(error.status, 200);
      assert.equal(error.charged, "no");
      assert.ok(error.message.includes(msg), "the service's own words are in it");
      assert.equal(error.resume, undefined);
      assert.equal(creates(), 1);
    });
  }
});

test("a create that the rate limit refuses is sent again", async () => {
  let tries = 0;
  const { upscaler, creates } = serviceOf({
    create: () => {
      tries += 1;
      if (tries > 1) return made();
      return Response.json(
        { code: 429, msg: "Your call frequency is too high." },
        { headers: { "retry-after": "0" } },
      );
    },
  });
  assert.equal((await upscaler.upscale(IMAGE)).url, RESULT);
  assert.equal(creates(), 2);
});

test("a create is sent again only where it is proven that nothing was sent", async () => {
  const { upscaler, creates } = serviceOf({
    create: () => Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } })),
  });
  const error = await failure(upscaler.upscale(IMAGE));
  assert.equal(error.kind, "unreachable");
  assert.equal(error.charged, "no");
  assert.equal(error.retryable, true);
  assert.equal(creates(), 3);
});

test("what is wrong with a call is said before anything is sent", async (t) => {
  /** @type {Record<string, (upscaler: Upscaler) => Promise<unknown>>} */
  const calls = {
    "no URL": (upscaler) => upscaler.upscale("photo.jpg"),
    "an empty URL": (upscaler) => upscaler.upscale(""),
    "another scheme": (upscaler) => upscaler.upscale("ftp://host.example/photo.jpg"),
    "a data URL": (upscaler) => upscaler.upscale("data:image/png;base64,AAAA"),
    "no image at all": (upscaler) => upscaler.upscale(/** @type {any} */ (undefined)),
    "a callback that is no URL": (upscaler) => upscaler.upscale(IMAGE, { callBackUrl: "me" }),
    "another model": (upscaler) =>
      upscaler.createTask({ model: /** @type {any} */ ("recraft/other"), input: { image: IMAGE } }),
    "an empty task id": (upscaler) => upscaler.getTask(""),
    "an empty ticket": (upscaler) => upscaler.resume("").result(),
  };
  for (const [name, call] of Object.entries(calls)) {
    await t.test(name, async () => {
      const { upscaler, requests } = serviceOf({});
      const error = await failure(call(upscaler));
      assert.equal(error.kind, "invalid-input");
      assert.equal(error.charged, "no");
      assert.equal(requests.length, 0);
    });
  }
  for (const [name, key] of [
    ["empty", ""],
    ["with a zero-width space", "sk-1\u200b"],
    ["with a line break", "sk-1\n"],
    ["outside Latin-1", "sk-ключ"],
  ]) {
    await t.test(`a key ${name}`, async () => {
      const { upscaler, requests } = serviceOf({ key: key ?? "" });
      const error = await failure(upscaler.upscale(IMAGE));
      assert.equal(error.kind, "invalid-input");
      assert.equal(requests.length, 0);
    });
  }
  await t.test("a base URL that is none", async () => {
    const error = await failure(new Upscaler({ apiKey: KEY, baseUrl: "api" }).upscale(IMAGE));
    assert.equal(error.kind, "invalid-input");
  });
});

test("a key that the service echoes is in no error", async () => {
  for (const create of [
    () => envelope(null, 401, `The key ${KEY} is wrong`),
    () => new Response(`<html>Bearer ${KEY}</html>`, { status: 500 }),
  ]) {
    const error = await failure(serviceOf({ create }).upscaler.upscale(IMAGE));
    const shown = [error.message, error.stack, String(error.cause), JSON.stringify(error)].join();
    assert.ok(!shown.includes(KEY));
    assert.ok(shown.includes("[key]"));
  }
});

test("a task that fails has cost nothing and cannot be resumed", async () => {
  const failed = () =>
    record({ state: "fail", failCode: "400", failMsg: "Image fetch failed.", creditsConsumed: 0 });
  const { upscaler } = serviceOf({ polls: [failed] });
  const job = await upscaler.submit(IMAGE);
  const error = await failure(job.result());
  assert.deepEqual(
    [error.kind, error.code, error.taskId, error.charged, error.resume],
    ["generation-failed", 400, "abc", "no", undefined],
  );
  assert.ok(error.message.includes("Image fetch failed."));
  // The iteration ends with the same error.
  await assert.rejects(async () => {
    for await (const _ of job);
  }, error);
});

test("a time-out carries the task, and resume goes on with it", async () => {
  let ended = false;
  const { upscaler, creates } = serviceOf({
    polls: [() => (ended ? done() : record({ state: "generating" }))],
  });
  const error = await failure(upscaler.upscale(IMAGE, { timeout: 2_000 }));
  assert.deepEqual([error.kind, error.taskId, error.charged], ["timeout", "abc", "unknown"]);
  ended = true;
  assert.equal((await error.resume?.().result())?.url, RESULT);
  assert.equal(creates(), 1);
});

test("an abort rejects with the signal's own reason", async (t) => {
  const generating = () => record({ state: "generating" });
  for (const reason of ["a string", new Error("an error"), undefined, null]) {
    const expected = (/** @type {AbortSignal} */ signal) => (/** @type {unknown} */ error) =>
      error === signal.reason;
    await t.test(`${reason} before the start`, async () => {
      const { upscaler, requests } = serviceOf({});
      const signal = AbortSignal.abort(reason);
      await assert.rejects(upscaler.upscale(IMAGE, { signal }), expected(signal));
      assert.equal(requests.length, 0);
    });
    await t.test(`${reason} while createTask is under way`, async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const { upscaler, requests } = serviceOf({
        create: () => {
          controller.abort(reason);
          return new Promise(() => {});
        },
      });
      await assert.rejects(upscaler.upscale(IMAGE, { signal }), expected(signal));
      assert.equal(requests[0]?.signal.aborted, true, "the request itself is ended, too");
    });
    await t.test(`${reason} between two polls`, async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const { upscaler, polls } = serviceOf({ polls: [generating] });
      const ends = upscaler.upscale(IMAGE, { signal, onUpdate: () => controller.abort(reason) });
      await assert.rejects(ends, expected(signal));
      assert.equal(polls(), 0);
    });
  }
});

test("a listener that throws does not cost the result", async (t) => {
  const printed = t.mock.method(console, "error", () => {});
  const { upscaler } = serviceOf({});
  const result = await upscaler.upscale(IMAGE, {
    onUpdate: () => {
      throw new Error("mine");
    },
  });
  assert.equal(result.url, RESULT);
  assert.ok(printed.mock.callCount() > 0);
});
