// @ts-check
// Batches: the limiter, upscaleAll, tokens, and what may be retried. On a virtual clock.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { isRetryable, isUpscaleError, Limiter, UpscaleError, Upscaler } from "crisp-upscale";
import { virtualClock } from "../kit/clock.mjs";
import { envelope } from "../kit/envelope.mjs";
import { failure } from "../kit/failure.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

const KEY = "sk-0123456789";
const image = (/** @type {number | string} */ name) => `https://host.example/${name}.jpg`;
const lost = () => Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNRESET" } }));

/**
 * A service that makes a task of each image, named by its URL's last part, and has it done at the first poll.
 *
 * @param {(request: Request, image: string) => unknown} [create] answers a createTask; `undefined`: as usual
 * @param {(request: Request) => unknown} [poll] answers a recordInfo; `undefined`: as usual
 */
function service(create = () => undefined, poll = () => undefined) {
  /** @type {Request[]} */
  const requests = [];
  /** @type {string[]} the images of the creates */
  const creates = [];
  const fetch = async (/** @type {Request} */ request) => {
    // The look at the result's first bytes is none of this file's concern.
    if (request.url.startsWith("https://files.example/")) return new Response(null, { status: 404 });
    requests.push(request);
    if (request.url.endsWith("/createTask")) {
      const { input } = await request.clone().json();
      const name = input.image.split("/").at(-1).replace(".jpg", "");
      creates.push(name);
      return /** @type {Response} */ ((await create(request, name)) ?? envelope({ taskId: name }));
    }
    const taskId = new URL(request.url).searchParams.get("taskId");
    const resultJson = JSON.stringify({ resultUrls: [`https://files.example/${taskId}.png`] });
    return /** @type {Response} */ (
      (await poll(request)) ?? envelope({ taskId, state: "success", resultJson })
    );
  };
  return { fetch, requests, creates, baseUrl: "https://api.example" };
}

/**
 * The tests load the WebAssembly before the clock stands.
 *
 * @param {import("node:test").TestContext} t
 */
async function clockOf(t) {
  const { fetch, baseUrl } = service();
  await new Upscaler({ apiKey: KEY, baseUrl, fetch }).createTask({
    model: "recraft/crisp-upscale",
    input: { image: image("first") },
  });
  return virtualClock(t);
}

// The limiter

test("a burst of 200 meets no 429 of the sandbox and takes 90 s and at most 2 %", async (t) => {
  /** @type {ReturnType<typeof virtualClock> | undefined} */
  let held;
  const sandbox = quickSandbox({
    credits: 1000,
    now: () => held?.now() ?? 0,
    fetch: async () => new Response(null, { status: 404 }),
  });
  t.after(sandbox.close);
  await sandbox.ledger();
  const clock = await clockOf(t);
  held = clock;
  let seed = 1;
  const delay = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return 10 + (seed % 71);
  };
  const upscaler = new Upscaler({
    apiKey: "sandbox",
    baseUrl: "http://sandbox",
    fetch: async (request) => {
      await clock.sleep(delay());
      const reply = await sandbox.fetch(request);
      await clock.sleep(delay());
      return reply;
    },
  });
  const begin = clock.now();
  await clock.until(Promise.all(Array.from({ length: 200 }, (_, n) => upscaler.submit(image(n)))));
  const took = clock.now() - begin;
  assert.ok(took >= 90_000 && took <= 91_800, `${took} ms`);
  const { requests, tasks } = await clock.until(sandbox.ledger());
  assert.deepEqual([requests.createTask, tasks.length], [200, 200]);
});

test("whoever comes too early waits, first come, first served", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service();
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const names = Array.from({ length: 65 }, (_, n) => `${n}`);
  const all = Promise.all(names.map((name) => upscaler.submit(image(name))));
  await clock.settle();
  assert.equal(creates.length, 20);
  await clock.until(all);
  assert.deepEqual(creates, names);
  assert.equal(clock.timers(), 0);
});

test("Upscalers that share a limiter share the limit, and others have their own", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service();
  const limiter = new Limiter();
  const shared = [1, 2].map(() => new Upscaler({ apiKey: KEY, limiter, ...options }));
  const all = shared.flatMap((upscaler) => Array.from({ length: 15 }, (_, n) => upscaler.submit(image(n))));
  await clock.settle();
  assert.equal(creates.length, 20);
  await new Upscaler({ apiKey: KEY, ...options }).submit(image("other"));
  assert.equal(creates.length, 21);
  await clock.until(Promise.all(all));
  assert.equal(creates.length, 31);
});

test("who is aborted in the queue leaves it at once, and those behind move up", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service();
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const before = Array.from({ length: 20 }, (_, n) => upscaler.submit(image(n)));
  const controllers = Array.from({ length: 30 }, () => new AbortController());
  const aborted = controllers.map(({ signal }) => upscaler.submit(image("aborted"), { signal }));
  const outcomes = Promise.allSettled(aborted);
  const behind = Promise.all([upscaler.submit(image("behind")), upscaler.submit(image("last"))]);
  await Promise.all(before);
  const begin = clock.now();
  const reason = new Error("enough");
  for (const controller of controllers) controller.abort(reason);
  assert.deepEqual(
    await outcomes,
    aborted.map(() => ({ status: "rejected", reason })),
  );
  assert.equal(clock.now(), begin);
  await clock.until(behind);
  assert.deepEqual(creates.slice(20), ["behind", "last"]);
  assert.ok(clock.now() - begin <= 10_100, `${clock.now() - begin} ms`);
  assert.equal(clock.timers(), 0);
});

test("a time-out holds in the queue, and says that nothing was made", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service();
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  await Promise.all(Array.from({ length: 20 }, (_, n) => upscaler.submit(image(n))));
  const begin = clock.now();
  const error = await clock.until(failure(upscaler.submit(image("late"), { timeout: 4_000 })));
  assert.deepEqual([error.kind, error.charged, error.retryable], ["timeout", "no", true]);
  assert.equal(clock.now() - begin, 4_000);
  assert.equal(creates.length, 20);
});

test("a request whose reply never comes counts until 10 s after it was given up", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service((_, name) => (name === "mute" ? new Promise(() => {}) : undefined));
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const controllers = Array.from({ length: 20 }, () => new AbortController());
  const mute = Promise.allSettled(
    controllers.map(({ signal }) => upscaler.submit(image("mute"), { signal })),
  );
  const waits = upscaler.submit(image("waits"));
  await clock.until(clock.sleep(30_000));
  assert.equal(creates.length, 20);
  const begin = clock.now();
  for (const controller of controllers) controller.abort();
  await mute;
  await clock.until(waits);
  assert.ok(clock.now() - begin >= 10_000 && clock.now() - begin <= 10_100, `${clock.now() - begin} ms`);
});

test("what is sent again takes its turn, too", async (t) => {
  const clock = await clockOf(t);
  let refusals = 5;
  const { creates, ...options } = service(() => {
    refusals -= 1;
    return refusals >= 0 ? envelope(null, 429, "Your call frequency is too high.") : undefined;
  });
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const all = Promise.all(Array.from({ length: 20 }, (_, n) => upscaler.submit(image(n))));
  await clock.until(clock.sleep(9_000));
  assert.equal(creates.length, 20);
  await clock.until(all);
  assert.equal(creates.length, 25);
});

test("10,000 may wait", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service();
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const controllers = Array.from({ length: 10_000 }, () => new AbortController());
  const all = Promise.allSettled(controllers.map(({ signal }, n) => upscaler.submit(image(n), { signal })));
  await clock.settle();
  for (const controller of controllers) controller.abort("enough");
  const outcomes = await all;
  assert.equal(creates.length, 20);
  assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 9_980);
  assert.equal(clock.timers(), 0);
});

test("behind a gateway nobody waits, unless a limiter is given", async (t) => {
  const clock = await clockOf(t);
  for (const [limiter, expected] of /** @type {const} */ ([
    [undefined, 30],
    [new Limiter(), 20],
  ])) {
    const { creates, ...options } = service();
    const upscaler = new Upscaler({ token: "t", ...(limiter && { limiter }), ...options });
    const all = Promise.all(Array.from({ length: 30 }, (_, n) => upscaler.submit(image(n))));
    await clock.settle();
    assert.equal(creates.length, expected);
    await clock.until(all);
  }
});

// Many

test("upscaleAll yields what ends, as it ends; a failure does not end the others", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service(async (_, name) => {
    await clock.sleep({ slow: 9_000, bad: 5_000, quick: 0 }[name] ?? 0);
    return name === "bad" ? envelope(null, 422, "The image cannot be read.") : undefined;
  });
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const images = ["slow", "bad", "quick"].map(image);
  /** @type {unknown[]} */
  const seen = [];
  const run = async () => {
    for await (const { index, image, result, error } of upscaler.upscaleAll(images)) {
      assert.equal(image, images[index]);
      seen.push([index, result?.taskId, error?.kind]);
    }
  };
  await clock.until(run());
  assert.deepEqual(seen, [
    [2, "quick", undefined],
    [1, undefined, "validation"],
    [0, "slow", undefined],
  ]);
});

test("upscaleAll takes an image when there is room for it", async (t) => {
  const clock = await clockOf(t);
  let [underWay, most] = [0, 0];
  const { creates, ...options } = service(
    () => {
      underWay += 1;
      most = Math.max(most, underWay);
      return undefined;
    },
    () => {
      underWay -= 1;
      return undefined;
    },
  );
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  let taken = 0;
  async function* images() {
    for (; taken < 50; taken += 1) yield image(taken);
  }
  const iterator = upscaler.upscaleAll(images(), { concurrency: 3 });
  await clock.settle();
  assert.deepEqual([taken, creates.length], [0, 0], "nothing is begun before somebody reads");
  await clock.until(iterator.next());
  await clock.until(clock.sleep(60_000));
  assert.ok(creates.length <= 4, `${creates.length}: who does not read on begins no more`);
  let count = 1;
  while (!(await clock.until(iterator.next())).done) count += 1;
  assert.deepEqual([count, creates.length, most], [50, 50, 3]);
});

test("leaving upscaleAll begins no more, closes the source, and ends none that is under way", async (t) => {
  const clock = await clockOf(t);
  const { creates, requests, ...options } = service();
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  let closed = false;
  function* images() {
    try {
      for (let n = 0; ; n += 1) yield image(n);
    } finally {
      closed = true;
    }
  }
  const run = async () => {
    for await (const _ of upscaler.upscaleAll(images(), { concurrency: 5 })) break;
  };
  await clock.until(run());
  assert.ok(closed);
  const begun = creates.length;
  await clock.until(clock.sleep(60_000));
  assert.equal(creates.length, begun);
  assert.equal(requests.length - begun, begun, "each was looked at to its end");
  assert.equal(clock.timers(), 0);
});

test("an abort after upscaleAll was left ends those that are under way", async (t) => {
  const clock = await clockOf(t);
  const { requests, ...options } = service((_, name) => (name === "1" ? new Promise(() => {}) : undefined));
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const controller = new AbortController();
  const run = async () => {
    const images = [image(1), image(2)];
    for await (const _ of upscaler.upscaleAll(images, { signal: controller.signal })) break;
  };
  await clock.until(run());
  assert.equal(requests[0]?.signal.aborted, false);
  controller.abort();
  await clock.settle();
  assert.equal(requests[0]?.signal.aborted, true);
  assert.equal(clock.timers(), 0);
});

test("an abort ends upscaleAll at once, with the signal's own reason", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service(() => new Promise(() => {}));
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
  for (const images of [[image(1), image(2)], /** @type {AsyncIterable<string>} */ (never)]) {
    const controller = new AbortController();
    const { signal } = controller;
    const next = upscaler.upscaleAll(images, { signal }).next();
    await clock.settle();
    controller.abort("enough");
    await assert.rejects(next, (error) => error === "enough");
  }
  await assert.rejects(
    upscaler.upscaleAll([image(3)], { signal: AbortSignal.abort("before") }).next(),
    (error) => error === "before",
  );
  assert.equal(creates.length, 2);
  await clock.settle();
  assert.equal(clock.timers(), 0);
});

test("what the source throws comes after the ends of those under way", async (t) => {
  const clock = await clockOf(t);
  const upscaler = new Upscaler({ apiKey: KEY, ...service() });
  function* images() {
    yield image(1);
    yield image(2);
    throw new Error("the disk");
  }
  let count = 0;
  const run = async () => {
    for await (const { result } of upscaler.upscaleAll(images())) if (result) count += 1;
  };
  await assert.rejects(clock.until(run()), /the disk/);
  assert.equal(count, 2);
});

test("upscaleAll of nothing ends, and a concurrency that is none is refused", async () => {
  const upscaler = new Upscaler({ apiKey: KEY, ...service() });
  assert.equal((await upscaler.upscaleAll([]).next()).done, true);
  for (const concurrency of [0, -1, Number.NaN]) {
    const error = await failure(upscaler.upscaleAll([image(1)], { concurrency }).next());
    assert.deepEqual([error.kind, error.charged], ["invalid-input", "no"]);
  }
});

test("with a store and names, a batch continues wherever it was left, and makes no second task", async (t) => {
  const clock = await clockOf(t);
  const images = Array.from({ length: 6 }, (_, n) => image(n));
  const idempotencyKey = (/** @type {string} */ name) => name;
  for (const leave of /** @type {const} */ (["return", "throw", "abort"])) {
    const store = new Map();
    const { creates, ...options } = service();
    const controller = new AbortController();
    const first = async () => {
      const upscaler = new Upscaler({ apiKey: KEY, store, ...options });
      const { signal } = controller;
      for await (const { result } of upscaler.upscaleAll(images, {
        idempotencyKey,
        signal,
        concurrency: 3,
      })) {
        assert.ok(result);
        if (leave === "return") return;
        if (leave === "throw") throw new Error("the caller's own");
        controller.abort(new Error("enough"));
      }
    };
    await clock.until(first().catch(() => {}));
    await clock.settle();
    const before = creates.length;
    assert.ok(before >= 3 && before < 6, String(before));

    /** @type {(string | undefined)[]} */
    const results = [];
    const second = async () => {
      const upscaler = new Upscaler({ apiKey: KEY, store, ...options });
      for await (const { result } of upscaler.upscaleAll(images, { idempotencyKey }))
        results.push(result?.taskId);
      assert.deepEqual(await upscaler.pending(), []);
    };
    await clock.until(second());
    assert.deepEqual(results.sort(), ["0", "1", "2", "3", "4", "5"]);
    assert.deepEqual(creates.sort(), ["0", "1", "2", "3", "4", "5"], `after a ${leave}`);
  }
});

test("an abort of upscaleAll loses no task id: pending() has them all", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service(undefined, (request) => {
    const taskId = new URL(request.url).searchParams.get("taskId");
    return envelope({ taskId, state: "generating" });
  });
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const controller = new AbortController();
  const next = upscaler.upscaleAll([image(1), image(2)], { signal: controller.signal }).next();
  await clock.settle();
  controller.abort(new Error("enough"));
  await assert.rejects(next, /enough/);
  const pending = await upscaler.pending();
  assert.deepEqual(pending.map(({ taskId }) => taskId).sort(), creates.sort());
  assert.equal(creates.length, 2);
});

test("a name for many images, and a name that cannot be had, are errors and no tasks", async () => {
  const { creates, ...options } = service();
  const upscaler = new Upscaler({ apiKey: KEY, ...options });
  const one = /** @type {any} */ ({ idempotencyKey: "one for all" });
  assert.equal((await failure(upscaler.upscaleAll([image(1)], one).next())).kind, "invalid-input");
  const idempotencyKey = () => {
    throw new Error("no name");
  };
  const { value } = await upscaler.upscaleAll([image(1)], { idempotencyKey }).next();
  assert.equal(value?.error?.kind, "invalid-input");
  assert.deepEqual(creates, []);
});

// Tokens

test("a token is asked for once, and once more after a 401", async (t) => {
  const clock = await clockOf(t);
  for (const refuse of [
    () => envelope(null, 401, "expired"),
    () => new Response("Unauthorized", { status: 401 }),
  ]) {
    let asked = 0;
    const bearers = /** @type {(string | null)[]} */ ([]);
    const answer = (/** @type {Request} */ request) => {
      bearers.push(request.headers.get("authorization"));
      return bearers.at(-1) === "Bearer token-1" ? refuse() : undefined;
    };
    const { creates, ...options } = service(answer, answer);
    const upscaler = new Upscaler({ token: async () => `token-${++asked}`, ...options });
    await clock.until(Promise.all([upscaler.upscale(image("a")), upscaler.upscale(image("b"))]));
    assert.equal(asked, 2, "both share the new one");
    assert.deepEqual(bearers, [
      ...["Bearer token-1", "Bearer token-1"],
      ...Array.from({ length: 4 }, () => "Bearer token-2"),
    ]);
    assert.equal(creates.length, 4);
  }
});

test("a 401 to a new token stands, and so does one to a key", async () => {
  for (const [token, creates] of /** @type {[any, number][]} */ ([
    [() => `${Math.random()}`, 2],
    [() => "always-the-same", 1],
    ["a-string", 1],
  ])) {
    const made = service(() => envelope(null, 401, "no access"));
    const error = await failure(new Upscaler({ token, ...made }).submit(image(1)));
    assert.deepEqual([error.kind, error.code, error.charged], ["unauthorized", 401, "no"]);
    assert.equal(made.creates.length, creates);
  }
});

test("a token that cannot be had costs nothing, and is asked for anew by the next call", async (t) => {
  for (const bad of [
    () => {
      throw new Error("mine");
    },
    () => Promise.reject(new Error("mine")),
    () => /** @type {any} */ (undefined),
    () => "",
    () => "with a line break\n",
  ]) {
    const { requests, ...options } = service();
    let healthy = false;
    const upscaler = new Upscaler({ token: () => (healthy ? "good" : bad()), ...options });
    const error = await failure(upscaler.submit(image(1)));
    assert.deepEqual([error.kind, error.charged, error.retryable], ["unauthorized", "no", true]);
    assert.ok(error.cause instanceof Error);
    assert.equal(requests.length, 0);
    healthy = true;
    if (String(error.cause).includes("mine")) await upscaler.submit(image(1));
  }
  await t.test("nor does it hold up an abort or a time-out", async () => {
    const upscaler = new Upscaler({ token: () => new Promise(() => {}), ...service() });
    const error = await failure(upscaler.submit(image(1), { timeout: 20 }));
    assert.deepEqual([error.kind, error.charged], ["timeout", "no"]);
    const controller = new AbortController();
    const waits = upscaler.submit(image(1), { signal: controller.signal });
    setImmediate(() => controller.abort("enough"));
    await assert.rejects(waits, (error) => error === "enough");
  });
});

test("a token that is gone in the middle does not lose the job", async (t) => {
  const clock = await clockOf(t);
  let [polls, asked] = [0, 0];
  const { fetch, baseUrl } = service(undefined, () => {
    polls += 1;
    return polls === 1 ? envelope(null, 401, "expired") : undefined;
  });
  const token = () => {
    asked += 1;
    if (asked === 2) throw new Error("the session's server is away");
    return `token-${asked}`;
  };
  const upscaler = new Upscaler({ token, fetch, baseUrl });
  const error = await clock.until(failure(upscaler.upscale(image(1))));
  assert.deepEqual([error.kind, error.taskId], ["unauthorized", "1"]);
  assert.equal((await clock.until(/** @type {any} */ (error).resume().result())).taskId, "1");
});

test("no token that was sent is in an error", async () => {
  let asked = 0;
  const { fetch, baseUrl } = service((request) =>
    envelope(null, 401, `${request.headers.get("authorization")} and token-secret-1 are wrong`),
  );
  const token = () => `token-secret-${++asked}`;
  const error = await failure(new Upscaler({ token, fetch, baseUrl }).submit(image(1)));
  assert.equal(asked, 2);
  assert.doesNotMatch(`${error.message}${error.cause}`, /secret/);
});

// What may be sent again

test("behind a gateway a create carries a key, and is sent again with it until its outcome is known", async (t) => {
  const clock = await clockOf(t);
  const answers = [
    lost,
    () => new Response("<html>Bad gateway</html>", { status: 502 }),
    () => envelope(null, 429, "Too many"),
  ];
  const { requests, creates, ...options } = service((_, name) =>
    name === "a" ? answers[creates.length - 1]?.() : undefined,
  );
  const upscaler = new Upscaler({ token: "t", ...options });
  assert.equal((await clock.until(upscaler.upscale(image("a")))).taskId, "a");
  await clock.until(upscaler.submit(image("b")));
  assert.deepEqual(creates, ["a", "a", "a", "a", "b"]);
  const keys = requests
    .filter(({ method }) => method === "POST")
    .map(({ headers }) => headers.get("idempotency-key"));
  assert.match(keys[0] ?? "", /^[0-9a-f]{32}$/);
  assert.deepEqual(keys.slice(0, 4), Array(4).fill(keys[0]));
  assert.notEqual(keys[4], keys[0]);
  assert.ok(requests.every(({ method, headers }) => method === "POST" || !headers.has("idempotency-key")));
});

test("behind a gateway that never answers the outcome stays unknown after a few tries", async (t) => {
  const clock = await clockOf(t);
  const { creates, ...options } = service(lost);
  const error = await clock.until(failure(new Upscaler({ token: "t", ...options }).submit(image(1))));
  assert.deepEqual([error.kind, error.charged, error.retryable], ["outcome-unknown", "unknown", false]);
  assert.equal(creates.length, 4);
});

test("straight to the API no key goes along, and nothing is sent again", async () => {
  const { creates, requests, ...options } = service(lost);
  const error = await failure(new Upscaler({ apiKey: KEY, ...options }).submit(image(1)));
  assert.equal(error.kind, "outcome-unknown");
  assert.equal(creates.length, 1);
  assert.equal(requests[0]?.headers.has("idempotency-key"), false);
});

test("only what proves that no connection was made has a create sent again", async (t) => {
  const clock = await clockOf(t);
  const coded = (/** @type {string} */ code, syscall = "connect") =>
    Object.assign(new Error(code), { code, syscall });
  const node = (/** @type {unknown} */ cause) => new TypeError("fetch failed", { cause });
  const several = (/** @type {Error[]} */ ...errors) =>
    node(Object.assign(new AggregateError(errors), { code: "ECONNREFUSED" }));
  const deno = (/** @type {string} */ words) =>
    `error sending request for url (https://api.example/api/v1/jobs/createTask): client error ${words}`;
  const refused = "(Connect): tcp connect error: Connection refused (os error 111)";
  const tunnel = new Error("Proxy response (403) !== 200 when HTTP Tunneling");
  /** @type {[string, unknown, boolean | "once"][]} what runtimes were seen to throw; once: and it is not sent again */
  const rows = [
    ["Node, refused", node(coded("ECONNREFUSED")), true],
    ["Node, no such host", node(coded("ENOTFOUND", "getaddrinfo")), true],
    ["Node, refused at two addresses", several(coded("ECONNREFUSED"), coded("EHOSTUNREACH")), true],
    ["Node, one address unclear", several(coded("ECONNREFUSED"), coded("ECONNRESET")), false],
    ["Node, no addresses", several(), false],
    ["Node, nothing among them", several(coded("ECONNREFUSED"), /** @type {any} */ (null)), false],
    ["Node, dialled too long", node(coded("ETIMEDOUT")), true],
    ["Node, read too long", node(coded("ETIMEDOUT", "read")), false],
    ["Node, closed", node(coded("UND_ERR_SOCKET")), false],
    ["Bun 1.4, refused", coded("ECONNREFUSED"), true],
    ["Bun 1.4, no such host", coded("ENOTFOUND", "getaddrinfo"), true],
    ["Bun, closed", coded("ECONNRESET"), false],
    ["Bun 1.3, refused, perhaps the second time", coded("ConnectionRefused"), false],
    ["Deno 2.9, refused", node(new Error(deno(refused))), true],
    ["Deno 2.2, refused", new TypeError(deno(refused)), true],
    ["Deno, no such host", node(new Error(deno("(Connect): dns error: failed to lookup address"))), true],
    ["Deno, no TLS", node(new Error(deno("(Connect): tls handshake eof"))), "once"],
    ["Node, plain http", node(coded("ERR_SSL_WRONG_VERSION_NUMBER", "")), "once"],
    ["https of Node, perhaps after the handshake", coded("ERR_SSL_WRONG_VERSION_NUMBER", ""), false],
    ["Node, a certificate", node(coded("CERT_HAS_EXPIRED", "")), "once"],
    ["Node, a proxy", node(Object.assign(new Error("Request was cancelled."), { cause: tunnel })), "once"],
    [
      "Deno, closed",
      node(new Error(deno("(SendRequest): connection closed before message completed"))),
      false,
    ],
    ["a browser", new TypeError("Failed to fetch"), false],
    ["workerd", new Error("Network connection lost."), false],
  ];
  for (const [name, error, proven] of rows) {
    await t.test(name, async () => {
      const { creates, ...options } = service(() => Promise.reject(error));
      const { kind, charged } = await clock.until(
        failure(new Upscaler({ apiKey: KEY, ...options }).submit(image(1))),
      );
      const tries = proven === "once" ? 1 : 3;
      const expected = proven ? ["unreachable", "no", tries] : ["outcome-unknown", "unknown", 1];
      assert.deepEqual([kind, charged, creates.length], expected);
    });
  }
});

// Runtimes

/**
 * Runs something that is synchronous where these globals are in place of Node's.
 *
 * @template T
 * @param {Record<string, unknown>} globals
 * @param {() => T} run
 */
function where(globals, run) {
  const names = Object.keys(globals);
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  for (const name of names) {
    Object.defineProperty(globalThis, name, { value: globals[name], configurable: true, writable: true });
  }
  try {
    return run();
  } finally {
    names.forEach((name, index) => {
      const descriptor = before[index];
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    });
  }
}

test("a key in a web page is refused, unless the caller insists", () => {
  const [document, importScripts] = [{}, () => {}];
  const places = {
    page: { process: undefined, document },
    "page with a bundler's process": { process: { versions: {} }, document },
    worker: { process: undefined, importScripts },
  };
  for (const [name, globals] of Object.entries(places)) {
    where(globals, () => {
      const check = (/** @type {any} */ error) =>
        error instanceof UpscaleError && error.kind === "invalid-input";
      assert.throws(() => new Upscaler({ apiKey: KEY }), check, name);
      new Upscaler({ apiKey: KEY, dangerouslyAllowBrowser: true });
      new Upscaler({ token: "t", baseUrl: "https://gateway.example" });
    });
  }
  // jsdom in Node, Deno with a DOM, workerd.
  for (const globals of [
    { document },
    { process: undefined, Deno: {}, document },
    { process: undefined, WorkerGlobalScope: class {} },
  ]) {
    where(globals, () => new Upscaler({ apiKey: KEY }));
  }
});

test("in Deno the body of a create is a stream, and what arrives is the same", async (t) => {
  /** @type {{ headers: import("node:http").IncomingHttpHeaders, body: string }[]} */
  const arrived = [];
  const server = createServer(async (request, response) => {
    arrived.push({ headers: request.headers, body: Buffer.concat(await request.toArray()).toString() });
    response.end(JSON.stringify({ code: 200, data: { taskId: "abc" } }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  t.after(() => server.close());
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const upscaler = new Upscaler({ apiKey: KEY, baseUrl: `http://127.0.0.1:${port}` });
  await upscaler.submit(image("same"));
  Object.assign(globalThis, { Deno: {} });
  try {
    await upscaler.submit(image("same"));
  } finally {
    Reflect.deleteProperty(globalThis, "Deno");
  }
  const [plain, streamed] = arrived;
  assert.equal(plain?.headers["transfer-encoding"], undefined);
  assert.equal(streamed?.headers["transfer-encoding"], "chunked");
  assert.equal(streamed?.body, plain?.body);
  for (const name of ["authorization", "content-type"]) {
    assert.equal(streamed?.headers[name], plain?.headers[name]);
  }
});

// Guards

test("isUpscaleError and isRetryable know the package's errors, and those that were wrapped", async () => {
  const refused = () => Promise.reject(Object.assign(new Error("refused"), { code: "ENOTFOUND" }));
  const options = { apiKey: KEY, ...service(refused) };
  const retryable = await failure(new Upscaler(options).submit(image(1), { timeout: 100 }));
  const final = await failure(new Upscaler(options).submit("no URL"));
  assert.deepEqual([retryable, final, new Error("other"), undefined].map(isUpscaleError), [
    true,
    true,
    false,
    false,
  ]);
  const wrap = (/** @type {unknown} */ cause) => new Error("mine", { cause: new Error("again", { cause }) });
  assert.deepEqual([retryable, wrap(retryable), final, wrap(final)].map(isRetryable), [
    true,
    true,
    false,
    false,
  ]);
  const loop = new Error("loop");
  loop.cause = loop;
  assert.deepEqual([loop, "text", null, wrap("text")].map(isRetryable), [false, false, false, false]);
});
