// @ts-check
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mintToken } from "crisp-upscale";
import { startGateway } from "../../scripts/gateway.mjs";
import { serve } from "../../scripts/serve.mjs";
import { imageHost } from "./images.mjs";
import { quickSandbox } from "./sandbox.mjs";

export const KEY = "sk-0123456789abcdef0123456789abcdef";
export const TOKEN_SECRET = "tokens are signed with this and nothing else";
export const OWNER_TOKEN = "the owner's own token";
export const MODEL = "recraft/crisp-upscale";

/** @typedef {(request: Request) => Promise<Response>} Handler */

/**
 * A gateway in real workerd, the sandbox as its upstream over HTTP, and a host of images; all of it ends with the test.
 *
 * @param {{ after(end: () => Promise<void>): void }} t
 * @param {object} [options]
 * @param {import("crisp-upscale/sandbox").SandboxOptions} [options.sandbox]
 * @param {Record<string, string>} [options.settings]
 * @param {(sandbox: Handler) => Handler} [options.between] what stands between the gateway and the sandbox
 * @param {string[]} [options.origins] more of IMAGE_ORIGINS
 * @param {boolean} [options.results] whether a bucket is bound
 * @param {string} [options.auth] what answers for the service binding AUTH
 * @param {{ config: string, folder: string }} [options.bundle] another Worker's
 */
export async function fixtures(
  t,
  { sandbox: behaviour, settings, between = (handler) => handler, origins = [], ...bindings } = {},
) {
  const storage = await mkdtemp(join(tmpdir(), "gateway-"));
  const sandbox = quickSandbox({ key: KEY, ...behaviour });
  const upstream = await serve(between(sandbox.fetch), { port: 0 });
  const images = await imageHost();
  const options = {
    settings: {
      KIE_API_KEY: KEY,
      BASE_URL: upstream.url,
      UPLOAD_BASE_URL: upstream.url,
      TOKEN_SECRET,
      OWNER_TOKEN,
      IMAGE_ORIGINS: [images.url, upstream.url, ...origins].join(" "),
      ...settings,
    },
    storage,
    ...bindings,
  };
  let gateway = await startGateway(options);
  t.after(async () => {
    await gateway.close();
    await upstream.close();
    await images.close();
    await sandbox.close();
    await rm(storage, { recursive: true });
  });
  const { url } = gateway;

  /**
   * @param {string} path
   * @param {RequestInit & { sub?: string, json?: unknown }} [init] `sub`: who calls; nobody where it is empty
   */
  async function call(path, { sub = "ann", json, headers, ...init } = {}) {
    return fetch(`${url}${path}`, {
      ...(json === undefined ? {} : { method: "POST", body: JSON.stringify(json) }),
      ...init,
      headers: { ...(sub === "" ? {} : { authorization: `Bearer ${await tokenOf(sub)}` }), ...headers },
    });
  }

  /** @param {string} path @param {Parameters<typeof call>[1]} [init] @returns {Promise<any>} */
  const read = async (path, init) => (await call(path, init)).json();

  return {
    url,
    sandbox,
    /** The folder of what is stored. */
    storage,
    images: images.url,
    upstream: upstream.url,
    call,
    read,
    logs: () => gateway.logs,
    /** @returns {Promise<any>} */
    counters: async () => read("/counters", { sub: "", headers: { authorization: `Bearer ${OWNER_TOKEN}` } }),
    /** The machine breaks down, and another takes up what is stored. */
    async breakDown() {
      await gateway.kill();
      gateway = await startGateway({ ...options, port: Number(new URL(url).port) });
    },
    /**
     * @param {object} [more]
     * @param {string} [more.key] the Idempotency-Key
     * @param {string} [more.sub]
     * @param {string} [more.image] a path of the host of images
     * @param {string} [more.callBackUrl]
     */
    create: ({ key, sub = "ann", image = "/cat.jpg", callBackUrl } = {}) =>
      read("/api/v1/jobs/createTask", {
        sub,
        json: { model: MODEL, callBackUrl, input: { image: `${images.url}${image}` } },
        headers: key === undefined ? {} : { "idempotency-key": key },
      }),
    /** @param {string} taskId @param {string} [sub] @returns {Promise<any>} */
    record: (taskId, sub = "ann") => read(`/api/v1/jobs/recordInfo?taskId=${taskId}`, { sub }),
    /**
     * The messages of the event stream, to its end.
     *
     * @param {string[]} taskIds
     * @param {string} [sub]
     * @returns {AsyncGenerator<{ event: string, data: any }>}
     */
    async *events(taskIds, sub = "ann") {
      const query = taskIds.map((id) => `taskId=${id}`).join("&");
      const response = await call(`/api/v1/jobs/events?${query}`, { sub });
      if (!response.ok || response.body === null) throw new Error(await response.text());
      let held = "";
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        held += chunk;
        for (let end = held.indexOf("\n\n"); end >= 0; end = held.indexOf("\n\n")) {
          const message = /^event: (.*)\ndata: (.*)$/.exec(held.slice(0, end));
          held = held.slice(end + 2);
          if (message) yield { event: `${message[1]}`, data: JSON.parse(`${message[2]}`) };
        }
      }
    },
    /**
     * The record of a task that has ended, by the event stream.
     *
     * @param {string} taskId
     * @param {string} [sub]
     */
    async ended(taskId, sub) {
      let last;
      for await (const { data } of this.events([taskId], sub)) last = data.data;
      return last;
    },
  };
}

/** @param {string} sub */
export const tokenOf = (sub) => mintToken({ secret: TOKEN_SECRET, sub });
