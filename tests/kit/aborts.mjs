// @ts-check
// The cases of aborts and of invalid keys, which every runtime runs. It imports nothing, so that a page can load it
// as it is.

/**
 * The runtime that a case runs in.
 *
 * @typedef {object} World
 * @property {typeof import("crisp-upscale").Upscaler} Upscaler
 * @property {typeof import("./clock.mjs").virtualClock} virtualClock
 * @property {unknown[]} unhandled where the runtime's unhandled rejections arrive
 */

/** @type {Record<string, (controller: AbortController) => void>} */
const REASONS = {
  "no reason": (controller) => controller.abort(),
  "an Error": (controller) => controller.abort(new Error("enough")),
  "a string": (controller) => controller.abort("enough"),
};

/**
 * When it comes, and the request that is never answered, so that it comes then.
 *
 * @type {Record<string, string | undefined>}
 */
const MOMENTS = {
  "before the start": undefined,
  "while the file is uploaded": "/api/file-stream-upload",
  "while the task is made": "/api/v1/jobs/createTask",
  "while the next poll is waited for": undefined,
  "while the task is polled": "/api/v1/jobs/recordInfo",
  "while the result's file is looked at": "/result.png",
  "after the end": undefined,
};

/** @type {Record<string, string>} */
const KEYS = {
  "a zero-width space": "sk-1\u200b",
  "a line break": "sk-1\n",
};

/** @type {Record<string, (world: World) => Promise<string[]>>} each gives what is wrong */
export const CASES = {};

for (const [why, abort] of Object.entries(REASONS)) {
  for (const [moment, silent] of Object.entries(MOMENTS)) {
    CASES[`an abort with ${why} ${moment}`] = (world) => aborted(world, abort, moment, silent);
  }
}
for (const [what, key] of Object.entries(KEYS)) {
  CASES[`a key with ${what}`] = (world) => keyed(world, key);
}

/** A jpeg as far as its size, 32 by 32. */
const PHOTO = new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 32, 0, 32]);
const envelope = (/** @type {unknown} */ data) => Response.json({ code: 200, msg: "success", data });
const resultJson = JSON.stringify({ resultUrls: ["https://files.example/result.png"] });
/** @type {Record<string, () => Response>} */
const ANSWERS = {
  "/api/file-stream-upload": () => envelope({ downloadUrl: "https://files.example/photo.jpg" }),
  "/api/v1/jobs/createTask": () => envelope({ taskId: "abc" }),
  "/api/v1/jobs/recordInfo": () => envelope({ taskId: "abc", state: "success", resultJson }),
};

/**
 * @param {World} world
 * @param {(controller: AbortController) => void} abort
 * @param {string} moment
 * @param {string | undefined} silent the path that is never answered
 */
async function aborted({ Upscaler, virtualClock, unhandled }, abort, moment, silent) {
  /** @type {string[]} */
  const problems = [];
  const expect = (/** @type {boolean} */ holds, /** @type {string} */ otherwise) => {
    if (!holds) problems.push(otherwise);
  };
  /** @type {Request[]} */
  const requests = [];
  /** @type {{ event: string | undefined, resolve: (value?: undefined) => void }[]} */
  const awaited = [];
  const happened = (/** @type {string} */ event) => {
    for (const waiting of awaited) if (waiting.event === event) waiting.resolve();
  };
  const when = (/** @type {string | undefined} */ event) =>
    new Promise((resolve) => awaited.push({ event, resolve }));
  const [submitted, looked, unanswered] = ["submitted", "/api/v1/jobs/recordInfo", silent].map(when);
  const fetch = async (/** @type {Request} */ request) => {
    requests.push(request);
    const { pathname } = new URL(request.url);
    happened(pathname);
    if (pathname === silent) return new Promise(() => {});
    return ANSWERS[pathname]?.() ?? new Response(null, { status: 404 });
  };
  const upscaler = new Upscaler({ token: "t", baseUrl: "https://gateway.example", fetch });
  // Loads the WebAssembly, before the clock stands.
  await upscaler.upscale("no URL").catch(() => {});

  const controller = new AbortController();
  const { signal } = controller;
  let giveBack = () => {};
  const clock = virtualClock({
    after: (end) => {
      giveBack = end;
    },
  });
  try {
    if (moment === "before the start") abort(controller);
    const call = upscaler.upscale(PHOTO, { signal, onUpdate: ({ state }) => happened(state) });
    const end = call.then(
      (result) => ({ result }),
      (/** @type {unknown} */ error) => ({ error }),
    );
    switch (moment) {
      case "before the start":
        break;
      case "while the file is uploaded":
      case "while the task is made":
        await unanswered;
        break;
      default:
        await submitted;
        if (moment === "while the next poll is waited for") break;
        // The one time that has to pass. Files are read in real time, during which none may.
        await clock.until(/** @type {Promise<unknown>} */ (looked));
        await (silent === undefined ? end : unanswered);
    }
    // What was told of an update goes on to wait.
    await clock.settle();
    const sent = requests.length;
    if (moment !== "before the start" && moment !== "after the end") {
      expect(clock.timers() > 0, "nothing was waited for");
      expect((await soon(end, clock)) === undefined, "it had ended already");
      abort(controller);
    }
    const ended = await soon(end, clock);
    if (moment === "after the end") {
      abort(controller);
      await clock.settle();
      expect(ended !== undefined && "result" in ended, "it did not end well");
    } else {
      expect(ended !== undefined, "it has not settled");
      expect(
        ended !== undefined && "error" in ended && ended.error === signal.reason,
        "not the signal's reason",
      );
    }
    if (moment === "before the start") expect(sent === 0, "something was sent");
    if (silent !== undefined) expect(requests.at(-1)?.signal.aborted === true, "the request itself goes on");
    expect(requests.length === sent, "something was sent after it");
    expect(clock.timers() === 0, `${clock.timers()} timers are left`);
    expect(unhandled.length === 0, `unhandled: ${unhandled}`);
  } finally {
    giveBack();
  }
  return problems;
}

/**
 * What the promise is settled with by now, without any time passing.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {ReturnType<World["virtualClock"]>} clock
 * @returns {Promise<T | undefined>}
 */
function soon(promise, clock) {
  return Promise.race([promise, clock.settle().then(() => undefined)]);
}

/**
 * @param {World} world
 * @param {string} apiKey
 */
async function keyed({ Upscaler, unhandled }, apiKey) {
  let sent = 0;
  const upscaler = new Upscaler({
    apiKey,
    dangerouslyAllowBrowser: true,
    fetch: async () => {
      sent += 1;
      return new Response();
    },
  });
  const error = await upscaler.upscale("https://host.example/photo.jpg").catch((error) => error);
  const expected = ["UpscaleError", "invalid-input", "no", 0, 0];
  const actual = [error.name, error.kind, error.charged, sent, unhandled.length];
  return JSON.stringify(actual) === JSON.stringify(expected) ? [] : [`${actual}: ${error}`];
}
