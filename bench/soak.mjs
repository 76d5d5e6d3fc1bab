// @ts-check
// Whether anything is left behind or lost while every tenth request breaks: 50,000 jobs (or `--jobs 1000`) of the
// built package, over real connections to a service in another process. Time runs faster for the client. A third of
// the jobs goes straight to the API, a third to a gateway, a third to a gateway that pushes.
import { getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { UpscaleError, Upscaler } from "../dist/node.js";
import { random } from "../tests/kit/rng.mjs";
import { hurry } from "../tests/kit/time.mjs";
import { startChild } from "./child.mjs";

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "50000" },
    seed: { type: "string", default: "1" },
    speed: { type: "string", default: "50" },
  },
});
const jobs = Number(values.jobs);
/** How many jobs there are between two measurements. */
const LEG = Math.max(Math.floor(jobs / 20), 250);
const AT_A_TIME = 120;
/** How many times as fast time runs for the client. Beside other work it must be slower, or a busy moment is a timeout. */
const SPEED = Number(values.speed);
/** How many jobs straight at the API one `Upscaler` makes: its limiter lets no more than 20 pass at once. */
const SHARE = 15;
/** How many of a hundred jobs are of a file, and how many are aborted once their task is made. */
const FILES = 10;
const ABORTED = 5;
/**
 * How much more there may be at the end than after the first leg, in bytes. What the WebAssembly once had it keeps, and that
 * is as much as the longest replies took that ever came at the same moment. The process's own memory, which
 * the allocator fills up at first, is compared with the middle.
 */
const ALLOWED = { heap: 2 * 1024 * 1024, wasm: 8 * 1024 * 1024, rss: 64 * 1024 * 1024 };

const REASON = new Error("the user left");
const PHOTO = Buffer.from("89504e470d0a1a0a0000000d494844520000004000000040080200000000000000", "hex");
/** How a call may end. */
const ENDS = [
  "success",
  "generation-failed",
  "outcome-unknown",
  "unreachable",
  "bad-reply",
  "server-error",
  "rate-limited",
  "aborted",
];

let unhandled = 0;
process.on("unhandledRejection", (error) => {
  unhandled += 1;
  console.error("An unhandled rejection:", error);
});
let warnings = 0;
process.on("warning", (warning) => {
  warnings += 1;
  console.error(warning);
});

const service = startChild("soak/service", { args: [values.seed] });
/** @type {string} */
const url = await service.next();

hurry(SPEED);
const chance = random(Number(values.seed) + 1);
/** One that every job has, and nobody aborts. */
const { signal } = new AbortController();
const gateways = ["/gateway", "/push"].map((path) => new Upscaler({ baseUrl: `${url}${path}`, token: "t" }));
// The package tells nobody where its memory is, and Node's fetch has some of its own: so all that there is.
/** @type {WebAssembly.Memory[]} */
const memories = [];
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (/** @type {any} */ source, /** @type {any} */ imports) => {
  const made = /** @type {any} */ (await instantiate(source, imports));
  for (const each of Object.values((made.instance ?? made).exports)) {
    if (each instanceof WebAssembly.Memory) memories.push(each);
  }
  return made;
};
await gateways[0]?.upscale("no URL").catch(() => {});

/** @type {Record<string, number>} */
const ends = {};
/** @type {Set<string>} */
const wrong = new Set();
/** What each job's caller was told: 1 that a task was made, 0 that none was, -1 that nobody can know. */
const told = new Int8Array(jobs);
let next = 0;

/** @typedef {Awaited<ReturnType<typeof measure>>} Measured */
/** @type {Measured[]} */
const measured = [];
const began = process.hrtime.bigint();
console.log("   jobs  heap, KB  wasm, KB   rss, MB  timers  sockets  connections  listeners");
while (next < jobs) {
  const until = Math.min(jobs, next + LEG);
  await Promise.all(Array.from({ length: AT_A_TIME }, (_, lane) => work(lane % 3, until)));
  await tidy();
  const now = await measure();
  measured.push(now);
  const { heap, wasm, rss, timers, sockets, connections, listeners } = now;
  const sizes = [Math.round(heap / 1024), Math.round(wasm / 1024), Math.round(rss / 1024 / 1024)];
  const columns = [next, ...sizes, timers, sockets, connections, listeners];
  const widths = [7, 10, 10, 10, 8, 9, 13, 11];
  console.log(columns.map((column, at) => String(column).padStart(widths[at] ?? 0)).join(""));
}
const seconds = Number(process.hrtime.bigint() - began) / 1e9;

const { made, faults, requests } = await service.ask("ledger");
await service.close();
const befell = Object.values(faults).reduce((sum, count) => sum + count, 0);
let twice = 0;
let lost = 0;
for (let n = 0; n < jobs; n += 1) {
  const tasks = made[n] ?? 0;
  if (tasks > 1) twice += 1;
  // A task of which its caller knows nothing, and is not told so; or one told of that is none.
  if (told[n] !== -1 && tasks !== told[n]) lost += 1;
}
const first = /** @type {Measured} */ (measured[0]);
const middle = /** @type {Measured} */ (measured[Math.floor(measured.length / 2)]);
const last = /** @type {Measured} */ (measured.at(-1));
for (const [what, allowed] of Object.entries(ALLOWED)) {
  const key = /** @type {keyof typeof ALLOWED} */ (what);
  const grown = last[key] - (key === "rss" ? middle : first)[key];
  // Also where it is no number.
  if (!(grown <= allowed)) wrong.add(`${what} has grown by ${grown} bytes.`);
}
for (const what of /** @type {const} */ (["timers", "sockets", "connections", "listeners"])) {
  if (last[what] > 0) wrong.add(`${last[what]} ${what} are left.`);
}
if (last.wasm === 0) wrong.add("The WebAssembly's memory was not found.");
if (unhandled > 0) wrong.add(`There were ${unhandled} unhandled rejections.`);
if (warnings > 0) wrong.add(`There were ${warnings} warnings.`);
if (twice > 0) wrong.add(`${twice} jobs were billed twice.`);
if (lost > 0) wrong.add(`${lost} jobs were not told the truth about their task.`);

console.log("");
for (const [end, count] of Object.entries(ends)) console.log(`${String(count).padStart(7)} ${end}`);
console.log("");
for (const [name, count] of Object.entries(faults)) console.log(`${String(count).padStart(7)} ${name}`);
for (const text of wrong) console.log(text);
const summary = { jobs, requests, befell, seconds: Math.round(seconds), twice, lost, unhandled, warnings };
console.log(JSON.stringify({ ...summary, ends, faults, first, middle, last, wrong: [...wrong] }));
// A timer that was left would keep it from ending.
process.exit(wrong.size > 0 ? 1 : 0);

/** One caller, who has one job after another. @param {number} way @param {number} until */
async function work(way, until) {
  for (let count = 0, upscaler = gateways[way - 1]; next < until; count += 1) {
    if (way === 0 && count % SHARE === 0) upscaler = new Upscaler({ baseUrl: `${url}/api`, apiKey: "k" });
    const n = next;
    next += 1;
    if (upscaler !== undefined) await play(upscaler, n);
  }
}

/** @param {Upscaler} upscaler @param {number} n */
async function play(upscaler, n) {
  const lot = chance() * 100;
  const isFile = lot < FILES;
  const leaves = lot > 100 - ABORTED;
  const controller = new AbortController();
  /** @type {string | null} */
  let taskId = null;
  const image = isFile ? new Blob([PHOTO, `job${n}.`]) : `https://host.example/job${n}.png`;
  /** @type {string} */
  let end = "success";
  try {
    const result = await upscaler.upscale(image, {
      signal: leaves ? controller.signal : signal,
      onUpdate: (update) => {
        taskId = update.taskId ?? taskId;
        if (leaves && update.state === "submitted") controller.abort(REASON);
      },
    });
    ({ taskId } = result);
  } catch (error) {
    if (error === REASON) end = "aborted";
    else if (error instanceof UpscaleError) {
      ({ kind: end, taskId } = error);
      if (end === "outcome-unknown") told[n] = -1;
      else if (end !== "generation-failed" && error.charged !== "no") wrong.add(`${end}: ${error.charged}`);
    } else end = String(error);
  }
  if (!ENDS.includes(end)) wrong.add(`A job ended with ${end}.`);
  if (taskId !== null && !taskId.startsWith(`job${n}.`)) wrong.add(`Job ${n} was given ${taskId}.`);
  if (end !== "outcome-unknown") told[n] = taskId === null ? 0 : 1;
  ends[end] = (ends[end] ?? 0) + 1;
}

/** What is to be done about jobs that were cut off: else they stay in the store, since they may be charged. */
async function tidy() {
  for (const upscaler of gateways) {
    for (const pending of await upscaler.pending()) await upscaler.forget(pending);
  }
}

async function measure() {
  // Until the other side has seen every connection end that is kept for a next request.
  let connections = await service.ask("connections");
  for (let round = 0; connections > 0 && round < 500; round += 1) {
    await sleep(10);
    connections = await service.ask("connections");
  }
  // What waits for a collection to be let go needs another one.
  for (let round = 0; round < 8; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed: heap, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const count = (/** @type {string} */ name) => resources.filter((resource) => resource === name).length;
  return {
    heap,
    wasm: memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
    rss,
    timers: count("Timeout"),
    sockets: count("TCPSocketWrap") + count("TCPWRAP"),
    connections,
    listeners: getEventListeners(signal, "abort").length,
  };
}
