// @ts-check
// A connection on which nothing was sent, in each runtime that can tell, over real sockets: the server's certificate, the
// handshake, a proxy, a port. And what only looks like one.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createTcp } from "node:net";
import { after, before, describe, test } from "node:test";
import { createServer as createTls } from "node:tls";
import { promisify } from "node:util";
import { root } from "../../scripts/run.mjs";
import { runtimes } from "../../scripts/runtimes.mjs";

const FOLDER = `${root}/tests/kit/tls`;
const pem = (/** @type {string} */ name) => readFileSync(`${FOLDER}/${name}.pem`);

/** How many requests arrived, by server. @type {Record<string, number>} */
const arrived = {};
/** @type {Record<string, string>} */
const urls = {};
/** @type {import("node:net").Server[]} */
const servers = [];
let proxy = "";

/** @param {import("node:net").Server} server */
async function listen(server) {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return /** @type {import("node:net").AddressInfo} */ (server.address()).port;
}

/**
 * A server that answers whatever arrives on an encrypted connection with a task.
 *
 * @param {string} name
 * @param {string} certificate
 * @param {import("node:tls").TlsOptions} [options]
 */
async function secure(name, certificate, options = {}) {
  arrived[name] = 0;
  const server = createTls({ key: pem("key"), cert: pem(certificate), ...options }, (socket) => {
    // Clients break these off.
    socket.on("error", () => {});
    socket.once("data", () => {
      arrived[name] = (arrived[name] ?? 0) + 1;
      const body = '{"code":200,"data":{"taskId":"t1"}}';
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;
      socket.end(head + body);
    });
  });
  server.on("tlsClientError", () => {});
  urls[name] = `https://localhost:${await listen(server)}`;
}

before(async () => {
  await secure("trusted", "trusted");
  await secure("self-signed", "self-signed");
  await secure("unknown issuer", "unknown-issuer");
  await secure("another host's", "other-host");
  await secure("expired", "expired");
  const old = /** @type {const} */ ({ minVersion: "TLSv1", maxVersion: "TLSv1.1" });
  await secure("no common version", "trusted", { ...old, ciphers: "ALL:@SECLEVEL=0" });
  const asks = { requestCert: true, rejectUnauthorized: true, ca: pem("ca") };
  // Its refusal comes when the client has done its part of the handshake.
  await secure("wants the client's", "trusted", { ...asks, minVersion: "TLSv1.3" });

  const reset = createTls({ key: pem("key"), cert: pem("trusted") }, (socket) => {
    socket.on("error", () => {});
    socket.destroy();
  });
  reset.on("tlsClientError", () => {});
  urls["broken off after the handshake"] = `https://localhost:${await listen(reset)}`;

  arrived["plain http"] = 0;
  const plain = createHttp((_, response) => {
    arrived["plain http"] = (arrived["plain http"] ?? 0) + 1;
    response.end("{}");
  });
  urls["plain http"] = `https://localhost:${await listen(plain)}`;

  const closes = createTcp((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end());
  });
  urls["broken off in the handshake"] = `https://localhost:${await listen(closes)}`;

  urls["a blocked port"] = "http://localhost:6000";

  const refuses = createHttp();
  refuses.on("connect", (_, socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
  });
  proxy = `http://127.0.0.1:${await listen(refuses)}`;
});

after(() => {
  for (const server of servers) server.close();
});

const SENT_NOTHING = { kind: "unreachable", charged: "no", pending: 0 };
const UNKNOWN = { kind: "outcome-unknown", charged: "unknown", pending: 1 };
const CERTIFICATE = [SENT_NOTHING, /certificate is not trusted, so nothing was sent/];
const HANDSHAKE = [SENT_NOTHING, /TLS handshake with the server failed, so nothing was sent/];
const PORT = [SENT_NOTHING, /sends no requests to this port, so nothing was sent/];
const PROXY = [SENT_NOTHING, /proxy refused to connect to the server, so nothing was sent/];
const LOST = [UNKNOWN, /no readable answer came/];

/** What each runtime proves. @type {Record<string, any[]>} */
const PROVEN = {
  "self-signed": CERTIFICATE,
  "unknown issuer": CERTIFICATE,
  "another host's": CERTIFICATE,
  expired: CERTIFICATE,
  "no common version": HANDSHAKE,
  "plain http": HANDSHAKE,
  "broken off in the handshake": HANDSHAKE,
  "wants the client's": LOST,
  "broken off after the handshake": LOST,
  "a blocked port": PORT,
};

/** Bun says the same of every handshake, also of what comes after its own part, and dials any port. */
const BUN = {
  ...PROVEN,
  "no common version": LOST,
  "plain http": LOST,
  "broken off in the handshake": LOST,
  "a blocked port": [SENT_NOTHING, /^The server cannot be reached/],
};

const NODE = { title: "Node", proven: PROVEN, args: [], hasProxy: false };

for (const { name, title, proven, args, hasProxy } of /** @type {const} */ ([
  { ...NODE, name: "node20" },
  { ...NODE, name: "node22", hasProxy: true },
  { ...NODE, name: "node24", hasProxy: true },
  { name: "deno", title: "Deno", proven: PROVEN, args: ["run", "--allow-net"], hasProxy: true },
  { name: "bun", title: "Bun", proven: BUN, args: [], hasProxy: true },
])) {
  /**
   * @param {Record<string, string>} bases
   * @param {Record<string, string>} [env]
   * @returns {Promise<Record<string, any>>}
   */
  const ends = async (bases, env = {}) => {
    const path = (await runtimes())[name];
    const command = [...args, `${FOLDER}/client.mjs`, JSON.stringify(bases)];
    const ca = `${FOLDER}/ca.pem`;
    const { stdout } = await promisify(execFile)(path, command, {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: ca, DENO_CERT: ca, ...env },
      timeout: 120_000,
    });
    const lines = stdout.trim().split("\n");
    return Object.fromEntries(lines.map((line) => JSON.parse(line)).map((end) => [end.name, end]));
  };

  describe(`${title}, ${name}`, () => {
    test("what was never sent is told from what may have been", async () => {
      const before = { ...arrived };
      const found = await ends(urls);
      assert.equal(found.trusted?.kind, "made", JSON.stringify(found.trusted));
      for (const [row, [expected, words]] of Object.entries(proven)) {
        const { name, message, ...end } = found[row] ?? {};
        assert.deepEqual(end, expected, `${row}: ${message}`);
        assert.match(message, words, row);
        // Behind the other two there is no server that a request could reach.
        if (expected === SENT_NOTHING && row in arrived) {
          assert.equal(arrived[row], before[row], `${row}: a request arrived`);
        }
      }
    });

    const skip = hasProxy ? false : "this version of Node has no proxies";
    test("a proxy that refuses to connect has sent nothing", { skip }, async () => {
      const env = {
        NODE_USE_ENV_PROXY: "1",
        HTTPS_PROXY: proxy,
        https_proxy: proxy,
        NO_PROXY: "",
        no_proxy: "",
      };
      const found = await ends({ proxy: "https://api.example" }, env);
      const [expected, words] = PROXY;
      const { name, message, ...end } = found.proxy;
      assert.deepEqual(end, expected, message);
      assert.match(message, /** @type {RegExp} */ (words));
    });
  });
}
