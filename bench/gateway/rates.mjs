// @ts-check
// How many calls the gateway answers in a second, beside a Worker that only forwards them.
import { join } from "node:path";
import { mintToken } from "../../dist/node.js";
import { startGateway } from "../../scripts/gateway.mjs";
import { median } from "./median.mjs";
import { started } from "./started.mjs";

const KEY = "sk-0123456789abcdef0123456789abcdef";
const TOKEN_SECRET = "tokens are signed with this and nothing else";
const RUNS = 5;
const CREATES = 400;
const READS = 800;
const AT_ONCE = 16;
/** For what one call takes, by itself. */
const ALONE = 50;
/** How many callers share the calls, as their budgets are kept one by one. */
const CALLERS = 20;
const IMAGE = "https://host.example/photo.jpg";

/** @typedef {{ url: string, bearers: string[], tasks: string[] }} Server */

/**
 * Medians of runs that take turns. Nothing limits either of them.
 *
 * @param {string} storage the folder in which the gateway stores
 * @param {(text: string) => void} say
 */
export async function rates(storage, say) {
  const upstream = await started("gateway/upstream.mjs", { KEY });
  const forwarder = await started("gateway/forwarder.mjs", {}, { KEY, BASE_URL: upstream.url });
  const subs = Array.from({ length: CALLERS }, (_, nth) => `caller ${nth}`);
  const bearers = await Promise.all(subs.map((sub) => mintToken({ secret: TOKEN_SECRET, sub })));
  /** @type {Record<"create" | "read" | "alone", [number, number]>[]} */
  const runs = [];
  try {
    for (let nth = 1; nth <= RUNS; nth += 1) {
      say(`Run ${nth} of ${RUNS}`);
      // A new one each time: tasks do not end here, and 15 s after each the gateway looks at it.
      const gateway = await startGateway({
        storage: join(storage, String(nth)),
        settings: {
          KIE_API_KEY: KEY,
          BASE_URL: upstream.url,
          UPLOAD_BASE_URL: upstream.url,
          TOKEN_SECRET,
          CREATE_LIMIT: "0",
          TASKS_PER_HOUR: "none",
        },
      });
      try {
        /** @type {Server} */
        const ours = { url: gateway.url, bearers, tasks: [] };
        /** @type {Server} */
        const theirs = { url: forwarder.url, bearers: ["nobody"], tasks: [] };
        for (const server of [ours, theirs]) await creates(server, CREATES / 2);
        runs.push({
          create: [await creates(ours, CREATES), await creates(theirs, CREATES)],
          read: [await reads(ours, READS), await reads(theirs, READS)],
          alone: [await alone(ours), await alone(theirs)],
        });
      } finally {
        await gateway.close();
      }
    }
    /** @param {"create" | "read" | "alone"} what @param {0 | 1} which */
    const of = (what, which) => median(runs.map((run) => run[what][which] ?? Number.NaN));
    return {
      create: { ours: of("create", 0), forwarder: of("create", 1) },
      read: { ours: of("read", 0), forwarder: of("read", 1) },
      alone: { ours: of("alone", 0), forwarder: of("alone", 1) },
    };
  } finally {
    await forwarder.close();
    await upstream.close();
  }
}

/**
 * createTasks in a second.
 *
 * @param {Server} server
 * @param {number} count
 */
const creates = (server, count) => rate(count, (nth) => create(server, nth));

/**
 * @param {Server} server
 * @param {number} nth
 */
async function create({ url, bearers, tasks }, nth) {
  const response = await fetch(`${url}/api/v1/jobs/createTask`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${bearers[nth % bearers.length]}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ model: "recraft/crisp-upscale", input: { image: IMAGE } }),
  });
  const reply = /** @type {any} */ (await response.json());
  if (reply.code !== 200) throw new Error(`createTask was answered ${JSON.stringify(reply)}`);
  tasks[nth] = reply.data.taskId;
}

/**
 * recordInfos in a second.
 *
 * @param {Server} server
 * @param {number} count
 */
function reads({ url, bearers, tasks }, count) {
  return rate(count, async (nth) => {
    const at = nth % tasks.length;
    const response = await fetch(`${url}/api/v1/jobs/recordInfo?taskId=${tasks[at]}`, {
      headers: { authorization: `Bearer ${bearers[at % bearers.length]}` },
    });
    const reply = /** @type {any} */ (await response.json());
    if (reply.code !== 200) throw new Error(`recordInfo was answered ${JSON.stringify(reply)}`);
  });
}

/**
 * The median time of a createTask when it is the only one, in milliseconds.
 *
 * @param {Server} server
 */
async function alone(server) {
  const times = [];
  for (let nth = 0; nth < ALONE; nth += 1) {
    const begun = performance.now();
    await create(server, nth);
    times.push(performance.now() - begun);
  }
  return median(times);
}

/**
 * @param {number} count
 * @param {(nth: number) => Promise<void>} call
 */
async function rate(count, call) {
  let next = 0;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) await call(next++);
    }),
  );
  return (count * 1000) / (performance.now() - begun);
}
