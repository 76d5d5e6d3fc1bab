// @ts-check
// The gateway with real browsers over HTTP/1.1. Lost replies make a browser repeat its POST by itself, and it has six
// connections to a host.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, test } from "node:test";
import { Failed, root } from "../../scripts/run.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { fixtures, tokenOf } from "../kit/gateway.mjs";
import { startMock } from "../kit/mock.mjs";
import { browsers, pageFiles, startPage } from "../kit/pages.mjs";

/** When a call is given up that never settles, in milliseconds: much, on a busy machine. */
const timeout = 120_000;

const CREATE = "POST /api/v1/jobs/createTask ";

/**
 * Stands between a browser and the gateway, and cuts connections on which the gateway has begun to answer a createTask.
 *
 * @param {import("node:test").TestContext} t
 * @param {number} port the gateway's
 * @param {{ from: number, to: number }} lost which replies, of the connections' createTasks counted from 0
 */
async function losing(t, port, { from, to }) {
  /** Of each createTask that came: whether its connection was used before. @type {boolean[]} */
  const creates = [];
  /** @type {Set<import("node:net").Socket>} */
  const sockets = new Set();
  const server = createServer((browser) => {
    const gateway = connect(port, "127.0.0.1");
    let requests = 0;
    let cuts = false;
    const end = () => {
      browser.destroy();
      gateway.destroy();
    };
    for (const socket of [browser, gateway]) {
      sockets.add(socket);
      // A browser that goes breaks its connections off.
      socket.on("error", end).on("close", end);
    }
    browser.on("data", (bytes) => {
      const head = bytes.subarray(0, CREATE.length).toString("latin1");
      if (head === CREATE) {
        cuts = creates.length >= from && creates.length < to;
        creates.push(requests > 0);
      }
      if (/^[A-Z]+ \//.test(head)) requests += 1;
      gateway.write(bytes);
    });
    gateway.on("data", (bytes) => {
      if (cuts) end();
      else browser.write(bytes);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${address.port}`, creates };
}

for (const browser of browsers.filter(({ name }) => name !== "webkit")) {
  describe(browser.title, () => {
    for (const [what, to, wanted] of /** @type {const} */ ([
      ["one reply to a createTask is lost on a warmed connection: one task, and its result", 2, "resolved"],
      [
        "every reply to a createTask is lost: one task, and outcome-unknown",
        Number.POSITIVE_INFINITY,
        "lost",
      ],
    ])) {
      test(what, async (t) => {
        const path = await browser.find().catch((error) => error);
        if (path instanceof Failed) return t.skip(path.message);
        const files = await pageFiles();
        // Only its files are asked for.
        const pages = await startMock(files);
        t.after(() => pages.close());
        const own = await fixtures(t, { settings: { ORIGINS: pages.origin } });
        const { url, creates } = await losing(t, Number(new URL(own.url).port), { from: 1, to });
        const page = await startPage(browser, pages.origin, files);
        t.after(page.stop);
        const outcome = await page.order({
          base: url,
          token: await tokenOf(browser.name),
          image: `${own.images}/small.png`,
          jobs: 2,
          timeout,
        });
        if (wanted === "resolved") assert.equal(outcome.end, "resolved", outcome.message);
        else assert.equal(outcome.label, "outcome-unknown", outcome.message);
        const { tasks, requests } = await own.sandbox.ledger();
        assert.deepEqual([tasks.length, requests.createTask], [2, 2], "beside the one before");
        assert.ok(creates[1], "the reply was lost on a connection that was used before");
        assert.ok(creates.length > 2, "the request came again");
      });
    }
  });
}

test("20 at once in a page of the gateway's own: all end, and nothing is polled", async (t) => {
  const own = await fixtures(t);
  const browser = await launchChromium();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.route("**/package/**", (route) =>
    route.fulfill({ path: `${root}/dist${new URL(route.request().url()).pathname.replace("/package", "")}` }),
  );
  /** @type {string[]} */
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(own.url);
  const ends = await page.evaluate(
    async ({ token, image }) => {
      const module = "/package/browser.js";
      /** @type {typeof import("crisp-upscale")} */
      const { Upscaler } = await import(module);
      const upscaler = new Upscaler({ baseUrl: location.origin, token });
      const ends = [];
      const images = Array.from({ length: 20 }, () => image);
      for await (const { result, error } of upscaler.upscaleAll(images, { concurrency: 20 })) {
        ends.push(error ? error.message : `${result.width} × ${result.height}`);
      }
      return ends;
    },
    { token: await tokenOf("page"), image: `${own.images}/small.png` },
  );
  assert.deepEqual(ends, Array(20).fill("128 × 128"));
  const count = (/** @type {string} */ path) => asked.filter((url) => url.includes(path)).length;
  assert.deepEqual([count("createTask"), count("recordInfo")], [20, 0]);
  assert.ok(count("/jobs/events") > 0);
  assert.equal((await own.sandbox.ledger()).tasks.length, 20);
});
