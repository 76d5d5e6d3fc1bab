// @ts-check
import { fork } from "node:child_process";
import { once } from "node:events";
import { Failed, root } from "../scripts/run.mjs";

/**
 * Starts a script of `bench/` in a process of its own. It ends with this process.
 *
 * @param {string} file its name without `.mjs`
 * @param {{ args?: (string | number)[], env?: Record<string, string>, execArgv?: string[] }} [options]
 */
export function startChild(file, { args = [], env = {}, execArgv = [] } = {}) {
  const child = fork(`${root}/bench/${file}.mjs`, args.map(String), {
    execPath: `${root}/node_modules/.bin/node`,
    execArgv,
    env: { ...process.env, ...env },
  });
  const exited = once(child, "exit");
  const gone = exited.then(([code]) => {
    throw new Failed(`bench/${file}.mjs ${args.join(" ")} ended with exit code ${code}.`);
  });
  gone.catch(() => {});
  /** @returns {Promise<any>} the next message of the script */
  const next = () => Promise.race([once(child, "message").then(([message]) => message), gone]);
  return {
    next,
    /** @param {import("node:child_process").Serializable} message @returns {Promise<any>} the script's next message */
    ask(message) {
      const answer = next();
      child.send(message);
      return answer;
    },
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
