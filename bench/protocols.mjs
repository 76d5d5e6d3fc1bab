// @ts-check
// The few routes of each service that its client's submit-and-wait call uses.

/**
 * What a request is for. `submit` makes a job, `look` asks how it stands, `fetch` gets the result where
 * that is another route, `cancel` gives the job up.
 *
 * @typedef {{ kind: "submit" } | { kind: "look" | "fetch" | "cancel", id: string }} Asked
 */

/**
 * @typedef {object} Shown a job as its service shows it
 * @property {string} id
 * @property {string} url of the result, whether it is there already or not
 * @property {"new" | "running" | "done" | "cancelled"} state
 * @property {number} madeAt in Unix milliseconds
 * @property {number} doneAt in Unix milliseconds
 */

/**
 * @typedef {object} Protocol
 * @property {(request: { method: string, path: string, headers: import("node:http").IncomingHttpHeaders }) => Asked | undefined} read
 * @property {(kind: Asked["kind"], job: Shown) => unknown} write the body of a good reply
 * @property {(status: number) => unknown} refuse the body of a reply with this HTTP status
 */

/**
 * The id in a path, or nothing.
 *
 * @param {RegExp} pattern with one group
 * @param {string} path
 * @param {"look" | "fetch" | "cancel"} kind
 * @returns {Asked | undefined}
 */
function named(pattern, path, kind) {
  const id = pattern.exec(path)?.[1];
  return id === undefined ? undefined : { kind, id };
}

/** @type {Protocol} kie.ai's job API, as ours speaks it. */
const ours = {
  read: ({ method, path }) =>
    method === "POST" && path === "/api/v1/jobs/createTask"
      ? { kind: "submit" }
      : named(/^\/api\/v1\/jobs\/recordInfo\?taskId=(.*)$/, path, "look"),
  write: (kind, { id, url, state, madeAt, doneAt }) => {
    const done = state === "done";
    const data =
      kind === "submit"
        ? { taskId: id, recordId: id }
        : {
            taskId: id,
            model: "recraft/crisp-upscale",
            state: done ? "success" : state === "new" ? "waiting" : "generating",
            resultJson: done ? JSON.stringify({ resultUrls: [url] }) : "",
            failCode: null,
            failMsg: null,
            costTime: done ? Math.round((doneAt - madeAt) / 1000) : null,
            completeTime: done ? doneAt : null,
            createTime: madeAt,
            creditsConsumed: 0.5,
          };
    return { code: 200, msg: "success", data };
  },
  refuse: (status) => ({ code: status, msg: `refused with ${status}`, data: null }),
};

/** @type {Protocol} Its client sends everything to the proxy, and names the address it means in a header. */
const fal = {
  read: ({ method, headers }) => {
    const path = new URL(String(headers["x-fal-target-url"])).pathname;
    if (method === "POST") return { kind: "submit" };
    return (
      named(/\/requests\/([^/]+)\/status$/, path, "look") ?? named(/\/requests\/([^/]+)$/, path, "fetch")
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
      : named(/^\/predictions\/([^/]+)$/, path, "look"),
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
      : named(/^\/v1\/tasks\/([^/]+)$/, path, "look"),
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
      : named(/^\/api\/v3\/predictions\/([^/]+)\/result$/, path, "look"),
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
