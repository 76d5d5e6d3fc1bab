// @ts-check
// 200 images and 50 kills, straight to the API and through a gateway, without and with faults on the way: once with fixed
// seeds, and once with a fresh one. SEED=n plays one again.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { directoryStore } from "crisp-upscale/directory-store";
import { serve } from "../../scripts/serve.mjs";
import { fastClock, fill, folder, run, service, statusesOf } from "../kit/command.mjs";
import { imagesOf, isRight, killed, network, toTheEnd } from "../kit/crash.mjs";
import { fixtures, tokenOf } from "../kit/gateway.mjs";
import { random as randomOf } from "../kit/rng.mjs";

const COUNT = 200;
const KILLS = 50;
const MOMENTS = 60;
const FRESH = Math.floor(Math.random() * 2 ** 32);
const SEEDS = process.env.SEED === undefined ? [14, FRESH] : [Number(process.env.SEED)];

for (const seed of SEEDS) {
  for (const share of [0, 0.1]) {
    const faults = share === 0 ? "" : ", with faults";

    test(`straight to the API${faults}, seed ${seed}`, async (t) => {
      const random = randomOf(seed);
      const between = network(random, share);
      const { env, ledger, fetch } = await service(t, {}, between.between);
      const path = await folder(t);
      await fill(path, COUNT);
      const kills = await killed({ path, env, kills: KILLS, moments: MOMENTS, random, network: between });
      const lines = await toTheEnd(path, env);
      const tasks = await imagesOf(await ledger(), fetch);
      const results = await isRight({ path, count: COUNT, lines, tasks });
      t.diagnostic(`${results} of ${COUNT} are there, ${tasks.length} tasks, ${kills} kills`);
    });

    test(`through a gateway${faults} before it, seed ${seed}`, async (t) => {
      const random = randomOf(seed);
      const between = network(random, share);
      const settings = { TASKS_PER_HOUR: "none", CREATE_LIMIT: "0" };
      const gateway = await fixtures(t, { sandbox: { credits: 10_000, now: fastClock() }, settings });
      const front = await serve(
        between.between((request) => forwarded(request, gateway.url)),
        { port: 0 },
      );
      t.after(() => front.close());
      const env = { CRISP_UPSCALE_TOKEN: await tokenOf("ann") };
      const args = ["--gateway", front.url];
      const path = await folder(t);
      await fill(path, COUNT);
      const kills = await killed({
        path,
        args,
        env,
        kills: KILLS,
        moments: MOMENTS,
        random,
        network: between,
      });
      const lines = await toTheEnd(path, env, args);
      const tasks = await imagesOf(await gateway.sandbox.ledger(), gateway.sandbox.fetch);
      const results = await isRight({ path, count: COUNT, lines, tasks });
      t.diagnostic(`${results} of ${COUNT} are there, ${tasks.length} tasks, ${kills} kills`);
      assert.deepEqual([results, tasks.length], [COUNT, COUNT]);
      const store = directoryStore(join(path, ".crisp-upscale", "attempts"));
      const upscaler = new Upscaler({ baseUrl: gateway.url, token: env.CRISP_UPSCALE_TOKEN, store });
      assert.deepEqual(await upscaler.pending(), []);
    });
  }

  test(`through a gateway, with faults before and behind it, seed ${seed}`, async (t) => {
    const random = randomOf(seed);
    const [before, behind] = [network(random, 0.1), network(random, 0.1)];
    const settings = { TASKS_PER_HOUR: "none", CREATE_LIMIT: "0", OUTCOME_MINUTES: "1" };
    const gateway = await fixtures(t, {
      sandbox: { credits: 10_000, now: fastClock() },
      settings,
      between: behind.between,
    });
    const front = await serve(
      before.between((request) => forwarded(request, gateway.url)),
      { port: 0 },
    );
    t.after(() => front.close());
    const env = { CRISP_UPSCALE_TOKEN: await tokenOf("ann") };
    const args = ["--gateway", front.url];
    const path = await folder(t);
    await fill(path, COUNT);
    await killed({ path, args, env, kills: KILLS, moments: MOMENTS, random, network: before });
    const lines = await toTheEnd(path, env, args);
    const tasks = await imagesOf(await gateway.sandbox.ledger(), gateway.sandbox.fetch);
    const numbers = tasks.map(({ number }) => number);
    assert.equal(new Set(numbers).size, numbers.length);
    for (const { status } of lines.values())
      assert.ok(["done", "unknown", "failed"].includes(status), status);
  });
}

test("two commands at once on one folder", async (t) => {
  const { env, ledger, fetch } = await service(t);
  const path = await folder(t);
  await fill(path, COUNT);
  const both = await Promise.all([
    run([path, "-r", "--json"], { env }),
    run([path, "-r", "--json"], { env }),
  ]);
  for (const ended of both)
    assert.deepEqual([ended.code, statusesOf(ended)], [0, { done: COUNT }], ended.err);
  const tasks = await imagesOf(await ledger(), fetch);
  assert.equal(new Set(tasks.map(({ number }) => number)).size, COUNT);
  assert.equal(tasks.length, COUNT);
});

/** The same request to the gateway, as a proxy would send it. @param {Request} request @param {string} url */
async function forwarded(request, url) {
  const { pathname, search } = new URL(request.url);
  const body = request.body === null ? undefined : await request.arrayBuffer();
  const headers = new Headers(request.headers);
  headers.delete("host");
  headers.delete("content-length");
  headers.delete("connection");
  const init = {
    method: request.method,
    headers,
    ...(body === undefined ? {} : { body }),
    signal: request.signal,
  };
  const reply = await fetch(`${url}${pathname}${search}`, init);
  const fields = new Headers(reply.headers);
  fields.delete("content-encoding");
  fields.delete("content-length");
  return new Response(reply.body, { status: reply.status, headers: fields });
}
