// @ts-check
// Reads a result that the page has already shown, in a real Chromium. The browser has cached it without CORS headers,
// where its host sends those only on request.
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { after, before, test } from "node:test";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { folderOf } from "../../scripts/static.mjs";
import { launchChromium } from "../kit/chromium.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} the package's files, a page, and the API */
let site;
/** @type {Awaited<ReturnType<typeof serve>>} the host of the result */
let host;
/** @type {string[]} who asked the host: `origin` or `nobody` */
let asked = [];

before(async () => {
  const files = await folderOf(`${root}/dist`);
  const photo = new Uint8Array(await readFile(`${root}/www/samples/cat.jpg`));
  host = await serve(
    async (request) => {
      const origin = request.headers.get("origin");
      asked.push(origin === null ? "nobody" : "origin");
      /** @type {Record<string, string>} */
      const headers = { "content-type": "image/jpeg", "cache-control": "public, max-age=86400", etag: '"a"' };
      // No `Vary: Origin`, as hosts forget it.
      if (origin !== null) headers["access-control-allow-origin"] = "*";
      if (!request.headers.has("range")) return new Response(photo, { headers });
      headers["content-range"] = `bytes 0-${photo.length - 1}/${photo.length}`;
      return new Response(photo, { status: 206, headers });
    },
    { port: 0 },
  );
  site = await serve(
    async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/api/v1/jobs/recordInfo") {
        const resultJson = JSON.stringify({ resultUrls: [`${host.url}/${searchParams.get("taskId")}`] });
        return Response.json({ code: 200, msg: "success", data: { state: "success", resultJson } });
      }
      const file = files(pathname);
      const [body, type] =
        file === undefined ? ["<!doctype html><title>Empty</title>", "text/html"] : [file.body, file.type];
      return new Response(body, { headers: { "content-type": type } });
    },
    { port: 0 },
  );
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await site?.close();
  await host?.close();
});

test("a result that an <img> has shown can be read and fetched all the same", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(site.url);
  asked = [];
  const seen = await page.evaluate(async (host) => {
    const { Upscaler } = /** @type {typeof import("crisp-upscale")} */ (
      await import(String(new URL("/browser.js", location.href)))
    );
    const upscaler = new Upscaler({ baseUrl: location.origin, token: "token" });
    const show = async () => {
      const image = new Image();
      image.src = `${host}/shown`;
      document.body.append(image);
      await image.decode();
    };
    await show();
    const cached = await fetch(`${host}/shown`).then(
      () => "read",
      () => "refused",
    );
    const result = await upscaler.resume("shown").result();
    const { size } = await result.blob();
    // Shown once more, out of the browser's memory, and read once more.
    await show();
    const { type, width, height } = await upscaler.resume("shown").result();
    const again = await result.blob();
    return { cached, sizes: [size, again.size], first: [result.type, result.width], type, width, height };
  }, host.url);
  const { size } = await stat(`${root}/www/samples/cat.jpg`);
  assert.deepEqual(seen, {
    // Without which the test would show nothing.
    cached: "refused",
    sizes: [size, size],
    first: ["image/jpeg", 420],
    type: "image/jpeg",
    width: 420,
    height: 280,
  });
  assert.deepEqual(asked, ["nobody", "origin", "origin", "origin", "origin"]);
});
