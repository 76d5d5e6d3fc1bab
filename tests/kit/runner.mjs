// @ts-check
// The client's side of a test or measurement: works off orders in a process, a page or a Worker.

/**
 * @typedef {object} Order
 * @property {number} id
 * @property {string} base where the client is to be pointed
 * @property {number} jobs how many, one after another, by one client; the last one is reported
 * @property {number} timeout when a call that has not settled is given up, in milliseconds
 * @property {number} [abortAfter] aborts the last job after so long, in milliseconds
 * @property {string} [call] what to call, where it is not to upscale
 * @property {string} [token] for a gateway, which is at `base` then
 * @property {string} [image] the URL of what to upscale, where that matters
 */

/**
 * How a call ended.
 *
 * @typedef {object} Outcome
 * @property {"resolved" | "rejected" | "never"} end
 * @property {string | undefined} [url] what it resolved with
 * @property {string} [label] of the error: its kind or name
 * @property {string} [message] of the error
 * @property {string} [charged] what the error says about the money
 * @property {boolean} [own] whether the error is the abort signal's own reason
 * @property {boolean} [unhandled] whether the same error was an unhandled rejection, too
 * @property {number} settledAt in Unix milliseconds
 * @property {number} [sinceAbort] in milliseconds
 */

/**
 * Makes a client for an address. What it returns submits a job, waits for it, and resolves to the result's URL.
 *
 * @typedef {(base: string, call?: string, token?: string) => (image: string, signal: AbortSignal) => Promise<unknown>} Connect
 */

/**
 * Plays a client in this process.
 *
 * @param {Connect} connect
 */
export function play(connect) {
  /** @type {unknown[]} */
  const unhandled = [];
  process.on("unhandledRejection", (error) => {
    unhandled.push(error);
    process.send?.({ unhandled: String(error) });
  });
  process.on("disconnect", () => process.exit());
  process.on("message", async (/** @type {Order} */ order) => {
    process.send?.({ id: order.id, outcome: await work(order, connect, unhandled) });
  });
  process.send?.({ ready: true });
}

/**
 * Works off an order.
 *
 * @param {Omit<Order, "id">} order
 * @param {Connect} connect
 * @param {unknown[]} [unhandled] the unhandled rejections so far
 * @returns {Promise<Outcome>} of the last job
 */
export async function work(order, connect, unhandled = []) {
  const { base, jobs, timeout, abortAfter, call, token, image = "https://host.example/photo.jpg" } = order;
  const client = connect(base, call, token);
  const upscale = (/** @type {AbortSignal} */ signal) => client(image, signal);
  for (let job = 1; ; job += 1) {
    const last = job === jobs;
    const outcome = await settle(upscale, timeout, last ? abortAfter : undefined, unhandled);
    if (last || outcome.end !== "resolved") return outcome;
    // A connection is free for the next request only a moment after its reply was read.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * @param {(signal: AbortSignal) => Promise<unknown>} upscale
 * @param {number} timeout
 * @param {number | undefined} abortAfter
 * @param {unknown[]} unhandled
 * @returns {Promise<Outcome>}
 */
async function settle(upscale, timeout, abortAfter, unhandled) {
  const controller = new AbortController();
  const reason = new Error("the user left");
  /** @type {number | undefined} */
  let abortedAt;
  /** @type {ReturnType<typeof setTimeout>[]} */
  const timers = [];
  const abort = () => {
    abortedAt = performance.now();
    controller.abort(reason);
  };
  if (abortAfter !== undefined) timers.push(setTimeout(abort, abortAfter));

  /** @type {(outcome: Pick<Outcome, "end" | "url" | "label" | "message" | "charged" | "own" | "unhandled">) => Outcome} */
  const now = (outcome) => ({
    ...outcome,
    settledAt: Date.now(),
    ...(abortedAt === undefined ? {} : { sinceAbort: performance.now() - abortedAt }),
  });
  const ended = upscale(controller.signal).then(
    (url) => now({ end: "resolved", url: typeof url === "string" ? url : undefined }),
    (error) =>
      now({
        end: "rejected",
        label: labelOf(error),
        message: String(error?.message ?? error),
        ...(typeof error?.charged === "string" ? { charged: error.charged } : {}),
        own: error === reason,
        unhandled: unhandled.includes(error),
      }),
  );
  const givenUp = new Promise((resolve) => {
    timers.push(setTimeout(() => resolve(now({ end: "never" })), timeout));
  });
  const outcome = await Promise.race([ended, givenUp]);
  for (const timer of timers) clearTimeout(timer);
  return outcome;
}

/**
 * What an error calls itself.
 *
 * @param {any} error
 */
function labelOf(error) {
  const name = error?.name === "Error" ? error.constructor.name : error?.name;
  return String(error?.kind ?? name ?? typeof error);
}
