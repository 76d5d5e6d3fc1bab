// @ts-check
// Servers to which no request can be sent: by their certificate, their handshake, or a proxy. On this machine only.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createTcp } from "node:net";
import { createServer as createTls } from "node:tls";
import { root } from "../../scripts/run.mjs";

/** Certificates and the key of them all. */
export const FOLDER = `${root}/tests/kit/tls`;
const pem = (/** @type {string} */ name) => readFileSync(`${FOLDER}/${name}.pem`);

/** Has a child process of Node, Deno or Bun trust the servers' authority. */
export const TRUST = { NODE_EXTRA_CA_CERTS: `${FOLDER}/ca.pem`, DENO_CERT: `${FOLDER}/ca.pem` };

/** Has a child process use a proxy. @param {string} proxy @param {string} [except] hosts that it reaches without one */
export const throughProxy = (proxy, except = "") => ({
  NODE_USE_ENV_PROXY: "1",
  ...{ HTTPS_PROXY: proxy, https_proxy: proxy, NO_PROXY: except, no_proxy: except },
});

/** Starts all of them. */
export async function startHandshakes() {
  /** How many requests arrived, by server. @type {Record<string, number>} */
  const arrived = {};
  /** Base URLs, by server. @type {Record<string, string>} */
  const urls = {};
  /** @type {import("node:net").Server[]} */
  const servers = [];

  /** @param {import("node:net").Server} server */
  async function listen(server) {
    servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return /** @type {import("node:net").AddressInfo} */ (server.address()).port;
  }

  /**
   * A server that answers every request on an encrypted connection with a task.
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
  const proxy = `http://127.0.0.1:${await listen(refuses)}`;
  return {
    arrived,
    urls,
    /** A proxy that refuses to connect to anything. */
    proxy,
    close() {
      for (const server of servers) server.close();
    },
  };
}
