// @ts-check
// What a page loads to submit a job and wait for its result, ours beside other clients; see docs/size.md.
// With `--record`, ours becomes what `tests/size.test.mjs` allows.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { build, installPackages } from "../scripts/build.mjs";
import { root, script, step } from "../scripts/run.mjs";
import { ours, peers } from "./bundle.mjs";

const { values } = parseArgs({ options: { record: { type: "boolean", default: false } } });

await script(async () => {
  await build();
  step("The clients to compare with");
  await installPackages(`${root}/bench`);
  const { total, wasm, javascript, glue, typescript, fallback } = await ours();
  const others = await peers();

  const rows = {
    ours: total,
    "  WebAssembly": wasm,
    "  JavaScript": javascript,
    "    generated glue": glue,
    "    TypeScript": typescript,
    ...others,
    "ours, only where the .wasm was not copied": fallback,
  };
  const width = Math.max(...Object.keys(rows).map((name) => name.length));
  const line = (/** @type {string} */ name, /** @type {(string | number)[]} */ columns) =>
    console.log(name.padEnd(width), ...columns.map((column) => column.toLocaleString("en").padStart(9)));
  console.log("");
  line("", ["bytes", "gzip", "brotli"]);
  for (const [name, { raw, gzip, brotli }] of Object.entries(rows)) line(name, [raw, gzip, brotli]);
  console.log("");

  const { gzip, brotli } = total;
  if (values.record) {
    await writeFile(`${root}/bench/size.json`, `${JSON.stringify({ gzip, brotli }, null, 2)}\n`);
    step("Recorded in bench/size.json");
  }
  const { fal } = others;
  console.log(JSON.stringify({ gzip, brotli, fal: { gzip: fal.gzip, brotli: fal.brotli } }));
});
