// @ts-check
// What a page loads: at most what is recorded, and everything that it loads is counted.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { folderOf } from "../../scripts/static.mjs";
import { bundle, folder, sizeOf } from "../kit/bundle.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

/**
 * How much more than is recorded is let pass, as a share: the compilers that build the WebAssembly (rustup's 1.95,
 * Debian's 1.96) and the zlib and brotli of Node's versions do not make quite the same of the same source.
 */
const TOLERANCE = 0.01;

/** @type {import("../kit/bundle.mjs").File[]} */
let files;
before(async () => {
  files = await bundle();
});

test("ours has not grown beyond what is recorded", async () => {
  const recorded = JSON.parse(await readFile(`${root}/bench/size.json`, "utf8"));
  const size = sizeOf(files.filter(({ loaded }) => loaded));
  for (const format of /** @type {const} */ (["gzip", "brotli"])) {
    assert.ok(
      size[format] <= recorded[format] * (1 + TOLERANCE),
      `${size[format]} bytes of ${format}, recorded are ${recorded[format]}. See what grew by \`npm run bench -- size\`; ` +
        "if it has to be so, record it anew by `npm run bench -- size --record`",
    );
  }
});

test("the files that are counted are all that a page loads, and they upscale", async (t) => {
  const sandbox = quickSandbox();
  t.after(() => sandbox.close());
  const page = await folderOf(folder);
  /** @type {string[]} */
  const asked = [];
  const server = await serve(
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/") {
        return new Response('<!doctype html><link rel="icon" href="data:,"><title>Empty</title>', {
          headers: { "content-type": "text/html" },
        });
      }
      const file = page(pathname);
      if (file === undefined) return sandbox.fetch(request);
      asked.push(pathname.slice(1));
      return new Response(file.body, { headers: { "content-type": file.type } });
    },
    { port: 0 },
  );
  t.after(() => server.close());
  const browser = await launchChromium();
  t.after(() => browser.close());

  const tab = await browser.newPage();
  await tab.goto(server.url);
  const photo = await readFile(`${root}/www/samples/cat.jpg`, "base64");
  const result = await tab.evaluate(
    async ({ entry, photo }) => {
      const { upscale } = await import(entry);
      const image = await (await fetch(`data:image/jpeg;base64,${photo}`)).blob();
      const options = { apiKey: "sandbox", baseUrl: location.origin, dangerouslyAllowBrowser: true };
      const { width, height } = await upscale(image, options);
      return { width, height };
    },
    { entry: `/${files[0]?.name}`, photo },
  );
  assert.ok(result.width > 0 && result.height > 0);
  const counted = files.filter(({ loaded }) => loaded).map(({ name }) => name);
  assert.deepEqual(asked.sort(), counted.sort());
});
