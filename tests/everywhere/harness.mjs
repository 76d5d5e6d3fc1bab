// @ts-check
// What a runtime talks to: the sandbox over sockets, a photo, a receiver for the sandbox's callback, which a page
// cannot receive, and a receiver for the report.
import { serve } from "../../scripts/serve.mjs";
import { SMALL } from "../kit/images.mjs";
import { SHARED } from "./project/src/conformance.js";

/** @typedef {Record<string, string | null>} Report of each check: null, or why it failed */

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "*",
  // The star leaves this one out.
  "access-control-allow-headers": "*, Authorization",
};

/**
 * Opens a harness for one run of the suite.
 *
 * @param {typeof import("../../dist/sandbox.js").createSandbox} createSandbox
 */
export async function openHarness(createSandbox) {
  const sandbox = createSandbox({
    ...SHARED,
    delays: { waiting: 0, queuing: 0, generating: 0 },
    gracePeriod: 0,
  });
  /** @type {Promised<object>} */
  const posted = promised();
  /** @type {Promised<Report>} */
  const report = promised();
  /** @type {Record<string, (request: Request) => Promise<Response>>} */
  const routes = {
    async "/harness/small.png"() {
      return new Response(new Uint8Array(SMALL), { headers: { "content-type": "image/png" } });
    },
    async "/harness/callback"(request) {
      const { method, headers } = request;
      posted.resolve({ method, headers: Object.fromEntries(headers), body: await request.text() });
      return new Response();
    },
    async "/harness/posted"() {
      return Response.json(await posted.promise);
    },
    async "/harness/report"(request) {
      report.resolve(/** @type {any} */ (await request.json()));
      return new Response();
    },
  };
  const { url, close } = await serve(
    async (request) => {
      // The API allows no pages of other origins, so a page asks a server of its owner's.
      if (request.method === "OPTIONS") return new Response(null, { headers: CORS });
      const answer = routes[new URL(request.url).pathname] ?? sandbox.fetch;
      const response = await answer(request);
      for (const [name, value] of Object.entries(CORS)) response.headers.set(name, value);
      return response;
    },
    { port: 0 },
  );
  return {
    url,
    /** What the suite found. */
    report: report.promise,
    /** @returns {Promise<import("../../dist/sandbox.js").Ledger>} */
    async ledger() {
      return /** @type {any} */ (await (await fetch(`${url}/sandbox/ledger`)).json());
    },
    async close() {
      await close();
      await sandbox.close();
    },
  };
}

/**
 * @template T
 * @typedef {{ promise: Promise<T>, resolve(value: T): void }} Promised
 */

/** A promise, and what settles it. */
function promised() {
  /** @type {(value: any) => void} */
  let resolve = () => {};
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
