// @ts-check
// A Worker that only forwards with the key, in workerd. The gateway is compared with it.
import { createRequire } from "node:module";

const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = createRequire(import.meta.url)("miniflare");

const WORKER = `export default {
  fetch(request, { KEY, BASE_URL }) {
    const { pathname, search } = new URL(request.url);
    const forwarded = new Request(BASE_URL + pathname + search, request);
    forwarded.headers.set("authorization", "Bearer " + KEY);
    return fetch(forwarded);
  },
};`;

process.once("message", async (/** @type {Record<string, string>} */ bindings) => {
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      logRequests: false,
      workers: [
        {
          name: "forwarder",
          compatibilityDate: "2026-10-01",
          modules: [{ type: "ESModule", path: "forwarder.js", contents: WORKER }],
          bindings,
        },
      ],
    }),
  );
  process.on("disconnect", () => worker.dispose().finally(() => process.exit()));
  const { origin } = await worker.ready;
  process.send?.({ url: origin });
});
