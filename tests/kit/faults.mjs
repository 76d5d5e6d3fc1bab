// @ts-check
// A server between a client and the API, on real sockets, that breaks requests on demand.
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Kinds of requests, by what their paths contain. */
const PATHS = /** @type {const} */ ({
  create: "/createTask",
  poll: "/recordInfo",
  upload: "/file-stream-upload",
  head: "/files/",
  events: "/events",
});
/** @typedef {keyof typeof PATHS} Kind */

/** A reply as it goes over the line. @typedef {{ status: number, headers: Headers, body: Buffer }} Reply */

/**
 * One request that goes wrong.
 *
 * @typedef {object} Exchange
 * @property {() => Promise<Reply>} take has the request taken behind this server; gives the reply
 * @property {(reply: Reply, length?: number) => Promise<void>} write puts a reply on the line, and says
 *   that its body is so long
 * @property {(bytes: Buffer) => Promise<void>} send puts bytes on the line, once there is room
 * @property {() => void} end closes the connection, once all that was sent has left
 * @property {() => void} reset breaks it off
 * @property {() => boolean} gone whether the client has gone
 */

/**
 * How a request goes wrong, `times` times from when it is armed.
 *
 * @typedef {object} Plan
 * @property {Kind} kind
 * @property {number} times
 * @property {((exchange: Exchange) => Promise<void> | void) | "refused"} fault `refused`: the port is closed before such a
 *   request can come, and opened again after as many dials as `told` says
 */

/** The request that comes before one of a kind, where another does. @type {Partial<Record<Kind, Kind>>} */
export const EARLIER = { poll: "create", events: "create", head: "poll" };

/** @typedef {Exclude<Plan["fault"], "refused">} Fault */

/**
 * Starts it, on this machine only.
 *
 * @param {object} [options]
 * @param {Map<string, { type: string, body: string | Buffer }>} [options.files] by path, for a page
 * @param {boolean} [options.keepAlive] keeps connections. Unless it does, each reply closes its own, so that no runtime
 *   sends a request a second time by itself
 */
export async function startFaults({ files = new Map(), keepAlive = false } = {}) {
  /** @type {(request: Request) => Promise<Response>} */
  let handler = async () => new Response(null, { status: 503 });
  /** @type {Plan | undefined} */
  let plan;
  /** Which fault befalls a request of a kind, where it is not planned. @type {((kind: Kind) => Fault | undefined) | undefined} */
  let chance;
  let left = 0;
  let armed = false;
  /** Requests that came, in order. @type {Kind[]} */
  let seen = [];
  let befell = 0;
  /** The most bytes that one broken reply has put on the line. */
  let sent = 0;
  /** @type {{ kind: Kind, reached: () => void, gate: Promise<void> } | undefined} */
  let held;

  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;

  // Reached while the other one is not.
  const control = createServer(async ({ url: told }, response) => {
    if (told === "/arm") await arm();
    if (told === "/refused") await refused();
    if (told === "/heal") await heal();
    response.writeHead(204, { connection: "close" }).end();
  });
  control.listen(0, "127.0.0.1");
  await once(control, "listening");
  const controlPort = /** @type {import("node:net").AddressInfo} */ (control.address()).port;

  /** Connections that no request has come on: a client may have made one before it needs it. */
  const fresh = new Set();
  server.on("connection", (socket) => {
    fresh.add(socket);
    socket.on("error", () => {}); // A client that goes away is what some of the cases are about.
    socket.once("close", () => fresh.delete(socket));
  });

  const shut = async () => {
    if (!server.listening) return;
    // Whatever is under way goes on.
    server.close();
    for (const socket of fresh) socket.resetAndDestroy();
  };
  const open = async () => {
    if (server.listening) return;
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };

  async function arm() {
    armed = true;
    if (plan?.fault === "refused" && EARLIER[plan.kind] === undefined) await shut();
  }

  /** Nothing goes wrong any more. */
  async function heal() {
    left = 0;
    await open();
  }

  /** A client was refused. */
  async function refused() {
    if (plan?.fault !== "refused" || server.listening) return;
    befell += 1;
    left -= 1;
    if (left === 0) await open();
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async function answer(request, response) {
    const { method = "", url: path = "", headers, socket } = request;
    fresh.delete(socket);
    const file = files.get(path);
    if (file !== undefined) {
      response.writeHead(200, { "content-type": file.type, connection: "close" }).end(file.body);
      return;
    }
    const kind = /** @type {Kind | undefined} */ (
      Object.entries(PATHS).find(([, part]) => path.includes(part))?.[0]
    );
    const posted = await bytesOf(request);
    const forward = () => {
      const { host, connection, "content-length": length, "transfer-encoding": coding, ...rest } = headers;
      const init = { method, headers: /** @type {Record<string, string>} */ (rest) };
      return handler(new Request(url + path, posted.length > 0 ? { ...init, body: posted } : init));
    };
    if (kind !== undefined && chance !== undefined) {
      const fault = chance(kind);
      if (fault !== undefined) {
        befell += 1;
        return breaks(fault, forward, socket);
      }
    } else if (kind !== undefined && method !== "OPTIONS") seen.push(kind);
    if (armed && plan !== undefined && left > 0 && kind === plan.kind && plan.fault !== "refused") {
      left -= 1;
      befell += 1;
      await breaks(plan.fault, forward, socket);
      return;
    }
    const replied = await forward();
    if (armed && held !== undefined && kind === held.kind) {
      held.reached();
      await held.gate;
    }
    if (armed && left > 0 && plan?.fault === "refused" && kind === EARLIER[plan.kind]) await shut();
    const closing = keepAlive ? [] : [["connection", "close"]];
    response.writeHead(replied.status, [...ready(replied.headers), ...closing].flat());
    for await (const chunk of replied.body ?? []) response.write(chunk);
    response.end();
  }

  /**
   * @param {Fault} fault
   * @param {() => Promise<Response>} forward
   * @param {import("node:net").Socket} socket
   */
  async function breaks(fault, forward, socket) {
    const before = socket.bytesWritten;
    const gone = () => socket.destroyed || socket.writableEnded;
    const send = async (/** @type {Buffer} */ bytes) => {
      if (gone() || socket.write(bytes)) return;
      await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
    };
    await fault({
      async take() {
        const response = await forward();
        const { status, headers } = response;
        // Of a stream of events the first message is all that is needed.
        const stream = headers.get("content-type")?.startsWith("text/event-stream");
        const body = stream ? await firstChunk(response) : Buffer.from(await response.arrayBuffer());
        return { status, headers, body };
      },
      write: ({ status, headers, body }, length = body.length) => {
        const lines = ready(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        const head = `HTTP/1.1 ${status} X\r\n${lines.join("")}content-length: ${Math.floor(length)}\r\nconnection: close\r\n\r\n`;
        return send(Buffer.concat([Buffer.from(head), body]));
      },
      send,
      end: () => socket.end(),
      reset: () => socket.resetAndDestroy(),
      gone,
    });
    sent = Math.max(sent, socket.bytesWritten - before);
  }

  return {
    /** Where it is, with no slash at the end. */
    url,
    /** What a runner tells that it begins, or was refused. */
    control: `http://127.0.0.1:${controlPort}`,
    /**
     * What is behind it from now on, and what goes wrong; nothing that was is left.
     *
     * @param {(request: Request) => Promise<Response>} behind
     * @param {Plan} [next]
     */
    async set(behind, next) {
      handler = behind;
      plan = next;
      left = next?.times ?? 0;
      [armed, seen, befell, sent, held] = [false, [], 0, 0, undefined];
      await open();
    },
    /**
     * Lets faults befall requests by chance from now on.
     *
     * @param {(request: Request) => Promise<Response>} behind
     * @param {(kind: Kind) => Fault | undefined} choose
     */
    gamble(behind, choose) {
      handler = behind;
      chance = choose;
    },
    /**
     * Closes the connections that nobody uses, and counts those that there are.
     *
     * @returns {Promise<number>}
     */
    connections() {
      server.closeIdleConnections();
      for (const socket of fresh) socket.destroy();
      return new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
    },
    /** What has come of it so far. */
    ledger: () => ({ seen: [...seen], befell, sent }),
    /**
     * Holds the replies to one kind of requests back, once armed.
     *
     * @param {Kind} kind
     * @returns `reached`: resolves when one was taken, and its reply waits; `release`: lets them go
     */
    hold(kind) {
      let release = () => {};
      /** @type {Promise<void>} */
      const gate = new Promise((resolve) => {
        release = resolve;
      });
      /** @type {Promise<void>} */
      const reached = new Promise((resolve) => {
        held = { kind, reached: resolve, gate };
      });
      return {
        reached,
        release() {
          held = undefined;
          release();
        },
      };
    },
    /** Stops it. */
    close() {
      for (const each of [server, control]) {
        each.close();
        each.closeAllConnections();
      }
    },
  };
}

/** @param {import("node:http").IncomingMessage} request */
async function bytesOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Without what was true of the way to here. @param {Headers} headers */
const ready = (headers) => [...headers].filter(([name]) => !OF_THE_WAY.test(name));
const OF_THE_WAY = /^(connection|content-encoding|content-length|keep-alive|transfer-encoding)$/;

/** @param {Response} response */
async function firstChunk(response) {
  for await (const chunk of response.body ?? []) return Buffer.from(chunk);
  return Buffer.alloc(0);
}

/** How long a reply says that it is that never ends, in bytes: 10 GB. */
const ENDLESS = 10 * 1024 ** 3;
/** How much of it is sent at most to a client that takes all of it. */
const SENT = 1024 ** 3;
const LEVELS = 100_000;

/** @param {Reply} reply @param {string | Buffer} body */
const saying = (reply, body) => ({ ...reply, body: Buffer.from(body) });

/** A reply that is a stream of messages, as one message. @param {Reply} reply @param {string} json */
const framed = ({ headers, body }, json) =>
  headers.get("content-type")?.startsWith("text/event-stream")
    ? `${body.toString().split("\n")[0]}\ndata: ${json}\n\n`
    : json;

/**
 * The faults, but for a port that is closed.
 *
 * @param {{ second: number, other: string }} how `second`: how long a second is to the client, in milliseconds;
 *   `other`: another host
 */
export const faultsOf = ({ second, other }) =>
  /** @satisfies {Record<string, (exchange: Exchange) => Promise<void> | void>} */ ({
    "reset before it is taken": ({ reset }) => reset(),
    "reset after it is taken": async ({ take, reset }) => {
      await take();
      reset();
    },
    "cut in mid-body": async ({ take, write, end }) => {
      const reply = await take();
      await write(saying(reply, reply.body.subarray(0, reply.body.length / 2)), reply.body.length);
      end();
    },
    "a byte a second": async ({ take, write, send, end, gone }) => {
      const reply = await take();
      await write(saying(reply, ""), reply.body.length);
      for (const byte of reply.body) {
        if (gone()) return;
        await send(Buffer.from([byte]));
        await sleep(second);
      }
      end();
    },
    "10 GB": async ({ take, write, send, gone, end }) => {
      await write(saying(await take(), ""), ENDLESS);
      const chunk = Buffer.alloc(64 * 1024, " ");
      for (let sent = 0; sent < SENT && !gone(); sent += chunk.length) await send(chunk);
      end();
    },
    "longer than it says": async ({ take, write, end }) => {
      const reply = await take();
      await write(reply, reply.body.length / 2);
      end();
    },
    "shorter than it says": async ({ take, write, end }) => {
      const reply = await take();
      await write(reply, reply.body.length + 100);
      end();
    },
    "invalid UTF-8": async ({ take, write, end }) => {
      const reply = await take();
      const broken = Buffer.from(framed(reply, '{"code":200,"msg":"?","data":{"taskId":"?'));
      broken.forEach((byte, at) => {
        if (byte === 0x3f) broken[at] = 0xff;
      });
      await write(saying(reply, broken));
      end();
    },
    "deep JSON": async ({ take, write, end }) => {
      const reply = await take();
      const json = `{"code":200,"data":${"[".repeat(LEVELS)}${"]".repeat(LEVELS)}}`;
      await write(saying(reply, framed(reply, json)));
      end();
    },
    "a redirect to another host": async ({ write, end }) => {
      await write({
        status: 307,
        headers: new Headers({ location: `${other}/elsewhere`, "access-control-allow-origin": "*" }),
        body: Buffer.alloc(0),
      });
      end();
    },
  });
