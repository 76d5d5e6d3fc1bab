// @ts-check
// What a refusal costs the gateway beside an acceptance, in processor time of workerd.
import { readFile } from "node:fs/promises";
import { bearers, startOwnGateway, startUpstream } from "./setup.mjs";

const CALLS = 1_000;
const AT_ONCE = 16;
/** With so slow a rate the queue has a single place. */
const [NO_LIMIT, ONE_AT_A_TIME] = ["0", "1/400"];
/** What the system counts processor time in, per second, on every Linux. */
const TICKS = 100;

/**
 * The processor time of a createTask in milliseconds, accepted and refused; nothing on a system that does not tell.
 *
 * @param {string} storage the folder in which the gateways store
 * @returns {Promise<{ accepted: number, refused: number } | undefined>}
 */
export async function refusal(storage) {
  if (process.platform !== "linux") return undefined;
  return { accepted: await cost(NO_LIMIT, 200), refused: await cost(ONE_AT_A_TIME, 429) };

  /** @param {string} limit @param {number} code that the calls are answered with, all but those that fill the queue */
  async function cost(limit, code) {
    const upstream = await startUpstream();
    const gateway = await startOwnGateway(upstream.url, storage, limit);
    try {
      const codes = new Map();
      const calls = async (/** @type {number} */ count) => {
        let next = 0;
        const caller = async () => {
          for (let nth = next++; nth < count; nth = next++) {
            const got = await createTask(gateway.url, bearers[nth % bearers.length] ?? "");
            codes.set(got, (codes.get(got) ?? 0) + 1);
          }
        };
        await Promise.all(Array.from({ length: AT_ONCE }, caller));
      };
      // The first is sent, and the second waits in the queue, for ten seconds at most.
      await calls(CALLS / 2);
      codes.clear();
      const before = await processorTime(gateway.pid);
      await calls(CALLS);
      const took = (await processorTime(gateway.pid)) - before;
      if (codes.get(code) !== CALLS) throw new Error(`Of ${CALLS} calls: ${JSON.stringify([...codes])}`);
      return took / CALLS;
    } finally {
      await gateway.close();
      await upstream.close();
    }
  }
}

/** @param {string} url @param {string} bearer @returns {Promise<number>} the code of the reply */
async function createTask(url, bearer) {
  const response = await fetch(`${url}/api/v1/jobs/createTask`, {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "recraft/crisp-upscale", input: { image: "https://host.example/a.jpg" } }),
  });
  return /** @type {any} */ (await response.json()).code;
}

/** What a process has taken so far, in milliseconds. @param {number} pid */
async function processorTime(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may have spaces in it.
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return ((user + system) * 1000) / TICKS;
}
