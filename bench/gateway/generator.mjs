// @ts-check
// Sends createTask requests at fixed times, whether or not earlier ones have been answered, since callers do not wait
// for each other. Runs in a process of its own and works off one order after another.
import { Agent, request } from "node:http";

/**
 * @typedef {object} Order
 * @property {string} url of the server
 * @property {string[]} bearers tokens, used in turn
 * @property {number} rate requests per second
 * @property {number} seconds duration
 * @property {string} name path of the image URLs, different in each order
 *
 * @typedef {object} Answers images are given by their number
 * @property {number[]} accepted
 * @property {number} refused answered with 429
 * @property {number} withoutRetryAfter of those
 * @property {string[]} others other answers, or none in a minute
 * @property {number} unsent left out, since too many requests were waiting
 * @property {number} answeredInTime answered before the last one was due
 * @property {number[]} acceptedMs sorted times from when a request was due to its answer
 * @property {number[]} refusedMs the same of the refused
 */

/** How many requests may wait for an answer at a time. */
const MOST_WAITING = 4_000;

/** In milliseconds. The gateway answers within 10 s. */
const TIMEOUT = 60_000;

const agent = new Agent({ keepAlive: true, maxSockets: MOST_WAITING });

process.on("message", async (/** @type {Order} */ order) => process.send?.(await generate(order)));
process.on("disconnect", () => process.exit());

/** @param {Order} order @returns {Promise<Answers>} */
async function generate({ url, bearers, rate, seconds, name }) {
  const count = Math.round(rate * seconds);
  /** @type {Answers} */
  const answers = {
    ...{ accepted: [], refused: 0, withoutRetryAfter: 0, others: [] },
    ...{ unsent: 0, answeredInTime: 0, acceptedMs: [], refusedMs: [] },
  };
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let waiting = 0;
  const send = async (/** @type {number} */ nth) => {
    waiting += 1;
    const due = begun + (nth * 1000) / rate;
    const image = `https://host.example/${name}/${nth}.jpg`;
    const bearer = bearers[nth % bearers.length] ?? "";
    const answer = await createTask(url, bearer, image).catch(String);
    const now = performance.now();
    waiting -= 1;
    if (now <= end) answers.answeredInTime += 1;
    if (typeof answer !== "string" && answer.code === 200) {
      answers.accepted.push(nth);
      answers.acceptedMs.push(now - due);
    } else if (typeof answer !== "string" && answer.code === 429) {
      answers.refused += 1;
      answers.refusedMs.push(now - due);
      if (!(Number(answer.retryAfter) > 0)) answers.withoutRetryAfter += 1;
    } else {
      answers.others.push(JSON.stringify(answer));
    }
  };
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
function createTask(url, bearer, image) {
  const body = JSON.stringify({ model: "recraft/crisp-upscale", input: { image } });
  const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const sending = request(
      `${url}/api/v1/jobs/createTask`,
      { method: "POST", agent, headers, timeout: TIMEOUT },
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
