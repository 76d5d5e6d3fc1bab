// @ts-check
// What the gateway costs and what it saves; see docs/gateway.md.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../scripts/build.mjs";
import { script, step } from "../scripts/run.mjs";
import { push } from "./gateway/push.mjs";
import { rates } from "./gateway/rates.mjs";

await script(async () => {
  await build();
  // In memory where the system has such a folder: a disk is not what stores Durable Objects at Cloudflare.
  const memory = "/dev/shm";
  const storage = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), "gateway-"));
  try {
    step("Calls in a second");
    const { create, read, alone } = await rates(storage, step);
    step("Jobs of a page");
    const { toldMs, shownMs, polls } = await push(step);
    /** @param {number} value */
    const round = (value, digits = 0) => Number(value.toFixed(digits));
    const ratio = (/** @type {{ ours: number, forwarder: number }} */ { ours, forwarder }) =>
      round(ours / forwarder, 2);
    const addedMs = round(alone.ours - alone.forwarder, 1);
    console.log(`
|                                              | gateway | only forwarding | ratio |
| -------------------------------------------- | ------: | --------------: | ----: |
| createTask in a second                       | ${round(create.ours)} | ${round(create.forwarder)} | ${ratio(create)} |
| recordInfo in a second                       | ${round(read.ours)} | ${round(read.forwarder)} | ${ratio(read)} |
| one createTask by itself, ms                 | ${round(alone.ours, 1)} | ${round(alone.forwarder, 1)} | + ${addedMs} |
| the page is told, ms after the sandbox's end | ${round(toldMs)} | | |
| the result is shown, ms after that end       | ${round(shownMs)} | | |
| recordInfo requests of the page              | ${polls} | | |
`);
    const measured = {
      createRatio: ratio(create),
      readRatio: ratio(read),
      addedMs,
      pushLatenessMs: round(toldMs),
      shownMs: round(shownMs),
      browserPolls: polls,
    };
    console.log(JSON.stringify(measured));
    if (polls > 0) process.exitCode = 1;
  } finally {
    await rm(storage, { recursive: true });
  }
});
