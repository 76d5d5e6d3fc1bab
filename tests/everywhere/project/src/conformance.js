// @ts-check
// What the package has to do wherever it runs: one suite, unchanged in every runtime and through every bundler.
// It talks to the harness, which is the sandbox over sockets, with a place for callbacks and for this suite's report.

/** @typedef {typeof import("../../../../dist/node.js")} Package */

/**
 * @typedef {object} World
 * @property {Package} ours
 * @property {string} base where the harness is
 * @property {string} image the URL of a photo of 32 by 32 pixels
 * @property {() => InstanceType<Package["Upscaler"]>} newUpscaler
 * @property {any} source what to load from, where it is not left to the package
 */

const KEY = "sandbox";
const HMAC_KEY = "whsec-0123456789";
const RESULT_WIDTH = 128;

/** A check that has not settled by then has failed, in milliseconds: much, on a busy machine. */
const TIMEOUT = 60_000;

/**
 * The checks, in the order of the table's columns. The first one is alone, and the others are under way at once.
 *
 * @type {Record<string, (world: World) => Promise<void>>}
 */
const checks = {
  async load({ ours, source }) {
    const error = await rejection(ours.preload(/** @type {any} */ (new Uint8Array(8))));
    equal([error instanceof ours.UpscaleError, error.kind], [true, "load-failed"], "of what is no wasm");
    // A failure is not remembered.
    await ours.preload(source);
  },

  async url({ newUpscaler, image }) {
    const result = await newUpscaler().upscale(`${image}?by=url`);
    equal([result.width, result.type, result.credits], [RESULT_WIDTH, "image/png", 0.5], "the result");
    equal(await widthOf(await result.blob()), RESULT_WIDTH, "the image");
  },

  async blob({ newUpscaler, image }) {
    const photo = await (await fetch(image)).blob();
    const result = await newUpscaler().upscale(new Blob([photo]));
    equal(await widthOf(await result.blob()), RESULT_WIDTH, "the image");
  },

  async abort({ newUpscaler, image }) {
    const reason = { what: "the caller's own" };
    const controller = new AbortController();
    const upscale = newUpscaler().upscale(`${image}?by=abort`, {
      signal: controller.signal,
      onUpdate: () => controller.abort(reason),
    });
    equal((await rejection(upscale)) === reason, true, "it rejects with the very reason");
    const late = newUpscaler().upscale(image, { signal: controller.signal });
    equal((await rejection(late)) === reason, true, "and so does what is aborted before it began");
  },

  async error({ ours, base, image }) {
    const stranger = new ours.Upscaler({
      apiKey: "another-key",
      baseUrl: base,
      dangerouslyAllowBrowser: true,
    });
    const error = await rejection(stranger.upscale(image));
    equal(
      [
        error instanceof ours.UpscaleError,
        ours.isUpscaleError(error),
        error.kind,
        error.charged,
        error.retryable,
      ],
      [true, true, "unauthorized", "no", false],
      "the error",
    );
  },

  async iterate({ newUpscaler, image }) {
    const job = await newUpscaler().submit(`${image}?by=iterate`);
    const states = [];
    let url;
    for await (const update of job) {
      states.push(update.state);
      url = update.result?.url;
    }
    equal([states[0], states.at(-1)], ["submitted", "success"], `the first and the last of ${states}`);
    equal(url, (await job.result()).url, "the result in the last");
  },

  async resume({ newUpscaler, image }) {
    const text = JSON.stringify(await newUpscaler().submit(`${image}?by=resume`));
    const ticket = JSON.parse(text);
    const result = await newUpscaler().resume(ticket).result();
    equal([result.taskId, result.width], [ticket.taskId, RESULT_WIDTH], "the result");
  },

  async callback({ ours, newUpscaler, image, base }) {
    const upscaler = newUpscaler();
    const { taskId } = await upscaler.submit(`${image}?by=callback`, {
      callBackUrl: `${base}/harness/callback`,
    });
    // What the sandbox posted and signed. No page can be posted to, so the harness hands it on.
    const { method, headers, body } = await (await fetch(`${base}/harness/posted`)).json();
    const posted = (/** @type {HeadersInit} */ headers) =>
      new Request("https://me.example/callback", { method, headers, body });
    const forged = { ...headers, "x-webhook-signature": btoa("0".repeat(32)) };
    const refused = await ours.receiveCallback(posted(forged), { upscaler, keys: HMAC_KEY });
    equal([refused.kind, refused.response.status], ["refused", 403], "with a forged signature");
    const taken = await ours.receiveCallback(posted(headers), { upscaler, keys: HMAC_KEY });
    if (taken.kind !== "success") throw new Error(`as it was posted: ${JSON.stringify(taken)}`);
    equal([taken.taskId, taken.signed, taken.result.width], [taskId, true, RESULT_WIDTH], "as it was posted");
  },
};

/** How many tasks the checks make, of which none may be made twice: by url, blob, abort, iterate, resume and callback. */
export const TASKS = 6;

/** What the suite and the harness must both know. */
export const SHARED = { key: KEY, webhookHmacKey: HMAC_KEY };

/** The checks' names. */
export const names = Object.keys(checks);

/**
 * Runs all checks and reports to the harness how each one ended.
 *
 * @param {Package} ours
 * @param {string} base where the harness is, with no slash at the end
 * @param {any} [source] what to load from, where it is not left to the package
 */
export async function conform(ours, base, source) {
  const options = { apiKey: KEY, baseUrl: base, dangerouslyAllowBrowser: true };
  const newUpscaler = () => new ours.Upscaler(options);
  const world = { ours, base, image: `${base}/harness/small.png`, newUpscaler, source };
  const [load = "", ...others] = names;
  const run = async (/** @type {string} */ name) => [name, await problemOf(checks[name]?.(world))];
  const ends = [await run(load), ...(await Promise.all(others.map(run)))];
  await fetch(`${base}/harness/report`, { method: "POST", body: JSON.stringify(Object.fromEntries(ends)) });
}

/**
 * Why the check failed, or nothing.
 *
 * @param {Promise<void> | undefined} check
 * @returns {Promise<string | null>}
 */
async function problemOf(check) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled after ${TIMEOUT} ms`)), TIMEOUT);
  });
  try {
    await Promise.race([check, late]);
    return null;
  } catch (error) {
    const { stack, message, cause } = /** @type {any} */ (error);
    return [message ?? String(error), stack, cause && `cause: ${cause.stack ?? cause}`]
      .filter(Boolean)
      .join("\n");
  } finally {
    clearTimeout(timer);
  }
}

/** @param {Promise<unknown>} promise @returns {Promise<any>} */
async function rejection(promise) {
  const value = await promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  if ("error" in value) return value.error;
  throw new Error(`resolved to ${JSON.stringify(value.value)} instead of rejecting`);
}

/**
 * @param {unknown} actual
 * @param {unknown} expected
 * @param {string} what
 */
function equal(actual, expected, what) {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`${what}: ${a} where ${e} was expected`);
}

/** The width that a PNG says it has. @param {Blob} png */
async function widthOf(png) {
  return new DataView(await png.arrayBuffer()).getUint32(16);
}
