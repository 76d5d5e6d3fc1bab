// @ts-check
import { fork } from "node:child_process";
import { once } from "node:events";
import { root } from "../../scripts/run.mjs";

/**
 * A script of bench/ in a process of its own, once it has said where it is. It ends with this process.
 *
 * @param {string} file
 * @param {Record<string, string>} env
 * @param {Record<string, string>} [message] what it is sent
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function started(file, env, message) {
  const child = fork(`${root}/bench/${file}`, {
    execPath: `${root}/node_modules/.bin/node`,
    execArgv: [],
    env: { ...process.env, ...env },
  });
  const ended = once(child, "exit");
  const ready = once(child, "message");
  if (message) child.send(message);
  const [{ url }] = await Promise.race([ready, ended.then(() => Promise.reject(new Error(`${file} ended`)))]);
  return {
    url,
    async close() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
