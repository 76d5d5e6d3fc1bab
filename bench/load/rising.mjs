// @ts-check
import { percentile } from "./caller.mjs";

/** How long each step is, in seconds. */
const SECONDS = 6;
/** Where the doubling begins and where it ends at the latest, in calls a second. */
const FIRST = 25;
const LAST = 3_200;

/**
 * @typedef {object} Step
 * @property {number} rate calls that were sent in a second
 * @property {number} answered calls that were answered in a second, while they were sent
 * @property {number} p50 times of the answers, in milliseconds
 * @property {number} p95
 * @property {number} p99
 * @property {number} lost tasks that were accepted and are not in the sandbox's books
 * @property {number} extra tasks in its books that were not accepted
 * @property {boolean} held whether it kept up
 */

/**
 * A load that doubles until it is not kept up with, then what is between the last two, and half of the best.
 *
 * @param {(rate: number, seconds: number) => Promise<{ answers: import("./generator.mjs").Answers, lost: number,
 *   extra: number }>} play at a server that is new each time
 * @param {(text: string) => void} say
 * @returns {Promise<{ steps: Step[], full: Step, half: Step }>}
 */
export async function rising(play, say) {
  /** @type {Map<number, Step>} */
  const steps = new Map();
  /** @param {number} rate */
  async function step(rate) {
    const { answers, lost, extra } = await play(rate, SECONDS);
    const { acceptedMs, others, other, refused, unsent, answeredInTime } = answers;
    if (others > 0) throw new Error(`${others} calls were answered otherwise: ${other.join("; ")}`);
    if (refused.length > 0) throw new Error(`${refused.length} calls were refused where nothing limits them`);
    const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((part) => percentile(acceptedMs, part));
    const answered = answeredInTime / SECONDS;
    const held = unsent === 0 && answered >= 0.9 * rate;
    const is = { rate, answered, p50, p95, p99, lost, extra, held };
    steps.set(rate, is);
    say(`${rate}/s: ${answered.toFixed(0)}/s answered, p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`);
    return is;
  }
  let [best, worst] = [0, FIRST];
  while (worst <= LAST && (await step(worst)).held) [best, worst] = [worst, worst * 2];
  // Twice: to an eighth of what it is.
  for (let nth = 0; nth < 2 && best > 0; nth += 1) {
    const between = Math.round((best + worst) / 2);
    if ((await step(between)).held) best = between;
    else worst = between;
  }
  const full = steps.get(best);
  if (full === undefined) throw new Error(`Not even ${FIRST} calls a second were kept up with`);
  const half = steps.get(Math.round(best / 2)) ?? (await step(Math.round(best / 2)));
  return { steps: [...steps.values()].sort((a, b) => a.rate - b.rate), full, half };
}
