// @ts-check
// How fast this client starts and what a job costs, beside other clients; see docs/measured/start-up.md.
import { script, step } from "../scripts/run.mjs";
import { runtimes } from "../scripts/runtimes.mjs";
import { processorTime, WAITING, waitingMemory } from "./start/cost.mjs";
import { firstRequests } from "./start/first-request.mjs";
import { median, printTable } from "./statistics.mjs";

const NAMES = /** @type {const} */ (["ours", "fal", "replicate"]);
/** How many starts of each client in each runtime. */
const STARTS = 15;
/** How often the costs are measured. */
const ROUNDS = 3;

/** @typedef {Record<string, number>} Row medians by client */

await script(async () => {
  const { workerd } = await runtimes();

  const starts = await firstRequests(["bare", ...NAMES], { rounds: STARTS, workerd, say: step });
  /** @type {Record<string, Row>} */
  const start = Object.fromEntries(
    Object.entries(starts).map(([runtime, times]) => [runtime.toLowerCase(), mediansOf(times)]),
  );

  step(
    `Processor time of a job, and memory of each of ${WAITING.toLocaleString("en")} waiting, ${ROUNDS} rounds`,
  );
  const { processor, heap, external, rss } = await costs();
  const memory = Object.fromEntries(NAMES.map((name) => [name, (heap[name] ?? 0) + (external[name] ?? 0)]));

  const names = ["bare", ...NAMES];
  const line = (/** @type {string} */ title, /** @type {Row} */ row, /** @type {number} */ digits) => [
    title,
    ...names.map((name) => row[name]?.toFixed(digits) ?? "–"),
    ratio(row),
  ];
  printTable([
    ["medians", "bare fetch", ...NAMES, "ours to fal"],
    ...Object.entries(start).map(([runtime, row]) =>
      line(`import to first request in ${runtime}, ms`, row, 1),
    ),
    line("processor time of a job beyond bare fetch, ms", processor, 2),
    line("memory of a waiting job, bytes", memory, 0),
    line("of that outside the heap, bytes", external, 0),
    line("memory of a waiting job as the system counts it (RSS), bytes", rss, 0),
  ]);
  const all = { ...start, processor, memory, rss };
  const ratioToFal = Object.fromEntries(Object.entries(all).map(([what, row]) => [what, ratio(row)]));
  console.log(JSON.stringify({ start, processor, memory, rss, ratioToFal }));
});

/** Medians of rounds in which the clients take turns. */
async function costs() {
  const kinds = /** @type {const} */ (["processor", "heap", "external", "rss"]);
  const values = Object.fromEntries(
    kinds.map((kind) => [
      kind,
      Object.fromEntries(NAMES.map((name) => [name, /** @type {number[]} */ ([])])),
    ]),
  );
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of NAMES) {
      const { client, bare } = await processorTime(name);
      const waiting = await waitingMemory(name);
      const round = { processor: client - bare, ...waiting };
      for (const kind of kinds) values[kind]?.[name]?.push(round[kind]);
    }
  }
  return /** @type {Record<typeof kinds[number], Row>} */ (
    Object.fromEntries(Object.entries(values).map(([kind, times]) => [kind, mediansOf(times)]))
  );
}

/**
 * @param {Record<string, number[]>} values by client
 * @returns {Row}
 */
function mediansOf(values) {
  const entries = Object.entries(values).map(([name, list]) => [name, Number(median(list).toFixed(3))]);
  return Object.fromEntries(entries);
}

/**
 * How much more than fal's ours is.
 *
 * @param {Row} row
 */
function ratio({ ours = Number.NaN, fal = Number.NaN }) {
  return Number((ours / fal).toFixed(2));
}
