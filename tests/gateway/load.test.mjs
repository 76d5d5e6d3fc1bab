// @ts-check
// More requests than the gateway can hold, in real workerd: they are refused, and nothing is lost.
// bench/gateway/load.mjs measures how much it holds.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fixtures, MODEL } from "../kit/gateway.mjs";

const CREATE = "/api/v1/jobs/createTask";

test("what a full queue refuses is told when to come again, costs no budget and leaves nothing behind", async (t) => {
  /** @type {() => void} */
  let release = () => {};
  /** @type {Promise<void>} */
  const released = new Promise((resolve) => {
    release = resolve;
  });
  const own = await fixtures(t, {
    // One turn in three seconds and a half, so that the queue has 85 places.
    settings: { CREATE_LIMIT: "1/3.5", TASKS_PER_HOUR: "60" },
    results: false,
    between: (handler) => async (request) => {
      if (request.url.endsWith("/createTask")) await released;
      return handler(request);
    },
  });
  const json = (/** @type {number} */ nth) => ({
    model: MODEL,
    input: { image: `${own.images}/small.png?${nth}` },
  });
  // The first has the turn, and 43 wait: as many as there are places left.
  const taken = Array.from({ length: 44 }, (_, nth) => own.call(CREATE, { json: json(nth) }));
  while ((await own.counters()).waiting < 43) await setImmediate();
  const key = { "idempotency-key": "again" };
  for (let nth = 0; nth < 40; nth += 1) {
    const reply = await own.call(CREATE, { json: json(100), headers: key });
    assert.equal(reply.status, 429);
    assert.equal(reply.headers.get("retry-after"), "4");
    const { code, msg, data } = /** @type {any} */ (await reply.json());
    assert.deepEqual([code, data], [429, null]);
    assert.match(msg, /waiting/);
  }
  // With those it would be 84 of 60.
  const { ended, waiting } = await own.counters();
  assert.deepEqual([ended, waiting], [{ refused: 40 }, 43]);
  assert.equal((await own.create({ sub: "bob" })).code, 200, "others still find a place");
  release();
  /** @type {string[]} */
  const ids = [];
  for (const reply of await Promise.all(taken)) {
    const { code, data } = /** @type {any} */ (await reply.json());
    assert.equal(code, 200);
    ids.push(data.taskId);
  }
  const made = async () => (await own.sandbox.ledger()).tasks.map(({ image }) => image);
  while ((await made()).length === 0) await setImmediate();
  assert.ok((await made()).every((image) => !image.endsWith("?100")));

  await own.breakDown();
  for (const id of ids) assert.equal((await own.record(id)).data?.taskId, id, "what was taken is stored");
  const refused = createHash("sha256").update("ann\0again").digest("hex").slice(0, 32);
  assert.equal((await own.record(refused)).data, null, "what was refused is not");
});
