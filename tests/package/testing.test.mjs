// @ts-check
// docs/guide/your-tests.md, as its reader tries it: each runner with its own tests, for which an upscale takes no poll's time.
import assert from "node:assert/strict";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Upscaler } from "crisp-upscale";
import { createQuickSandbox } from "crisp-upscale/sandbox";
import { build } from "esbuild";
import { installPackages } from "../../scripts/build.mjs";
import { attempt, root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import { folderOf } from "../../scripts/static.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { SMALL } from "../kit/images.mjs";

const FOLDER = `${root}/tests/package/testing`;
const OUTPUT = `${FOLDER}/output`;
const BIN = `${FOLDER}/node_modules`;

/** @type {string[]} */
let examples;
/** @type {string[]} */
let commands;
before(async () => {
  await installPackages(FOLDER);
  const text = await readFile(`${root}/docs/guide/your-tests.md`, "utf8");
  const blocks = (/** @type {string} */ language) =>
    [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
      ([, code = ""]) => code,
    );
  examples = blocks("js");
  commands = blocks("sh").flatMap((block) => block.trim().split("\n"));
});
after(() => rm(OUTPUT, { recursive: true, force: true }));

/** An empty project with the package in it: as files, since runners treat what is linked as the project's own. */
async function newProject() {
  await rm(OUTPUT, { recursive: true, force: true });
  const installed = `${OUTPUT}/node_modules/crisp-upscale`;
  await mkdir(installed, { recursive: true });
  for (const part of ["dist", "package.json"]) {
    await cp(`${root}/${part}`, `${installed}/${part}`, { recursive: true });
  }
}

/**
 * Runs the page's test by one of its commands, in a project of its own.
 *
 * @param {string} command
 * @param {(code: string) => string} [change] what the page says to change of the test
 */
async function inRunner(command, change = (code) => code) {
  assert.ok(commands.includes(command), `the page has the command ${command}`);
  await newProject();
  await writeFile(`${OUTPUT}/package.json`, JSON.stringify({ type: "module", jest: { transform: {} } }));
  await writeFile(`${OUTPUT}/photo.png`, SMALL);
  await writeFile(`${OUTPUT}/upscale.test.js`, change(examples[0] ?? ""));
  const [, options = "", runner = "", args = ""] =
    /^(?:NODE_OPTIONS=(\S+) )?npx (\S+)(.*)$/.exec(command) ?? [];
  const script = { vitest: "vitest/vitest.mjs", jest: "jest/bin/jest.js" }[runner];
  const within = runner === "vitest" ? ["--root", OUTPUT] : ["--rootDir", OUTPUT];
  // The runners' own limit is 5 s, which a machine that does other things as well can need for the first compilation.
  const limit = "--testTimeout=300000";
  const { ok, output } = await attempt(
    "sh",
    [
      "-c",
      `cd ${OUTPUT} && exec "$0" "$@"`,
      // Vitest does not run in Node 20.
      `${root}/node_modules/.bin/node`,
      `${BIN}/${script}`,
      ...args.replaceAll("'", "").trim().split(" ").filter(Boolean),
      ...within,
      limit,
    ],
    { quiet: true, env: { NODE_OPTIONS: options, NO_COLOR: "1", CI: "1", NODE_TEST_CONTEXT: undefined } },
  );
  assert.ok(ok, output);
  assert.match(output, /2 passed/);
}

const forJest = (/** @type {string} */ code) => code.replace('"vitest"', '"@jest/globals"');
const MODULES = "NODE_OPTIONS=--experimental-vm-modules npx jest";

test("Vitest, node", () => inRunner("npx vitest run"));
test("Vitest, happy-dom", () => inRunner("npx vitest run --environment happy-dom"));
test("Jest, node", () => inRunner(MODULES, forJest));
test("Jest, jsdom", () =>
  inRunner(
    `${MODULES} --env=jest-fixed-jsdom --testEnvironmentOptions='{"customExportConditions":["node"]}'`,
    forJest,
  ));

/**
 * What an example of the page exports.
 *
 * @param {string} name
 */
async function exported(name) {
  const code = examples.find((code) => code.includes(`function ${name}(`)) ?? assert.fail(name);
  await newProject();
  const file = `${OUTPUT}/${name}.mjs`;
  await writeFile(file, code);
  return (await import(pathToFileURL(file).href))[name];
}

test("Playwright", async (t) => {
  const mockUpscales = await exported("mockUpscales");
  const files = await folderOf(`${root}/dist`);
  const { url, close } = await serve(
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/")
        return new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
      const file = files(pathname);
      return file === undefined
        ? new Response(null, { status: 404 })
        : new Response(file.body, { headers: { "content-type": file.type } });
    },
    { port: 0 },
  );
  t.after(close);
  const browser = await launchChromium();
  t.after(() => browser.close());
  const page = await browser.newPage();
  const sandbox = await mockUpscales(page, SMALL);
  t.after(() => sandbox.close());
  await page.goto(url);
  const width = await page.evaluate(async () => {
    const entry = "/browser.js";
    const { Upscaler } = await import(entry);
    const upscaler = new Upscaler({ baseUrl: "https://gateway.test", token: "sandbox" });
    return (await upscaler.upscale("https://host.example/photo.png")).width;
  });
  assert.equal(width, 128);
});

test("a Worker, in Miniflare", async (t) => {
  const outboundService = await exported("outboundService");
  const code = `
    import { Upscaler } from "crisp-upscale";
    export default {
      async fetch(request, env) {
        const upscaler = new Upscaler({ apiKey: env.KIE_API_KEY });
        return Response.json(await upscaler.upscale("https://host.example/photo.png"));
      },
    };`;
  await mkdir(`${OUTPUT}/worker`, { recursive: true });
  await build({
    stdin: { contents: code, resolveDir: root },
    bundle: true,
    format: "esm",
    conditions: ["workerd"],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
    outfile: `${OUTPUT}/worker/index.js`,
  });
  const { convertV4MiniflareOptions, Miniflare } = createRequire(import.meta.url)("miniflare");
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      modulesRoot: `${OUTPUT}/worker`,
      modules: [
        { type: "ESModule", path: `${OUTPUT}/worker/index.js` },
        { type: "CompiledWasm", path: `${OUTPUT}/worker/crisp_upscale_bg.wasm` },
      ],
      compatibilityDate: "2026-10-01",
      bindings: { KIE_API_KEY: "sandbox" },
      outboundService: outboundService(SMALL),
    }),
  );
  t.after(() => miniflare.dispose());
  const { width } = await (await miniflare.dispatchFetch("http://worker.test/")).json();
  assert.equal(width, 128);
});

test("an upscale waits for no poll, whatever becomes of it", async (t) => {
  const sandbox = createQuickSandbox({ fetch: async () => new Response(new Uint8Array(SMALL)) });
  t.after(() => sandbox.close());
  /** @type {string[]} */
  const paths = [];
  const fetch = (/** @type {Request} */ request) => {
    paths.push(new URL(request.url).pathname);
    return sandbox.fetch(request);
  };
  const upscaler = new Upscaler({ apiKey: "sandbox", baseUrl: "http://sandbox.test", fetch });
  const fail = (/** @type {object} */ fault) =>
    sandbox.fetch(
      new Request("http://sandbox.test/sandbox/faults", { method: "POST", body: JSON.stringify([fault]) }),
    );
  const image = "https://host.example/photo.png";
  await upscaler.upscale(image);
  assert.equal((await upscaler.upscale(SMALL)).width, 128, "a file");
  await fail({ route: "task", kind: "code", code: 501, msg: "no" });
  await assert.rejects(upscaler.upscale(image), { kind: "generation-failed" });
  const ended = await Promise.all(Array.from({ length: 10 }, () => upscaler.upscale(image)));
  assert.equal(ended.length, 10, "several at once");
  assert.ok(!paths.some((path) => path.endsWith("/recordInfo")), "no polls");
  await fail({ route: "recordInfo", kind: "code", code: 401, msg: "no" });
  await assert.rejects(upscaler.upscale(image), { kind: "unauthorized", charged: "unknown" });
});
