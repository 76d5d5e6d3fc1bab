// @ts-check
import { fork } from "node:child_process";
import { once } from "node:events";
import { root } from "../../scripts/run.mjs";

/** @typedef {import("./generator.mjs").Order} Order */
/** @typedef {import("./generator.mjs").Answers} Answers */

/** The load generator. It ends with this process. */
export function startGenerator() {
  const child = fork(`${root}/bench/load/generator.mjs`, {
    execPath: `${root}/node_modules/.bin/node`,
    execArgv: [],
  });
  const ended = once(child, "exit");
  return {
    /** @param {Order} order @returns {Promise<Answers>} */
    async run(order) {
      const answered = once(child, "message");
      child.send(order);
      const [answers] = await Promise.race([
        answered,
        ended.then(() => Promise.reject(new Error("The load generator ended."))),
      ]);
      return answers;
    },
    async close() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/**
 * The value below which such a part of the sorted ones is; NaN of none.
 *
 * @param {number[]} sorted
 * @param {number} part
 */
export const percentile = (sorted, part) =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
