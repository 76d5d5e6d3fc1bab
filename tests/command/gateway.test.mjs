// @ts-check
// The command through a gateway in workerd.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { directoryStore } from "crisp-upscale/directory-store";
import { fastClock, fill, folder, nextStep, run, statusesOf, visible } from "../kit/command.mjs";
import { fixtures, tokenOf } from "../kit/gateway.mjs";

test("through a gateway: by a token of whichever time, for one caller", async (t) => {
  const gateway = await fixtures(t, { sandbox: { now: fastClock(), credits: 3 } });
  const path = await folder(t);
  await fill(path, 8);
  const args = [path, "-r", "--json", "--gateway", gateway.url];
  const env = { CRISP_UPSCALE_TOKEN: await tokenOf("ann") };
  const poor = await run(args, { env });
  assert.equal(poor.code, 1);
  assert.deepEqual(statusesOf(poor), { done: 6, "not-sent": 2 }, poor.out);

  const body = JSON.stringify({ credits: 10 });
  await gateway.sandbox.fetch(new Request("http://sandbox/sandbox/credits", { method: "POST", body }));
  const another = await run(args, { env: { CRISP_UPSCALE_TOKEN: await tokenOf("bob") } });
  assert.equal(another.code, 2);
  assert.match(another.err, /another account/);
  // A token is no account: the next one may be minted for each run.
  const later = { CRISP_UPSCALE_TOKEN: `${await tokenOf("ann")}` };
  const rich = await run(args, { env: later });
  assert.deepEqual([rich.code, statusesOf(rich)], [0, { done: 8 }], rich.out);
  assert.equal((await visible(path)).filter((name) => name.includes(".crisp.")).length, 8);
  const { tasks } = await gateway.sandbox.ledger();
  assert.equal(tasks.length, 8);
  // Another folder of results is another state, whose orders are others.
  const again = await run([...args, "--out", join(path, "again")], { env });
  assert.deepEqual([again.code, statusesOf(again)], [0, { done: 8 }], again.out);
  assert.equal((await gateway.sandbox.ledger()).tasks.length, 16);
  const store = directoryStore(join(path, ".crisp-upscale", "attempts"));
  const upscaler = new Upscaler({ baseUrl: gateway.url, token: later.CRISP_UPSCALE_TOKEN, store });
  assert.deepEqual(await upscaler.pending(), []);
});

test("an outcome that the gateway itself does not know is listed as unknown, and left alone until --retry-unknown", async (t) => {
  let lost = 0;
  const gateway = await fixtures(t, {
    sandbox: { now: fastClock() },
    // Without callbacks nothing tells it later, and it gives up after a second.
    settings: { PUBLIC_URL: "none", OUTCOME_MINUTES: "0.02" },
    between: (handler) => async (request) => {
      const response = await handler(request);
      if (!request.url.endsWith("/createTask") || lost === 1) return response;
      lost += 1;
      throw new Error("The reply is lost.");
    },
  });
  const path = await folder(t);
  await fill(path, 1);
  const args = [path, "-r", "--json", "--gateway", gateway.url];
  const env = { CRISP_UPSCALE_TOKEN: await tokenOf("ann") };
  const billed = async () => (await gateway.sandbox.ledger()).tasks.length;
  for (const time of ["first", "next"]) {
    const ended = await run(args, { env });
    assert.deepEqual([ended.code, statusesOf(ended)], [1, { unknown: 1 }], `the ${time} run: ${ended.out}`);
    assert.match(ended.out, /--retry-unknown/);
    assert.equal(await billed(), 1);
  }
  const retried = await run([...args, "--retry-unknown"], { env });
  assert.deepEqual([retried.code, statusesOf(retried)], [0, { done: 1 }], retried.out);
  assert.match(retried.err, /0\.5 credits may be charged a second time/);
  assert.equal(await billed(), 2);
});

/**
 * One image, enlarged through a gateway.
 *
 * @param {import("node:test").TestContext} t
 */
async function done(t) {
  const gateway = await fixtures(t, { sandbox: { now: fastClock() } });
  const path = await folder(t);
  await fill(path, 1);
  const args = [path, "-r", "--json", "--gateway", gateway.url];
  const env = { CRISP_UPSCALE_TOKEN: await tokenOf("ann") };
  /** Runs the command; the image is there afterwards, from one task. @param {string} [when] */
  const runs = async (when = "") => {
    const ended = await run(args, { env });
    assert.deepEqual([ended.code, statusesOf(ended)], [0, { done: 1 }], `${when} ${ended.out}`);
    assert.equal((await gateway.sandbox.ledger()).tasks.length, 1, when);
  };
  /** The result is lost, and the command's last step says nothing of a task. @param {string} state of that step */
  const lose = async (state) => {
    const unknown = { taskId: undefined, createdAt: undefined, credits: undefined };
    await nextStep(path, () => ({ state, ...unknown, file: undefined, sha256: undefined, at: Date.now() }));
    await rm(join(path, "image-000.crisp.png"));
  };
  await runs();
  return { path, lose, runs };
}

test("killed when the library has seen the end, and the command has not written the task: nothing is ordered anew", async (t) => {
  const { lose, runs } = await done(t);
  for (const state of ["sending", "free"]) {
    await lose(state);
    await runs(state);
  }
});

test("where the gateway has a job with the key, and neither the library nor the state has its task: it is asked", async (t) => {
  const { path, lose, runs } = await done(t);
  await lose("sending");
  await rm(join(path, ".crisp-upscale", "attempts"), { recursive: true });
  await runs();
});
