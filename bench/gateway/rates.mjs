// @ts-check
// How many calls the gateway answers in a second, beside a Worker that only forwards them.
import { startChild } from "../child.mjs";
import { median } from "../statistics.mjs";
import { bearers, KEY, startOwnGateway, startUpstream } from "./setup.mjs";

const RUNS = 5;
const CREATES = 400;
const READS = 800;
const AT_ONCE = 16;
/** How many calls are timed one by one. */
const ALONE = 50;
const IMAGE = "https://host.example/photo.jpg";

/** @typedef {{ url: string, bearers: string[], tasks: string[] }} Server */
/** @typedef {{ ours: number, forwarder: number }} Pair */

/**
 * Medians of runs that alternate between the two. Nothing limits either of them.
 *
 * @param {string} storage the folder in which the gateways store
 * @param {(text: string) => void} say
 * @returns {Promise<Record<"create" | "read" | "alone", Pair>>}
 */
export async function rates(storage, say) {
  const upstream = await startUpstream();
  const forwarder = startChild("gateway/forwarder");
  /** @type {Record<string, Pair>[]} */
  const runs = [];
  try {
    const { url } = await forwarder.ask({ KEY, BASE_URL: upstream.url });
    for (let nth = 1; nth <= RUNS; nth += 1) {
      say(`Run ${nth} of ${RUNS}`);
      // A new one each time: tasks do not end here, and the gateway polls each of them after 15 s.
      const gateway = await startOwnGateway(upstream.url, storage, "0");
      try {
        /** @type {Server} */
        const ours = { url: gateway.url, bearers, tasks: [] };
        /** @type {Server} */
        const theirs = { url, bearers: ["nobody"], tasks: [] };
        const both = async (/** @type {(server: Server) => Promise<number>} */ measure) => ({
          ours: await measure(ours),
          forwarder: await measure(theirs),
        });
        await both((server) => creates(server, CREATES / 2));
        runs.push({
          create: await both((server) => creates(server, CREATES)),
          read: await both((server) => reads(server, READS)),
          alone: await both(alone),
        });
      } finally {
        await gateway.close();
      }
    }
  } finally {
    await forwarder.close();
    await upstream.close();
  }
  const of = (/** @type {string} */ what) => ({
    ours: median(runs.map((run) => run[what]?.ours ?? Number.NaN)),
    forwarder: median(runs.map((run) => run[what]?.forwarder ?? Number.NaN)),
  });
  return { create: of("create"), read: of("read"), alone: of("alone") };
}

/**
 * One call, whose reply has to be good.
 *
 * @param {string} url
 * @param {string | undefined} bearer
 * @param {unknown} [body]
 */
async function call(url, bearer, body) {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  const reply = /** @type {any} */ (await response.json());
  if (reply.code !== 200) throw new Error(`${url} was answered ${JSON.stringify(reply)}`);
  return reply.data;
}

/** @param {Server} server @param {number} nth */
async function create({ url, bearers, tasks }, nth) {
  const body = { model: "recraft/crisp-upscale", input: { image: IMAGE } };
  const { taskId } = await call(`${url}/api/v1/jobs/createTask`, bearers[nth % bearers.length], body);
  tasks[nth] = taskId;
}

/** createTasks in a second. @param {Server} server @param {number} count */
const creates = (server, count) => rate(count, (nth) => create(server, nth));

/** recordInfos in a second. @param {Server} server @param {number} count */
function reads({ url, bearers, tasks }, count) {
  return rate(count, async (nth) => {
    const at = nth % tasks.length;
    await call(`${url}/api/v1/jobs/recordInfo?taskId=${tasks[at]}`, bearers[at % bearers.length]);
  });
}

/** The median time of a createTask when it is the only one, in milliseconds. @param {Server} server */
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
