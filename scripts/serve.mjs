// @ts-check
import { createServer } from "node:http";
import { createRequest, sendResponse } from "@remix-run/node-fetch-server";

/**
 * Serves a handler of web-standard requests on this machine only. A handler that rejects drops
 * its connection.
 *
 * @param {(request: Request, connection: { port: number | undefined }) => Promise<Response>} handler
 *   `port`: the one that the request came in at, whatever its `Host` says
 * @param {{ port: number }} options 0 takes any free port
 * @returns {Promise<{ url: string, close(): Promise<void> }>} `url` has no slash at the end;
 *   rejects where the port is taken
 */
export async function serve(handler, { port }) {
  const server = createServer(async (incoming, outgoing) => {
    try {
      await sendResponse(
        outgoing,
        await handler(createRequest(incoming, outgoing), { port: incoming.socket.localPort }),
      );
    } catch {
      incoming.socket.destroy();
    }
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(undefined));
  });
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
