// @ts-check
// The client's side of the faults: does one order and returns how it ended. The same in every runtime.
import { isUpscaleError, Upscaler } from "crisp-upscale";
import { hurry, setWallClock } from "../kit/time.mjs";

/**
 * @typedef {object} Order
 * @property {Call} call
 * @property {string} base where the API is
 * @property {string} control whom to tell what happens here
 * @property {string} [token] where the API is a gateway
 * @property {string} image its URL
 * @property {number} speed how many times as fast time runs
 * @property {number} [timeout] of the call, in milliseconds
 */

/**
 * How it ended.
 *
 * @typedef {object} End
 * @property {string} end `resolved`, or the error's kind
 * @property {string | null} [taskId]
 * @property {number | null} [width] of the result
 * @property {string} [charged] of the error, as all that follows
 * @property {boolean} [retryable]
 * @property {string} [message]
 * @property {string} [resumed] how going on with it ended
 * @property {number} unhandled how many rejections nobody handled
 */

let unhandled = 0;
if (typeof process === "object" && typeof process.on === "function") {
  process.on("unhandledRejection", () => {
    unhandled += 1;
  });
} else {
  globalThis.addEventListener?.("unhandledrejection", () => {
    unhandled += 1;
  });
}

/** The beginning of a png, which is all that is looked at before it is uploaded. */
const PNG = Uint8Array.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x40\x08\x02\0\0\0", (char) =>
  char.charCodeAt(0),
);
const DAY = 86_400_000;
const MODEL = "recraft/crisp-upscale";

/** @typedef {{ upscaler: Upscaler, order: Order, arm: () => Promise<unknown> }} Played */
/** @typedef {{ taskId?: string, width?: number | null }} Came */

/** @satisfies {Record<string, (played: Played) => Promise<Came>>} */
const calls = {
  /** The request to make a task, alone. */
  async create({ upscaler, order: { image, timeout }, arm }) {
    await arm();
    return upscaler.createTask({ model: MODEL, input: { image } }, timed(timeout));
  },
  /** A whole upscale. */
  async upscale({ upscaler, order: { image, timeout }, arm }) {
    await arm();
    return upscaler.upscale(image, timed(timeout));
  },
  /** A file. */
  async upload({ upscaler, order: { timeout }, arm }) {
    await arm();
    await upscaler.upload(PNG, timed(timeout));
    return {};
  },
  /** What is read of a result whose task has ended, at the clock's own pace. */
  async head({ upscaler, order: { image }, arm }) {
    const { taskId } = await upscaler.createTask({ model: MODEL, input: { image } });
    await upscaler.resume(taskId).result();
    await arm();
    hurry(1);
    return upscaler.resume(taskId).result();
  },
  /** The clock goes back by a day once the task is made. */
  async "the clock goes back"({ upscaler, order: { image }, arm }) {
    await arm();
    return upscaler.upscale(image, {
      onUpdate: ({ state }) => {
        if (state === "submitted") setWallClock(-DAY);
      },
    });
  },
  /** A job goes on whose task is of tomorrow. */
  async "a ticket of tomorrow"({ upscaler, order: { image }, arm }) {
    const { taskId } = await upscaler.createTask({ model: MODEL, input: { image } });
    await arm();
    return upscaler.resume({ taskId, createdAt: Date.now() + DAY }).result();
  },
  /** The same call again by its name, after the clock went back a day. */
  async "the same call yesterday"({ upscaler, order: { image }, arm }) {
    await arm();
    const first = await upscaler.upscale(image, { idempotencyKey: "one" });
    setWallClock(-DAY);
    const again = await upscaler.upscale(image, { idempotencyKey: "one" });
    if (again.taskId !== first.taskId) throw new Error("another task");
    return again;
  },
};
/** @typedef {keyof typeof calls} Call */

/** @param {number | undefined} timeout */
const timed = (timeout) => (timeout === undefined ? {} : { timeout });

/**
 * Does an order.
 *
 * @param {Order} order
 * @returns {Promise<End>}
 */
export async function play(order) {
  const { base: baseUrl, control, token, speed } = order;
  unhandled = 0;
  hurry(speed);
  setWallClock(0);
  // Where the network is off, nobody need be told.
  const tell = (/** @type {string} */ what) =>
    fetch(`${control}/${what}`, { method: "POST", mode: "no-cors" }).catch(() => {});
  const upscaler = new Upscaler({
    baseUrl,
    // In a page of ours on this machine; elsewhere it has no effect.
    ...(token === undefined ? { apiKey: "sandbox", dangerouslyAllowBrowser: true } : { token }),
    async fetch(request) {
      try {
        return await fetch(request);
      } catch (error) {
        if (!request.signal.aborted) await tell("refused");
        throw error;
      }
    },
  });
  const arm = async () => {
    await tell("arm");
    // The server may have reset a connection that the runtime made before it needs it. It has done so by now, and the
    // runtime hears of it before anything is sent on it, which would be no refusal but a loss.
    await turn();
    await turn();
  };
  const call = /** @type {Promise<Came>} */ (calls[order.call]({ upscaler, order, arm }));
  const end = await call.then(
    ({ taskId, width }) => ({ end: "resolved", taskId: taskId ?? null, width: width ?? null }),
    (error) => failed(error, () => tell("heal")),
  );
  // A rejection is found to be unhandled only now.
  await turn();
  return { ...end, unhandled };
}

/** A turn of the runtime's loop of events. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** @param {unknown} error @param {() => Promise<unknown>} heal */
async function failed(error, heal) {
  if (!isUpscaleError(error)) return { end: String(/** @type {any} */ (error)?.stack ?? error) };
  const { kind: end, taskId, charged, retryable, message } = error;
  await heal();
  const resumed = await error
    .resume?.()
    .result()
    .then(
      () => "resolved",
      ({ kind }) => String(kind),
    );
  return { end, taskId, charged, retryable, message, ...(resumed === undefined ? {} : { resumed }) };
}
