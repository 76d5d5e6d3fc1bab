import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Failed } from "./failed.js";

/**
 * Serves a handler of web-standard requests on this machine only. A handler that rejects drops its connection.
 *
 * @param port 0 takes any free one
 */
export async function serve(
  handler: (request: Request) => Promise<Response>,
  port: number,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (incoming, outgoing) => {
    try {
      const controller = new AbortController();
      outgoing.once("close", () => controller.abort());
      const response = await handler(requestOf(incoming, controller.signal));
      outgoing.writeHead(response.status, [...response.headers].flat());
      if (response.body === null) outgoing.end();
      else
        await pipeline(Readable.fromWeb(response.body as import("node:stream/web").ReadableStream), outgoing);
    } catch {
      incoming.socket.destroy();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === "EADDRINUSE";
      reject(isTaken ? new Failed(`Port ${port} is taken. Choose another with --port.`, 1) : error);
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", headers } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((text): [string, string] => [name, text]),
  );
  return new Request(new URL(url, `http://${headers.host ?? "127.0.0.1"}`), {
    ...{ method, headers: fields, signal },
    ...(hasBody ? { body: Readable.toWeb(incoming) as unknown as BodyInit, duplex: "half" } : {}),
  } as RequestInit);
}
