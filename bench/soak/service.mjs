// @ts-check
// The service of the soak, in a process of its own. It makes short tasks, as the API, as a gateway and as a gateway
// that pushes, behind the server of tests/kit/faults.mjs, which breaks every tenth request.
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { faultsOf, startFaults } from "../../tests/kit/faults.mjs";
import { random } from "../../tests/kit/rng.mjs";

/** @typedef {import("../../tests/kit/faults.mjs").Kind} Kind */
/** @typedef {{ n: number, doneAt: number, fails: boolean, url: string }} Task */

/** How many of a hundred requests go wrong. */
const RATE = 10;
/** How long a task takes at most, in milliseconds. */
const LONGEST = 40;
/** How many of a hundred tasks fail. */
const FAIL = 5;

/** The beginning of a PNG of 1680 × 1120 pixels. */
const RESULT = Buffer.from("89504e470d0a1a0a0000000d4948445200000690000004602802000000", "hex");

const chance = random(Number(process.argv[2]));
/** @type {Map<string, Task>} */
const tasks = new Map();
/** The task of an `Idempotency-Key`. @type {Map<string, string>} */
const known = new Map();
/** How many tasks were made of each job. @type {number[]} */
const made = [];
/** How often each fault befell each kind of request. @type {Record<string, number>} */
const faults = {};
let requests = 0;

// The other host is none: a redirect there is not followed but for a result, which nobody needs.
const { "a byte a second": _, ...broken } = faultsOf({ second: 0, other: "http://127.0.0.1:9" });
const html = Buffer.from("<!doctype html><title>Bad Gateway</title>");
/** @type {Record<string, import("../../tests/kit/faults.mjs").Fault>} */
const quick = {
  ...broken,
  "a proxy's page": async ({ write, end }) => {
    await write({ status: 502, headers: new Headers({ "content-type": "text/html" }), body: html });
    end();
  },
  429: async ({ write, end }) => {
    const headers = new Headers({ "retry-after": "1" });
    await write({ status: 429, headers, body: Buffer.from('{"code":429,"msg":"too many"}') });
    end();
  },
};
const names = Object.keys(quick);

/** @param {Kind} kind */
function choose(kind) {
  requests += 1;
  if (chance() * 100 >= RATE) return undefined;
  const name = names[Math.floor(chance() * names.length)] ?? "";
  faults[name] = (faults[name] ?? 0) + 1;
  return kind === "head" && name === "429" ? quick["a proxy's page"] : quick[name];
}

/** @param {unknown} data @param {number} [code] */
const envelope = (data, code = 200) => Response.json({ code, msg: "…", data });

/** @param {Request} request */
async function service(request) {
  const { pathname, searchParams, origin } = new URL(request.url);
  const base = /^\/[a-z]+/.exec(pathname)?.[0] ?? "";
  if (pathname.includes("/files/")) return new Response(RESULT);
  if (pathname.endsWith("/createTask")) return create(request, `${origin}${base}`, base === "/push");
  if (pathname.endsWith("/recordInfo")) return envelope(...record(searchParams.get("taskId") ?? ""));
  if (pathname.endsWith("/events")) return events(searchParams.getAll("taskId"));
  // A file's content tells its job.
  const n = /job(\d+)\./.exec(await request.text())?.[1];
  return envelope({ downloadUrl: `https://host.example/job${n}.png` });
}

/** @param {Request} request @param {string} base @param {boolean} pushes */
async function create(request, base, pushes) {
  const { input } = await request.json();
  const key = request.headers.get("idempotency-key");
  const n = Number(/job(\d+)\./.exec(input.image)?.[1]);
  let taskId = key === null ? undefined : known.get(key);
  if (taskId === undefined) {
    made[n] = (made[n] ?? 0) + 1;
    taskId = `job${n}.${made[n]}`;
    const doneAt = performance.now() + chance() * LONGEST;
    tasks.set(taskId, { n, doneAt, fails: chance() * 100 < FAIL, url: `${base}/files/${n}.png` });
    if (key !== null) known.set(key, taskId);
  }
  return envelope(pushes ? { taskId, events: "/api/v1/jobs/events" } : { taskId });
}

/** @param {string} taskId @returns {[data: unknown, code?: number]} */
function record(taskId) {
  const task = tasks.get(taskId);
  if (task === undefined) return [null, 422];
  if (performance.now() < task.doneAt) return [{ taskId, state: "generating" }];
  if (task.fails) return [{ taskId, state: "fail", failCode: "500", failMsg: "no" }];
  return [{ taskId, state: "success", resultJson: JSON.stringify({ resultUrls: [task.url] }) }];
}

/** Each task's present state, and its end. @param {string[]} taskIds */
function events(taskIds) {
  return new Response(/** @type {any} */ (Readable.toWeb(Readable.from(messages()))), {
    headers: { "content-type": "text/event-stream" },
  });

  async function* messages() {
    const open = new Set(taskIds);
    while (open.size > 0) {
      for (const taskId of open) {
        const [data, code = 200] = record(taskId);
        const { state } = /** @type {{ state?: string }} */ (data ?? {});
        if (state !== "generating") open.delete(taskId);
        yield Buffer.from(`event: ${taskId}\ndata: ${JSON.stringify({ code, msg: "…", data })}\n\n`);
      }
      await sleep(LONGEST);
    }
  }
}

const server = await startFaults({ keepAlive: true });
server.gamble(service, choose);
process.on("disconnect", () => process.exit());
process.on("message", async (what) => {
  if (what === "connections") process.send?.(await server.connections());
  else process.send?.({ made, faults, requests });
});
process.send?.(server.url);
