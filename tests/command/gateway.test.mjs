// @ts-check
// The command through a gateway in workerd.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { directoryStore } from "crisp-upscale/directory-store";
import { fastClock, fill, folder, run, statusesOf, visible } from "../kit/command.mjs";
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
  const store = directoryStore(join(path, ".crisp-upscale", "attempts"));
  const upscaler = new Upscaler({ baseUrl: gateway.url, token: later.CRISP_UPSCALE_TOKEN, store });
  assert.deepEqual(await upscaler.pending(), []);
});
