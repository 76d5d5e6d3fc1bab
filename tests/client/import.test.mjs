// @ts-check
// Importing the package needs no global of the web: Jest's jsdom has neither TextDecoder nor fetch.
import assert from "node:assert/strict";
import { test } from "node:test";
import { attempt, root } from "../../scripts/run.mjs";

/** What is taken away before each entry is imported. `URL` stays: Node's own loader needs it. */
const GLOBALS = [
  ...["TextDecoder", "TextEncoder", "fetch", "crypto", "Request", "Response", "Headers", "FormData", "Blob"],
  ...[
    "AbortController",
    "AbortSignal",
    "ReadableStream",
    "TransformStream",
    "performance",
    "structuredClone",
  ],
  ...["FinalizationRegistry", "WebAssembly", "navigator", "atob", "btoa", "setTimeout", "queueMicrotask"],
];

for (const entry of ["node", "browser", "deno"]) {
  test(`${entry}.js can be imported where there are no globals, and says what a call lacks`, async () => {
    const script = `
      const { log } = console;
      for (const name of ${JSON.stringify(GLOBALS)}) {
        if (!Reflect.deleteProperty(globalThis, name)) throw new Error(name + " is still there");
      }
      const { Upscaler, preload } = await import(${JSON.stringify(`${root}/dist/${entry}.js`)});
      const kind = await preload(new Uint8Array(8)).then(() => "loaded", ({ kind }) => kind);
      log(JSON.stringify([typeof Upscaler, kind]));
    `;
    const args = ["--input-type=module", "--eval", script];
    const { ok, output } = await attempt(process.execPath, args, { quiet: true });
    assert.ok(ok, output);
    assert.deepEqual(JSON.parse(output.trim()), ["function", "load-failed"]);
  });
}
