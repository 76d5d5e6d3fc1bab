// @ts-check
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * The port, or any free one in place of 0: the gateway is told its own address before it starts. Rejects where it
 * is taken.
 *
 * @param {number} wanted
 */
export async function freePort(wanted) {
  const server = createServer().listen(wanted, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}
