// @ts-check
// Sends createTasks at the times that a rate says, whether or not the earlier ones are answered, since callers do not
// wait for each other. In a process of its own; it does what its parent sends, one order after the other.
import { Agent, request } from "node:http";

/**
 * @typedef {object} Order
 * @property {string} url of the server
 * @property {string[]} bearers who calls, in turn
 * @property {number} rate calls in a second
 * @property {number} seconds for how long; no more than a minute
 * @property {string} name what its images are called: no two orders share one
 *
 * @typedef {object} Answers what came of an order. Images are numbers
 * @property {number[]} accepted the images of which a task was made, or will be
 * @property {number[]} refused those that were refused with 429
 * @property {string[]} other what else came, a few of them
 * @property {number} others how many of those
 * @property {number} withoutRetryAfter how many of `refused` did not say when to come again
 * @property {number} unsent how many were left out, since too many waited for an answer
 * @property {number} answeredInTime how many were answered before the last was to be sent
 * @property {number[]} acceptedMs from the time at which it was to be sent to its answer, sorted
 * @property {number[]} refusedMs the same of `refused`
 */

/** How many calls may wait for an answer at a time. */
const MOST_WAITING = 4_000;

/** How long an answer may take, in milliseconds. The gateway's is due within 10 s. */
const PATIENCE = 60_000;

const agent = new Agent({ keepAlive: true, maxSockets: MOST_WAITING });

process.on("message", async (/** @type {Order} */ order) => process.send?.(await generate(order)));
process.on("disconnect", () => process.exit());

/** @param {Order} order @returns {Promise<Answers>} */
async function generate({ url, bearers, rate, seconds, name }) {
  const count = Math.round(rate * Math.min(seconds, 60));
  /** @type {Answers} */
  const answers = {
    accepted: [],
    refused: [],
    other: [],
    others: 0,
    withoutRetryAfter: 0,
    unsent: 0,
    answeredInTime: 0,
    acceptedMs: [],
    refusedMs: [],
  };
  const begun = performance.now();
  const over = begun + (count * 1000) / rate;
  let waiting = 0;
  /** @param {number} nth */
  async function send(nth) {
    waiting += 1;
    const due = begun + (nth * 1000) / rate;
    const image = `https://host.example/${name}/${nth}.jpg`;
    const came = await call(url, bearers[nth % bearers.length] ?? "", image).catch((error) => `${error}`);
    const now = performance.now();
    waiting -= 1;
    if (now <= over) answers.answeredInTime += 1;
    if (typeof came !== "string" && came.code === 200) {
      answers.accepted.push(nth);
      answers.acceptedMs.push(now - due);
    } else if (typeof came !== "string" && came.code === 429) {
      answers.refused.push(nth);
      answers.refusedMs.push(now - due);
      if (!(Number(came.retryAfter) > 0)) answers.withoutRetryAfter += 1;
    } else {
      answers.others += 1;
      if (answers.other.length < 5)
        answers.other.push(typeof came === "string" ? came : JSON.stringify(came));
    }
  }
  /** @type {Promise<void>[]} */
  const sent = [];
  for (let nth = 0; nth < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - begun) * rate) / 1000) + 1);
    for (; nth < due; nth += 1) {
      if (waiting < MOST_WAITING) sent.push(send(nth));
      else answers.unsent += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(sent);
  for (const times of [answers.acceptedMs, answers.refusedMs]) times.sort((a, b) => a - b);
  return answers;
}

/**
 * @param {string} url
 * @param {string} bearer
 * @param {string} image
 * @returns {Promise<{ code: number, retryAfter: string | undefined }>}
 */
function call(url, bearer, image) {
  const body = JSON.stringify({ model: "recraft/crisp-upscale", input: { image } });
  const headers = {
    authorization: `Bearer ${bearer}`,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    const sending = request(
      `${url}/api/v1/jobs/createTask`,
      { method: "POST", agent, headers, timeout: PATIENCE },
      async (response) => {
        try {
          let text = "";
          for await (const chunk of response.setEncoding("utf8")) text += chunk;
          resolve({ code: JSON.parse(text).code, retryAfter: response.headers["retry-after"] });
        } catch (error) {
          reject(error);
        }
      },
    );
    sending.on("timeout", () => sending.destroy(new Error("no answer in a minute")));
    sending.on("error", reject);
    sending.end(body);
  });
}
