// @ts-check
// One server for all clients. It speaks each one's protocol, fails where a stage asks for it, and keeps a ledger. On
// node:http itself, since it must drop and reset connections.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { ours } from "./protocols.mjs";

/**
 * How a request fails.
 * - `lose`: it is taken, the connection is closed, and no reply ever comes
 * - `503`, `500`: it is taken, and the reply is this status
 * - `429`: it is refused, with `Retry-After: 2`
 * - `reset`: the connection is reset
 * - `html`: the reply is a web page, with status 200
 *
 * @typedef {"lose" | 503 | 500 | 429 | "reset" | "html"} Fault
 */

/**
 * What happens at one address.
 *
 * @typedef {object} Stage
 * @property {number[]} durations of the jobs in the order they are made, in milliseconds; the last one stays
 * @property {{ on: "submit" | "poll", how: Fault, from?: number, to?: number }} [fault] on requests of one
 *   kind, `from` this one (counted from 0; 0 unless told) up to and without `to` (one after `from` unless told)
 * @property {boolean} [holds] keeps the reply to a submit back until the job is done, where the client asks
 *   for that (`Prefer: wait`)
 */

/** @typedef {import("./protocols.mjs").Shown & { requests: number }} Job */

/**
 * The ledger of one stage.
 *
 * @typedef {object} Ledger
 * @property {string} base what a client is to be pointed at
 * @property {Job[]} jobs those that were made, and so billed; `requests` counts its submit, too
 * @property {{ kind: string, at: number, answeredAt: number, reused: boolean }[]} requests all that came, in
 *   Unix milliseconds; `answeredAt` is NaN where no reply was sent; `reused`: on a connection used before
 */

/**
 * @typedef {string | Buffer} Content
 * @typedef {Map<string, { type: string, body: Content | ((posted: string) => Promise<Content>) }>} Files by path
 */

/** What every job makes: one pixel. Who looks at it sends no request that counts. */
const RESULT = {
  type: "image/png",
  body: Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  ),
};

/** How long a new job is shown as not yet begun, in milliseconds. */
const QUEUED = 500;

/**
 * Starts the server, on this machine only.
 *
 * @param {Files} files for a browser, served beside the stages
 * @param {Record<string, import("./protocols.mjs").Protocol>} protocols by the client that speaks it
 */
export async function startMock(files, protocols = { ours }) {
  /** @type {Map<string, { client: string, stage: Stage, ledger: Ledger }>} */
  const stages = new Map();
  /** @type {string[]} */
  const unrouted = [];
  /** @type {WeakSet<import("node:net").Socket>} */
  const used = new WeakSet();
  let made = 0;
  let filesRead = 0;

  const server = createServer((request, response) => {
    // A client that goes away in mid-request is what some of the cases are about.
    answer(request, response).catch(() => request.destroy());
  });
  // The only connections that break are those that a stage breaks.
  server.keepAliveTimeout = 600_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const origin = `http://127.0.0.1:${port}`;

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async function answer(request, response) {
    const at = Date.now();
    const { method = "", url = "", headers, socket } = request;
    const reused = used.has(socket);
    used.add(socket);
    const posted = await text(request); // Taken only once its body was read.
    const file = files.get(url) ?? (url.startsWith("/files/") ? RESULT : undefined);
    if (file === RESULT) filesRead += 1;
    if (file !== undefined) {
      const body = typeof file.body === "function" ? await file.body(posted) : file.body;
      response.writeHead(200, { "content-type": file.type }).end(body);
      return;
    }
    const [, address = "", path = ""] = /^(\/[^/]*\/[^/]*)(.*)$/.exec(url) ?? [];
    const found = stages.get(address);
    const protocol = found && protocols[found.client];
    const action = protocol?.read({ method, path, headers });
    if (!found || !protocol || !action) {
      unrouted.push(`${method} ${url}`);
      response.writeHead(501).end();
      return;
    }
    const { stage, ledger } = found;
    const entry = { kind: action.kind, at, answeredAt: Number.NaN, reused };
    const nth = ledger.requests.filter(({ kind }) => kind === action.kind).length;
    ledger.requests.push(entry);
    const fault = faultOf(stage, action.kind, nth);

    /**
     * @param {number} status
     * @param {string} body
     * @param {import("node:http").OutgoingHttpHeaders} [extra]
     */
    const reply = (status, body, extra) => {
      entry.answeredAt = Date.now();
      response.writeHead(status, { "content-type": "application/json", ...extra }).end(body);
    };
    const refuse = (/** @type {number} */ status, /** @type {{}} */ extra = {}) =>
      reply(status, JSON.stringify(protocol.refuse(status)), extra);

    if (fault === 429) return refuse(429, { "retry-after": "2" });
    const job = action.kind === "submit" ? make() : ledger.jobs.find(({ id }) => id === action.id);
    if (job === undefined) return refuse(404);
    job.requests += 1;
    if (action.kind === "cancel") job.state = "cancelled";

    switch (fault) {
      case undefined:
        break;
      case "lose":
        return void socket.destroy();
      case "reset":
        return void socket.resetAndDestroy();
      case "html":
        return reply(200, "<!doctype html><title>Just a moment</title>", { "content-type": "text/html" });
      default:
        return refuse(fault);
    }
    if (action.kind === "submit" && stage.holds && String(headers.prefer).startsWith("wait")) {
      // A timer may be early by a little, and what is not done then is a job without a result.
      while (Date.now() < job.doneAt) await sleep(job.doneAt - Date.now());
    }
    if (job.state !== "cancelled") {
      const now = Date.now();
      job.state = now >= job.doneAt ? "done" : now - job.madeAt < QUEUED ? "new" : "running";
    }
    reply(200, JSON.stringify(protocol.write(action.kind, job)));

    function make() {
      made += 1;
      const duration = stage.durations[Math.min(ledger.jobs.length, stage.durations.length - 1)] ?? 0;
      const id = `job${made}`;
      // A plain http: address, since replicate's client starts to download an https: one at once.
      const result = `${origin}/files/${id}.png`;
      /** @type {Job} */
      const job = { id, url: result, state: "new", madeAt: at, doneAt: at + duration, requests: 0 };
      ledger.jobs.push(job);
      return job;
    }
  }

  return {
    /** Where it is, with no slash at the end. */
    origin,
    /** Requests that no stage has a route for; there must be none. */
    unrouted,
    /** How often a result was fetched. */
    filesRead: () => filesRead,
    /**
     * Sets a stage up.
     *
     * @param {string} client whose protocol it speaks
     * @param {Stage} stage
     * @returns {Ledger}
     */
    stage(client, stage) {
      const address = `/${client}/${stages.size}`;
      const ledger = { base: `${origin}${address}`, jobs: [], requests: [] };
      stages.set(address, { client, stage, ledger });
      return ledger;
    },
    /** Stops the server. */
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * @param {Stage} stage
 * @param {string} kind
 * @param {number} nth
 */
function faultOf({ fault }, kind, nth) {
  if (fault === undefined || fault.on !== kind) return undefined;
  const { from = 0, to = from + 1, how } = fault;
  return nth >= from && nth < to ? how : undefined;
}
