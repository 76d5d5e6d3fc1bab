// @ts-check
// How the mock reads and writes a service's protocol, and the protocol of the API.

/**
 * What a request is for. `submit` makes a job, `look` asks how it stands, `fetch` gets the result where
 * that is another route, `cancel` gives the job up.
 *
 * @typedef {{ kind: "submit" } | { kind: "poll" | "fetch" | "cancel", id: string }} Action
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
 * @property {(request: { method: string, path: string, headers: import("node:http").IncomingHttpHeaders }) => Action | undefined} read
 * @property {(kind: Action["kind"], job: Shown) => unknown} write the body of a good reply
 * @property {(status: number) => unknown} refuse the body of a reply with this HTTP status
 */

/**
 * The id in a path, or nothing.
 *
 * @param {RegExp} pattern with one group
 * @param {string} path
 * @param {"poll" | "fetch" | "cancel"} kind
 * @returns {Action | undefined}
 */
export function named(pattern, path, kind) {
  const id = pattern.exec(path)?.[1];
  return id === undefined ? undefined : { kind, id };
}

/** @type {Protocol} kie.ai's job API, as ours speaks it. */
export const ours = {
  read: ({ method, path }) =>
    method === "POST" && path === "/api/v1/jobs/createTask"
      ? { kind: "submit" }
      : named(/^\/api\/v1\/jobs\/recordInfo\?taskId=(.*)$/, path, "poll"),
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
