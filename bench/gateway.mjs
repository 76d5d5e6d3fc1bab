// @ts-check
// What the gateway costs, what it saves, and what it holds; see docs/measured/gateway.md.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { script, step } from "../scripts/run.mjs";
import { load } from "./gateway/load.mjs";
import { push } from "./gateway/push.mjs";
import { rates } from "./gateway/rates.mjs";
import { refusal } from "./gateway/refusal.mjs";
import { percentile, printTable } from "./statistics.mjs";

const { values } = parseArgs({ options: { "without-load": { type: "boolean", default: false } } });

/** @typedef {Awaited<ReturnType<typeof load>>} Load */

/** @type {(value: number, digits?: number) => number} */
const round = (value, digits = 0) => Number(value.toFixed(digits));

await script(async () => {
  // In memory where the system has such a folder: this machine's disk says nothing about Cloudflare's.
  const memory = "/dev/shm";
  const storage = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), "gateway-"));
  try {
    step("Calls in a second");
    const { create, read, alone } = await rates(storage, step);
    step("Jobs of a page");
    const { toldMs, shownMs, polls } = await push(step);
    const held = values["without-load"] ? undefined : await load(storage, step);
    if (held) step("The cost of a refusal");
    const cost = held && (await refusal(storage));

    const ratio = (/** @type {{ ours: number, forwarder: number }} */ { ours, forwarder }) =>
      round(ours / forwarder, 2);
    const addedMs = round(alone.ours - alone.forwarder, 1);
    printTable([
      ["", "gateway", "only forwarding", "ratio"],
      ["createTask in a second", round(create.ours), round(create.forwarder), ratio(create)],
      ["recordInfo in a second", round(read.ours), round(read.forwarder), ratio(read)],
      ["one createTask by itself, ms", round(alone.ours, 1), round(alone.forwarder, 1), `+ ${addedMs}`],
      ["the page is notified, ms after the sandbox's end", round(toldMs), "", ""],
      ["the result is shown, ms after that end", round(shownMs), "", ""],
      ["recordInfo requests of the page", polls, "", ""],
    ]);
    const measured = {
      createRatio: ratio(create),
      readRatio: ratio(read),
      addedMs,
      pushLatenessMs: round(toldMs),
      shownMs: round(shownMs),
      browserPolls: polls,
    };
    const loaded = held && reportLoad(held);
    if (cost) {
      printTable([
        ["processor time of workerd, ms", ""],
        ["a createTask that is sent", round(cost.accepted, 2)],
        ["one that is refused, since the queue is full", round(cost.refused, 2)],
        ["ratio", round(cost.refused / cost.accepted, 2)],
      ]);
    }
    console.log(JSON.stringify(loaded ? { ...measured, load: { ...loaded, cost } } : measured));
    if (polls > 0) process.exitCode = 1;
  } finally {
    await rm(storage, { recursive: true });
  }
});

/**
 * Prints the tables of the load, and fails the run where a task was lost or made without having been accepted.
 *
 * @param {Load} measured
 */
function reportLoad({ steps, full, half, limit, rate, beyond, drainedAfter }) {
  printTable([
    ["createTask in a second", "answered in a second", "p50, ms", "p95, ms", "p99, ms", ""],
    ...steps.map((step) => [
      step.rate,
      round(step.answered),
      ...[step.p50, step.p95, step.p99].map((ms) => round(ms, ms < 10 ? 1 : 0)),
      step === full ? "full load" : step === half ? "half load" : step.held ? "" : "not kept up with",
    ]),
  ]);
  const { accepted, refused, withoutRetryAfter, others, unsent, acceptedMs, refusedMs } = beyond.answers;
  const at = (/** @type {number[]} */ times) => [0.5, 0.99].map((share) => round(percentile(times, share)));
  printTable([
    ["beyond the limit", ""],
    ["limit, tasks in a second", limit],
    ["createTask in a second", rate],
    ["accepted", accepted.length],
    ["refused with 429", refused],
    ["of these with `Retry-After`", refused - withoutRetryAfter],
    ["answered otherwise, or not within a minute", others.length],
    ["not sent, since 4,000 others were waiting", unsent],
    ["accepted, and the outcome is unknown", beyond.unknown],
    ["accepted, and lost", beyond.lost],
    ["tasks at the service that were not accepted", beyond.extra],
    ["accepted after, p50 and p99, ms", at(acceptedMs).join(", ")],
    ["refused after, p50 and p99, ms", at(refusedMs).join(", ")],
    ["queue empty, s after the first call", round(drainedAfter)],
  ]);
  const brief = (/** @type {Load["full"]} */ { rate, p50, p95, p99 }) => ({
    rate,
    p50: round(p50),
    p95: round(p95),
    p99: round(p99),
  });
  const sum = (/** @type {"lost" | "extra"} */ what) =>
    [...steps, beyond].reduce((total, audit) => total + audit[what], 0);
  const [lost, extra] = [sum("lost"), sum("extra")];
  if (lost + extra + withoutRetryAfter + others.length > 0 || refused === 0) process.exitCode = 1;
  const counts = { accepted: accepted.length, refused, withoutRetryAfter, others: others.length, unsent };
  return {
    full: brief(full),
    half: brief(half),
    beyond: { limit, rate, ...counts, unknown: beyond.unknown },
    lost,
    extra,
  };
}
