// @ts-check
// The service's rate limit over all callers, in real workerd: all are served, each with a fair share.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import { fixtures } from "../kit/gateway.mjs";

/** How much faster than ours the sandbox's clock goes, so that its 10 s are half a second. */
const SPEED = 20;
/** What the service takes in that time. */
const AT_ONCE = 20;
const CALLERS = 50;
const EACH = 10;
const TASKS = CALLERS * EACH;

test("500 creates at once by 50 callers: the limit is never met, all end, each has a fair share", async (t) => {
  const start = Date.now();
  /** @type {() => void} */
  let release = () => {};
  /** @type {Promise<void>} */
  const released = new Promise((resolve) => {
    release = resolve;
  });
  const own = await fixtures(t, {
    sandbox: { now: () => start + (Date.now() - start) * SPEED, credits: TASKS, factor: 1 },
    settings: { CREATE_LIMIT: `${AT_ONCE}/${10 / SPEED}` },
    results: false,
    // Nobody is served before all have come.
    between: (handler) => async (request) => {
      if (request.url.endsWith("/createTask")) await released;
      return handler(request);
    },
  });
  const names = Array.from({ length: CALLERS }, (_, index) => `caller-${index}`);
  const creating = Promise.all(
    Array.from({ length: TASKS }, async (_, index) => {
      const sub = names[index % CALLERS] ?? "";
      const { code, data } = await own.create({ sub, image: `/small.png?${sub}` });
      assert.equal(code, 200);
      return { sub, id: data.taskId };
    }),
  );
  while ((await own.counters()).waiting < TASKS - AT_ONCE) await setImmediate();
  release();
  const jobs = await creating;

  // The sandbox's clock is not the real one, so it calls back when it is asked something.
  let over = false;
  const asked = (async () => {
    for (; !over; await setTimeout(20)) await own.sandbox.ledger();
  })();
  await Promise.all(
    names.map(async (sub) => {
      const ids = jobs.filter((job) => job.sub === sub).map((job) => job.id);
      const ended = new Set();
      for await (const { event, data } of own.events(ids, sub)) {
        if (data.data.state === "success") ended.add(event);
      }
      assert.equal(ended.size, EACH);
    }),
  );
  over = true;
  await asked;

  const { tasks, requests } = await own.sandbox.ledger();
  assert.equal(tasks.length, TASKS);
  // None of them was refused, or it would have been sent again.
  assert.equal(requests.createTask, TASKS);
  assert.deepEqual((await own.counters()).codes, { 200: TASKS });
  // Half of all tasks are half of everybody's; those of one moment may come in any order.
  const shares = new Map(names.map((name) => [name, 0]));
  for (const { image } of tasks.slice(0, TASKS / 2)) {
    const name = image.split("?")[1] ?? "";
    shares.set(name, (shares.get(name) ?? 0) + 1);
  }
  const counts = [...shares.values()];
  assert.ok(Math.max(...counts) <= EACH / 2 + 2 && Math.min(...counts) >= EACH / 2 - 2, `${counts}`);
});
