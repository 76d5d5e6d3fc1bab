// @ts-check
import { fork } from "node:child_process";
import { Failed } from "../../scripts/run.mjs";

/** @typedef {import("./runner.mjs").Order} Order */
/** @typedef {import("./runner.mjs").Outcome} Outcome */

/**
 * Starts a client in a process of its own.
 *
 * @param {string} name
 * @param {string} file the client's side, which is told the name
 * @param {{ execPath?: string, execArgv?: string[], env?: Record<string, string | undefined> }} [runtime] instead of
 *   this Node and its environment
 */
export async function startClient(name, file, runtime = {}) {
  const child = fork(file, [name], {
    ...runtime,
    stdio: ["ignore", "ignore", "pipe", "ipc"], // Some of them print what they do.
  });
  /** @type {Map<number, (outcome: Outcome) => void>} */
  const waiting = new Map();
  /** @type {string[]} */
  const unhandled = [];
  let stderr = "";
  let orders = 0;
  let gone = false;
  child.stderr?.on("data", (chunk) => {
    stderr = `${stderr}${chunk}`.slice(-4096);
  });
  /** @type {(outcome: Omit<Outcome, "settledAt">) => void} */
  const endAll = (outcome) => {
    for (const settle of waiting.values()) settle({ ...outcome, settledAt: Date.now() });
    waiting.clear();
  };

  await new Promise((resolve, reject) => {
    child.on("message", (/** @type {any} */ message) => {
      if (message.ready) resolve(undefined);
      else if (message.unhandled !== undefined) unhandled.push(message.unhandled);
      else {
        waiting.get(message.id)?.(message.outcome);
        waiting.delete(message.id);
      }
    });
    child.on("exit", () => {
      gone = true;
      reject(new Failed(`The client ${name} could not be started.\n${stderr}`));
      endAll({ end: "rejected", label: "process ended", message: stderr });
    });
  });

  return {
    name,
    /** The unhandled rejections so far. */
    unhandled,
    /**
     * Has it work off an order.
     *
     * @param {Omit<Order, "id">} order
     * @returns {Promise<Outcome>}
     */
    order: (order) =>
      new Promise((resolve) => {
        orders += 1;
        waiting.set(orders, resolve);
        if (gone) endAll({ end: "rejected", label: "process ended", message: stderr });
        else child.send({ ...order, id: orders });
      }),
    /** Ends its process. */
    stop() {
      child.removeAllListeners("exit");
      child.kill();
    },
  };
}
