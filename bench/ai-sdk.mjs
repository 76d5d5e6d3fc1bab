// @ts-check
// What one call of the AI SDK's `generateImage` bills, under its own default retries: with our model, with fal's and with
// Replicate's.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { SMALL } from "../tests/kit/images.mjs";

/** Whose models. */
export const models = /** @type {const} */ (["ours", "fal", "replicate"]);

/** @typedef {typeof models[number]} Model */

/**
 * @typedef {object} Case
 * @property {string} title
 * @property {number} lost how many submits are taken and get no reply
 * @property {number} [n] how many images are asked for
 */

/** @type {Case[]} */
export const cases = [
  { title: "the reply to a submit is lost: jobs billed", lost: 1 },
  { title: "every reply to a submit is lost: jobs billed", lost: Number.POSITIVE_INFINITY },
  { title: "`n: 3`, and nothing goes wrong: jobs billed", lost: 0, n: 3 },
];

/**
 * Plays a case.
 *
 * @param {Model} model
 * @param {Case} one
 * @returns {Promise<{ billed: number, end: string }>} `end`: of the call, `ok` or the error's kind or name
 */
export async function play(model, { lost, n = 1 }) {
  const { url, billed, close } = await service(lost);
  const { generateImage, made } = await load(model, url);
  try {
    await generateImage({ model: made, prompt: { text: "a cat", images: [`${url}/photo.png`] }, n });
    return { billed: billed(), end: "ok" };
  } catch (thrown) {
    const { kind, name } = /** @type {{ kind?: string, name?: string }} */ (thrown);
    return { billed: billed(), end: kind ?? String(name) };
  } finally {
    await close();
  }
}

/**
 * The SDK and a model of it. By names that type checks do not follow: the packages are installed by the bench.
 *
 * @param {Model} model
 * @param {string} url
 */
async function load(model, url) {
  const names = { ai: "ai", fal: "@ai-sdk/fal", replicate: "@ai-sdk/replicate" };
  const { generateImage } = await import(names.ai);
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  if (model === "fal") {
    const { createFal } = await import(names.fal);
    const fal = createFal({ apiKey: "key", baseURL: `${url}/fal` });
    return { generateImage, made: fal.image("fal-ai/recraft/upscale/crisp") };
  }
  if (model === "replicate") {
    const { createReplicate } = await import(names.replicate);
    const replicate = createReplicate({ apiToken: "token", baseURL: `${url}/replicate` });
    return { generateImage, made: replicate.image("recraft-ai/recraft-crisp-upscale") };
  }
  const { Upscaler } = await import("../dist/node.js");
  const { crispUpscale } = await import("../dist/ai-sdk.js");
  return { generateImage, made: crispUpscale(new Upscaler({ apiKey: "key", baseUrl: `${url}/ours` })) };
}

/**
 * All three services: each takes a submit, bills it, and answers with the result at once, or not at all.
 *
 * @param {number} lost
 */
async function service(lost) {
  let billed = 0;
  const server = createServer(async (request, response) => {
    const { method, url = "", socket } = request;
    await text(request);
    const json = (/** @type {unknown} */ body) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const result = `${origin}/result.png`;
    if (url.endsWith(".png")) {
      response.writeHead(200, { "content-type": "image/png" }).end(SMALL);
      return;
    }
    if (method === "POST") {
      billed += 1;
      if (billed <= lost) return void socket.destroy();
    }
    if (url.startsWith("/fal/")) return json({ image: { url: result, content_type: "image/png" } });
    if (url.startsWith("/replicate/")) {
      return json({ id: "a", status: "succeeded", output: result, urls: { get: `${origin}/replicate/a` } });
    }
    const resultJson = JSON.stringify({ resultUrls: [result] });
    json({ code: 200, msg: "success", data: { taskId: "a", state: "success", resultJson } });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const origin = `http://127.0.0.1:${port}`;
  return {
    url: origin,
    billed: () => billed,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
