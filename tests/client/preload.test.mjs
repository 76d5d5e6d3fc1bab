// @ts-check
// Loading the WebAssembly from a given source. The package here has neither its wasm file nor the module with the
// same bytes, so only the given source can have been loaded.
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { attempt, root } from "../../scripts/run.mjs";

const WASM = `${root}/dist/wasm/crisp_upscale_bg.wasm`;

/** Each is loaded in a process of its own, since what is loaded stays. */
const SOURCES = {
  "the file's bytes": "bytes",
  "its address": 'new URL("data:application/wasm;base64," + bytes.toString("base64"))',
  "a response with it": 'new Response(bytes, { headers: { "content-type": "application/wasm" } })',
  "a response of another type": "new Response(bytes)",
  "the compiled module": "new WebAssembly.Module(bytes)",
  "a promise of it": "WebAssembly.compile(bytes)",
  "a module of another realm": 'elsewhere("new WebAssembly.Module(bytes)", { bytes })',
  "bytes of another realm": 'elsewhere("Uint8Array.from(bytes)", { bytes })',
  "a response of another package":
    'Object.defineProperty({ arrayBuffer: async () => bytes }, Symbol.toStringTag, { value: "Response" })',
};

/** @param {string} entry @param {string} source */
const scriptOf = (entry, source) => `
import { readFile } from "node:fs/promises";
import { runInNewContext as elsewhere } from "node:vm";
const { preload, Upscaler } = await import(${JSON.stringify(entry)});
const bytes = await readFile(${JSON.stringify(WASM)});
const kindOf = (loading) => loading.then(() => "loaded", ({ kind }) => kind);
const reply = async () => Response.json({ code: 200, msg: "success", data: 17 });
const upscaler = new Upscaler({ apiKey: "key", fetch: reply });
const seen = [];
seen.push(await kindOf(preload()), await kindOf(upscaler.credits()));
seen.push(await kindOf(preload(new Uint8Array(8))), await kindOf(preload(new Response(null, { status: 404 }))));
seen.push(await kindOf(preload(${source})), await kindOf(preload()), await upscaler.credits());
console.log(JSON.stringify(seen));
`;

describe("what is loaded is what was given", () => {
  /** @type {string} */
  let dist;
  before(async () => {
    dist = join(await mkdtemp(join(tmpdir(), "crisp-upscale-")), "dist");
    const isNoWasm = (/** @type {string} */ path) => !/inline\.js$|_bg\.wasm$/.test(path);
    await cp(`${root}/dist`, dist, { recursive: true, filter: isNoWasm });
  });
  after(() => rm(join(dist, ".."), { recursive: true }));

  for (const entry of ["node", "browser", "deno"]) {
    for (const [what, source] of Object.entries(SOURCES)) {
      test(`by ${entry}.js: ${what}`, async () => {
        const script = scriptOf(pathToFileURL(join(dist, `${entry}.js`)).href, source);
        const args = ["--input-type=module", "--eval", script];
        const { ok, output } = await attempt(process.execPath, args, { quiet: true });
        assert.ok(ok, output);
        const failures = Array(4).fill("load-failed");
        assert.deepEqual(JSON.parse(output.split("\n").at(-2) ?? ""), [...failures, "loaded", "loaded", 17]);
      });
    }
  }
});
