// @ts-check
import { fork } from "node:child_process";
import { Failed, root } from "../../scripts/run.mjs";

/**
 * What a script of `peers/` in a process of its own sends before it ends.
 *
 * @param {string} script
 * @param {(string | number)[]} args
 * @param {(message: any) => void} [hear] what is told of each message as it comes
 * @returns {Promise<any>} the last message
 */
export function told(script, args, hear = () => {}) {
  return new Promise((resolve, reject) => {
    const child = fork(`${root}/bench/peers/${script}.mjs`, args.map(String), { execArgv: ["--expose-gc"] });
    /** @type {unknown} */
    let last;
    child.on("message", (message) => {
      last = message;
      hear(message);
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0 && last !== undefined) resolve(last);
      else reject(new Failed(`${script} ${args.join(" ")} ended with exit code ${code}.`));
    });
  });
}
