// @ts-check
// How many createTasks a second the gateway keeps up with, and what happens beyond its limit.
import { setTimeout } from "node:timers/promises";
import { startChild } from "../child.mjs";
import { percentile } from "../statistics.mjs";
import { bearers, OWNER_TOKEN, startOwnGateway, startUpstream } from "./setup.mjs";

/** The load before each measurement: requests per second, and seconds. */
const WARM = { rate: 50, seconds: 2 };
/** Duration of each step of the rising load, in seconds. */
const STEP = 6;
/** The first and the last rate of the doubling, in requests per second. */
const FIRST = 25;
const LAST = 3_200;
/** How long the gateway is sent more than its limit, in seconds. */
const BEYOND = 20;
/** How long to wait for the queue to drain, in seconds. The gateway promises five minutes. */
const DRAIN = 330;

/** @typedef {import("./generator.mjs").Answers} Answers */
/** @typedef {{ answers: Answers, unknown: number, lost: number, extra: number }} Audit */
/** @typedef {Audit & { rate: number, answered: number, p50: number, p95: number, p99: number, held: boolean }} Step */

/**
 * @param {string} storage the folder in which the gateways store
 * @param {(text: string) => void} say
 */
export async function load(storage, say) {
  const generator = startChild("gateway/generator");
  try {
    say("A rising load, with no limit");
    const rising = await riseLoad((rate) => measure("0", rate, STEP), say);
    const [limit, rate] = [rising.half.rate, rising.full.rate * 2];
    say(`CREATE_LIMIT=${limit}/1 and ${rate} requests a second for ${BEYOND} s, until the queue is empty`);
    const begun = performance.now();
    const beyond = await measure(`${limit}/1`, rate, BEYOND);
    return { ...rising, limit, rate, beyond, drainedAfter: (performance.now() - begun) / 1000 };
  } finally {
    await generator.close();
  }

  /**
   * Sends a load to a new gateway, waits until everything accepted has arrived, and compares it with the sandbox's ledger.
   *
   * @param {string} limit
   * @param {number} rate
   * @param {number} seconds
   * @returns {Promise<Audit>}
   */
  async function measure(limit, rate, seconds) {
    const upstream = await startUpstream();
    const gateway = await startOwnGateway(upstream.url, storage, limit);
    /** @returns {Promise<{ made: number, unknown: number }>} how many createTasks the service has answered, or not */
    const sent = async () => {
      const headers = { authorization: `Bearer ${OWNER_TOKEN}` };
      const { codes } = await (await fetch(`${gateway.url}/counters`, { headers })).json();
      return { made: codes["200"] ?? 0, unknown: codes["0"] ?? 0 };
    };
    try {
      /** @type {Answers} */
      const warm = await generator.ask({ url: gateway.url, bearers, ...WARM, name: "warm" });
      /** @type {Answers} */
      const answers = await generator.ask({ url: gateway.url, bearers, rate, seconds, name: "measured" });
      const accepted = warm.accepted.length + answers.accepted.length;
      let { made, unknown } = await sent();
      for (let waited = 0; waited < DRAIN && made + unknown < accepted; waited += 1) {
        await setTimeout(1000);
        ({ made, unknown } = await sent());
      }
      const ledger = await (await fetch(`${upstream.url}/sandbox/ledger`)).json();
      const { tasks } = /** @type {import("../../dist/sandbox/types.js").Ledger} */ (ledger);
      const images = tasks.map(({ image }) => image).filter((image) => image.includes("/measured/"));
      const once = new Set(images);
      const wanted = new Set(answers.accepted.map((nth) => `https://host.example/measured/${nth}.jpg`));
      return {
        answers,
        unknown,
        lost: Math.max(0, [...wanted].filter((image) => !once.has(image)).length - unknown),
        // Two tasks of one call are one too many as well.
        extra: images.length - [...once].filter((image) => wanted.has(image)).length,
      };
    } finally {
      await gateway.close();
      await upstream.close();
    }
  }
}

/**
 * Doubles the load until the gateway falls behind, tries two rates in between, and half of the best.
 *
 * @param {(rate: number) => Promise<Audit>} measure
 * @param {(text: string) => void} say
 */
async function riseLoad(measure, say) {
  /** @type {Map<number, Step>} */
  const steps = new Map();
  const tryRate = async (/** @type {number} */ rate) => {
    const audit = await measure(rate);
    const { acceptedMs, others, refused, unsent, answeredInTime } = audit.answers;
    if (others.length + refused > 0)
      throw new Error(`${refused} were refused, others: ${others.slice(0, 5)}`);
    const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((share) => percentile(acceptedMs, share));
    const answered = answeredInTime / STEP;
    const step = { ...audit, rate, answered, p50, p95, p99, held: unsent === 0 && answered >= 0.9 * rate };
    steps.set(rate, step);
    say(`${rate}/s: ${answered.toFixed(0)}/s answered, p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`);
    return step;
  };
  let [best, worst] = [0, FIRST];
  while (worst <= LAST && (await tryRate(worst)).held) [best, worst] = [worst, worst * 2];
  for (let nth = 0; nth < 2 && best > 0; nth += 1) {
    const between = Math.round((best + worst) / 2);
    if ((await tryRate(between)).held) best = between;
    else worst = between;
  }
  const full = steps.get(best);
  if (full === undefined) throw new Error(`The gateway did not keep up with ${FIRST} requests a second.`);
  const half = steps.get(Math.round(best / 2)) ?? (await tryRate(Math.round(best / 2)));
  return { steps: [...steps.values()].sort((a, b) => a.rate - b.rate), full, half };
}
