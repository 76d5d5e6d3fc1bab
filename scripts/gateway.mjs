// @ts-check
import { fork } from "node:child_process";
import { once } from "node:events";
import { root } from "./run.mjs";

/**
 * @typedef {object} Options
 * @property {Record<string, string>} settings variables and secrets, as the table of docs/guide/gateway.md has them
 * @property {string} [storage] the folder of what is stored; in memory unless told
 * @property {number} [port] any free one unless told
 * @property {boolean} [results] whether a bucket is bound
 * @property {string} [auth] what answers for the service binding AUTH
 * @property {{ config: string, folder: string }} [bundle] another Worker's wrangler.jsonc, and what wrangler has bundled of it
 */

/**
 * The gateway in workerd, on this machine only, with dist/ as it is. It ends with this process.
 *
 * @param {Options} options
 * @returns {Promise<{ url: string, pid: number, logs: string[], kill(): Promise<void>, close(): Promise<void> }>}
 *   `url` has no slash at the end. `pid`: workerd's. `logs`: what it has written so far. `kill`: as if the machine broke
 *   down, so that nothing is finished or stored any more.
 */
export async function startGateway(options) {
  const child = fork(`${root}/scripts/workerd.mjs`, {
    execPath: `${root}/node_modules/.bin/node`,
    execArgv: [],
  });
  const ended = once(child, "exit");
  /** @type {string[]} */
  const logs = [];
  const { url, pid } = await new Promise((resolve, reject) => {
    child.on("message", (/** @type {any} */ message) => {
      if (message.log) logs.push(message.log.message);
      else if (message.error) reject(new Error(message.error));
      else resolve(message);
    });
    child.once("exit", () => reject(new Error("The gateway did not start.")));
    child.send(options);
  });
  return {
    url,
    pid,
    logs,
    async kill() {
      process.kill(pid, "SIGKILL");
      child.kill("SIGKILL");
      await ended;
    },
    async close() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
