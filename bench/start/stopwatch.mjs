// @ts-check
// The clock of the start: a server that is notified before a client is imported, and sees its first request.
import { createServer } from "node:http";

/**
 * Starts it, on this machine only.
 *
 * @param {Map<string, { type: string, body: string | Buffer }>} [files] for a page, by path
 */
export async function startStopwatch(files = new Map()) {
  /** @type {Map<string, { begunAt?: number, done: (milliseconds: number) => void }>} by the beginning of a path */
  const runs = new Map();
  const server = createServer((request, response) => {
    const now = performance.now();
    const { pathname } = new URL(request.url ?? "", "http://localhost");
    const file = files.get(pathname);
    if (file !== undefined) return void response.writeHead(200, { "content-type": file.type }).end(file.body);
    const [, base = ""] = /^(\/stopwatch\/\d+\/\w+)(?:\/|$)/.exec(pathname) ?? [];
    const run = runs.get(base);
    if (run === undefined) return void response.writeHead(404).end();
    if (pathname === base && request.method === "GET") {
      const html =
        '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
      return void response.writeHead(200, { "content-type": "text/html" }).end(html);
    }
    if (pathname === `${base}/begin`) {
      return void response.end(() => {
        run.begunAt = performance.now();
      });
    }
    // It stays without an answer: what comes after it is not measured.
    if (run.begunAt !== undefined) run.done(now - run.begunAt);
    runs.delete(base);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  let made = 0;

  return {
    /**
     * Sets up for one run.
     *
     * @param {string} name of the client
     * @returns where it is to be pointed, and the milliseconds from import to first request once that has come
     */
    run(name) {
      made += 1;
      const path = `/stopwatch/${made}/${name}`;
      /** @type {Promise<number>} */
      const sent = new Promise((resolve) => runs.set(path, { done: resolve }));
      return { base: `http://127.0.0.1:${port}${path}`, sent };
    },
    /** Stops the server. */
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
