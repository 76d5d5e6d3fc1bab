// @ts-check
// The built package in every runtime but browsers, over real connections, where the runtime itself may repeat a
// request or redirect it. `npm run bench -- behaviour` measures what browsers do.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serve } from "../../scripts/serve.mjs";
import { startMock } from "../kit/mock.mjs";
import { findRuntimes } from "../kit/runtimes.mjs";

/** When a call is given up that never settles, in milliseconds: much, on a busy machine. */
const timeout = 60_000;

/** @typedef {import("../kit/runtimes.mjs").Started} Runner */
/** @typedef {import("node:test").TestContext} TestContext */

/** The API, on this machine. @param {TestContext} t */
async function api(t) {
  const mock = await startMock(new Map());
  t.after(() => mock.close());
  return mock;
}

/** @param {TestContext} t @param {(request: Request) => Response} answer */
async function served(t, answer) {
  const { url, close } = await serve(async (request) => answer(request), { port: 0 });
  t.after(close);
  return url;
}

/** @param {Runner} runner @param {TestContext} t */
async function upscales(runner, t) {
  const { base, jobs } = (await api(t)).stage("ours", { durations: [0] });
  const { end, url, message } = await runner.order({ base, jobs: 1, timeout });
  assert.equal(end, "resolved", message);
  assert.equal(url, jobs[0]?.url);
}

/** @param {number} replies how many are lost */
const loses = (replies) => async (/** @type {Runner} */ runner, /** @type {TestContext} */ t) => {
  const { base, jobs, requests } = (await api(t)).stage("ours", {
    durations: [0],
    fault: { on: "submit", how: "lose", from: 1, to: 1 + replies },
  });
  const { label, message } = await runner.order({ base, jobs: 2, timeout, call: "createTask" });
  assert.equal(label, "outcome-unknown", message);
  assert.equal(jobs.length - 1, 1, "beside the task that was made before");
  assert.ok(requests[1]?.reused, "on the connection that was used before");
};

/** @param {Runner} runner @param {TestContext} t */
async function followsNoRedirect(runner, t) {
  /** @type {string[]} */
  const arrived = [];
  const other = await served(t, ({ method, headers }) => {
    arrived.push(`${method} with ${headers.get("authorization")}`);
    return Response.json({ code: 200, msg: "success", data: { taskId: "abc" } });
  });
  for (const status of [302, 307]) {
    for (const [call, kind] of /** @type {const} */ ([
      ["createTask", "outcome-unknown"],
      ["getTask", "bad-reply"],
      ["upload", "bad-reply"],
      ["credits", "bad-reply"],
    ])) {
      let asked = 0;
      const base = await served(t, ({ url }) => {
        asked += 1;
        return new Response(null, { status, headers: { location: other + new URL(url).pathname } });
      });
      const { label, message } = await runner.order({ base, jobs: 1, timeout, call });
      assert.deepEqual(arrived, [], `${call}, ${status}`);
      assert.equal(label, kind, message);
      assert.doesNotMatch(String(message), /a-secret-key/);
      assert.equal(asked, 1);
    }
  }
}

/** More than the service takes in 10 s, at once. @param {Runner} runner @param {TestContext} t */
async function manyRequests(runner, t) {
  const { base, jobs } = (await api(t)).stage("ours", { durations: [0] });
  const orders = Array.from({ length: 25 }, () =>
    runner.order({ base, jobs: 1, timeout, call: "createTask" }),
  );
  for (const { end, message } of await Promise.all(orders)) assert.equal(end, "resolved", message);
  assert.equal(jobs.length, 25);
}

/** @type {[what: string, body: (runner: Runner, t: TestContext) => Promise<void>, only?: string][]} */
const tests = [
  ["an image is upscaled", upscales],
  ["one reply to a create is lost: one task", loses(1)],
  ["every reply to a create is lost: one task", loses(Number.POSITIVE_INFINITY)],
  ["no redirect is followed, neither with the key nor with a second POST", followsNoRedirect],
  ["no request of a Worker waits for another one", manyRequests, "workerd"],
];

describe("in each runtime", { concurrency: true }, async () => {
  for (const { name, title, absent, start } of await findRuntimes()) {
    if (absent) {
      test(title, { skip: "it does not run on this machine" });
      continue;
    }
    describe(title, () => {
      /** @type {Runner} */
      let runner;
      before(async () => {
        runner = await start();
      });
      after(() => runner.stop());
      for (const [what, body, only = name] of tests) if (only === name) test(what, (t) => body(runner, t));
    });
  }
});
