// @ts-check
// Whether jobs leave anything behind: one Upscaler does 3,000, 100 at a time, with every kind of failure among them. In a
// process of its own that exposes the garbage collector, on a virtual clock.
import { preload, UpscaleError, Upscaler } from "../../dist/node.js";
import { virtualClock } from "../kit/clock.mjs";
import { random } from "../kit/rng.mjs";

const jobs = 3000;
const AT_A_TIME = 100;
/** How many jobs there are between two measurements. The last is compared with the first. */
const LEG = 1000;
/** How much larger the last may be, in bytes. */
const ALLOWED = 1024 * 1024;

/** What happens to a job, how many of a hundred it happens to, and how the call is to end then. */
const FATES = /** @type {const} */ ({
  done: { share: 60, end: "success" },
  "a file": { share: 5, end: "success" },
  "a poll is a web page": { share: 5, end: "success" },
  "the reply to its create is lost once": { share: 5, end: "success" },
  "the reply to its create is lost each time": { share: 5, end: "outcome-unknown" },
  "its create is refused": { share: 5, end: "insufficient-credits" },
  "its task fails": { share: 5, end: "generation-failed" },
  "it is aborted in its create": { share: 5, end: "aborted" },
  "it is aborted between two polls": { share: 5, end: "aborted" },
});
/** @typedef {keyof typeof FATES} Fate */
const LOT = /** @type {Fate[]} */ (Object.keys(FATES)).flatMap((fate) =>
  Array.from({ length: FATES[fate].share }, () => fate),
);

const REASON = new Error("the user left");
const PHOTO = new Blob([new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 32, 0, 32])]);
/** The beginning of a PNG of 1680 × 1120 pixels. */
const RESULT = Buffer.from("89504e470d0a1a0a0000000d4948445200000690000004600802000000", "hex");

let unhandled = 0;
process.on("unhandledRejection", (error) => {
  unhandled += 1;
  console.error("An unhandled rejection:", error);
});

const chance = random(1);
const { gateway, tasks, forget } = makeGateway();
const upscaler = new Upscaler({ token: "t", baseUrl: "https://gateway.example", fetch: gateway });
// Loads the WebAssembly, before the clock stands; and the package tells nobody where its memory is.
/** @type {unknown[]} */
let exported = [];
const { instantiate } = WebAssembly;
Object.assign(WebAssembly, {
  // Of bytes, as the package has them; of a module, as Node's own fetch has one.
  instantiate: async (/** @type {any} */ source, /** @type {WebAssembly.Imports} */ imports) => {
    const made = /** @type {any} */ (await instantiate(source, imports));
    exported = Object.values((made.instance ?? made).exports);
    return made;
  },
});
await preload();
const memory = /** @type {WebAssembly.Memory} */ (
  exported.find((value) => value instanceof WebAssembly.Memory)
);
const clock = virtualClock({ after() {} });

/** @type {Record<string, number>} */
const ends = {};
/** @type {Set<string>} */
const wrong = new Set();
/** In bytes. */
let [first, last] = [
  { heap: Infinity, wasm: Infinity },
  { heap: Infinity, wasm: Infinity },
];
console.log("  jobs   heap, KB   wasm, KB");
for (let begun = 0; begun < jobs; begun += LEG) {
  await clock.until(leg());
  await clock.until(tidy());
  last = await measure();
  if (begun === 0) first = last;
  const columns = [begun + LEG, Math.round(last.heap / 1024), Math.round(last.wasm / 1024)];
  console.log(columns.map((column, index) => String(column).padStart(index === 0 ? 6 : 10)).join(" "));
}

const grown = { heap: last.heap - first.heap, wasm: last.wasm - first.wasm };
for (const [what, bytes] of Object.entries(grown)) {
  if (!(bytes <= ALLOWED)) wrong.add(`The ${what} has grown by ${bytes} bytes since job ${LEG}.`);
}
if (unhandled > 0) wrong.add(`There were ${unhandled} unhandled rejections.`);
if (tasks.made !== tasks.expected) wrong.add(`${tasks.made} tasks were made, and not ${tasks.expected}.`);
console.log("");
for (const [end, count] of Object.entries(ends)) console.log(`${String(count).padStart(6)} ${end}`);
for (const text of wrong) console.log(text);
console.log(JSON.stringify({ jobs, atATime: AT_A_TIME, first, last, grown, unhandled, tasks, ends }));
if (wrong.size > 0) process.exitCode = 1;

async function leg() {
  let left = LEG;
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      while (left > 0) {
        left -= 1;
        await play();
      }
    }),
  );
}

/** One job, and whether it ended as it had to. */
async function play() {
  const fate = LOT[Math.floor(chance() * LOT.length)] ?? "done";
  const controller = new AbortController();
  const { signal } = controller;
  if (fate !== "its create is refused") tasks.expected += 1;
  const image = fate === "a file" ? PHOTO : `https://host.example/${encodeURIComponent(fate)}/photo.jpg`;
  const abort = () => controller.abort(REASON);
  const onUpdate = (/** @type {{ state: string }} */ { state }) => {
    if (fate === "it is aborted between two polls" && state === "submitted") clock.sleep(500).then(abort);
  };
  if (fate === "it is aborted in its create") clock.sleep(500).then(abort);
  /** @type {string} */
  let end = "success";
  try {
    await upscaler.upscale(image, { signal, onUpdate });
  } catch (error) {
    if (error === REASON) end = "aborted";
    else end = error instanceof UpscaleError ? error.kind : String(error);
  }
  ends[end] = (ends[end] ?? 0) + 1;
  if (end !== FATES[fate].end) wrong.add(`Where ${fate}, a job ended with ${end}.`);
}

/** What is to be done about jobs that were cut off: else they stay in the store, since they may be charged. */
async function tidy() {
  for (const job of await upscaler.pending()) {
    if (job.taskId !== null) await upscaler.resume(job).result();
    else await upscaler.forget(job);
  }
  forget();
}

async function measure() {
  // What waits for a collection to be let go needs another one.
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { heap: process.memoryUsage().heapUsed, wasm: memory.buffer.byteLength };
}

/** A gateway that makes one task of all creates with one key, and forgets a task when its end was told. */
function makeGateway() {
  const tasks = { made: 0, expected: 0 };
  /** @type {Map<string, { fate: string, doneAt: number, asked: number }>} */
  const known = new Map();
  const envelope = (/** @type {unknown} */ data, code = 200) => Response.json({ code, msg: "…", data });
  const lost = () => Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNRESET" } }));

  /** @param {Request} request */
  async function gateway(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/result.png") return new Response(RESULT);
    if (pathname.endsWith("/file-stream-upload")) {
      return envelope({ downloadUrl: "https://host.example/done/photo.jpg" });
    }
    return pathname.endsWith("/createTask") ? create(request) : poll(searchParams.get("taskId") ?? "");
  }

  /** @param {Request} request */
  async function create(request) {
    const { input } = await request.json();
    const fate = decodeURIComponent(input.image.split("/").at(-2));
    if (fate === "its create is refused") return envelope(null, 402);
    const taskId = request.headers.get("idempotency-key") ?? "";
    const task = known.get(taskId) ?? { fate, doneAt: clock.now() + 8000 + 4000 * chance(), asked: 0 };
    if (task.asked === 0) tasks.made += 1;
    known.set(taskId, task);
    task.asked += 1;
    if (fate === "the reply to its create is lost each time") return lost();
    if (fate === "the reply to its create is lost once" && task.asked === 1) return lost();
    await clock.sleep(fate === "it is aborted in its create" ? 10_000 : 100 * chance());
    return envelope({ taskId });
  }

  /** @param {string} taskId */
  async function poll(taskId) {
    await clock.sleep(100 * chance());
    const task = known.get(taskId);
    if (task === undefined) return envelope(null, 422);
    task.asked += 1;
    if (task.fate === "a poll is a web page" && task.asked === 2) return new Response("<!doctype html>");
    if (clock.now() < task.doneAt) return envelope({ taskId, state: "generating" });
    known.delete(taskId);
    if (task.fate === "its task fails") return envelope({ taskId, state: "fail", failMsg: "no" });
    const resultJson = JSON.stringify({ resultUrls: ["https://files.example/result.png"] });
    return envelope({ taskId, state: "success", resultJson });
  }

  // Some tasks are never asked for.
  return { gateway, tasks, forget: () => known.clear() };
}
