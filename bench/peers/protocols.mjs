// @ts-check
// The few routes of each peer's service that its client's submit-and-wait call uses.
import { named, ours } from "../../tests/kit/protocols.mjs";

/** @typedef {import("../../tests/kit/protocols.mjs").Protocol} Protocol */

/** @type {Protocol} Its client sends everything to the proxy, and names the address it means in a header. */
const fal = {
  read: ({ method, headers }) => {
    const path = new URL(String(headers["x-fal-target-url"])).pathname;
    if (method === "POST") return { kind: "submit" };
    return (
      named(/\/requests\/([^/]+)\/status$/, path, "poll") ?? named(/\/requests\/([^/]+)$/, path, "fetch")
    );
  },
  write: (kind, { id, url, state }) => {
    if (kind === "fetch") return { image: { url, content_type: "image/png" } };
    const status = { new: "IN_QUEUE", running: "IN_PROGRESS", done: "COMPLETED", cancelled: "COMPLETED" }[
      state
    ];
    return { status, request_id: id, queue_position: 0 };
  },
  refuse: (status) => ({ detail: `refused with ${status}` }),
};

/** @type {Protocol} */
const replicate = {
  read: ({ method, path }) =>
    method === "POST"
      ? path.startsWith("/models/")
        ? { kind: "submit" }
        : named(/^\/predictions\/([^/]+)\/cancel$/, path, "cancel")
      : named(/^\/predictions\/([^/]+)$/, path, "poll"),
  write: (_, { id, url, state }) => {
    const status = { new: "starting", running: "processing", done: "succeeded", cancelled: "canceled" }[
      state
    ];
    return { id, model: MODELS.replicate, status, output: state === "done" ? url : null, error: null };
  },
  refuse: (status) => ({ title: `refused with ${status}`, status }),
};

/** @type {Protocol} */
const runway = {
  read: ({ method, path }) =>
    method === "POST" && path === "/v1/image_upscale"
      ? { kind: "submit" }
      : named(/^\/v1\/tasks\/([^/]+)$/, path, "poll"),
  write: (kind, { id, url, state, madeAt }) => {
    if (kind === "submit") return { id };
    const createdAt = new Date(madeAt).toISOString();
    if (state === "done") return { id, createdAt, status: "SUCCEEDED", output: [url] };
    return { id, createdAt, status: state === "new" ? "PENDING" : "RUNNING" };
  },
  refuse: (status) => ({ error: `refused with ${status}` }),
};

/** @type {Protocol} */
const wavespeed = {
  read: ({ method, path }) =>
    method === "POST" && path === `/api/v3/${MODELS.wavespeed}`
      ? { kind: "submit" }
      : named(/^\/api\/v3\/predictions\/([^/]+)\/result$/, path, "poll"),
  write: (_, { id, url, state }) => {
    const status = { new: "created", running: "processing", done: "completed", cancelled: "cancelled" }[
      state
    ];
    return { code: 200, message: "success", data: { id, status, outputs: state === "done" ? [url] : [] } };
  },
  refuse: (status) => ({ code: status, message: `refused with ${status}`, data: null }),
};

/** Models that the peers are asked for; the mock would take any. */
export const MODELS = {
  fal: "fal-ai/recraft/upscale/crisp",
  replicate: /** @type {const} */ ("recraft-ai/recraft-crisp-upscale"),
  wavespeed: "wavespeed-ai/image-upscaler",
};

/** By the client's name. */
export const protocols = { ours, fal, replicate, runway, wavespeed };

/** @typedef {keyof typeof protocols} Name */

/** All clients, ours first. */
export const names = /** @type {Name[]} */ (Object.keys(protocols));
