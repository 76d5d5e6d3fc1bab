// @ts-check
// What a page loads to submit a job and wait for its result, beside other clients; see docs/measured/size.md. With `--record`
// it becomes what `tests/package/size.test.mjs` allows.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { root, script, step } from "../scripts/run.mjs";
import { entries, ours, peers } from "../tests/kit/bundle.mjs";
import { printTable } from "./statistics.mjs";

const { values } = parseArgs({ options: { record: { type: "boolean", default: false } } });

await script(async () => {
  const { total, wasm, javascript, fallback } = await ours();
  const others = await peers();

  const rows = {
    "**ours**": total,
    "its WebAssembly": wasm,
    "its JavaScript": javascript,
    ...others,
    "ours, instead of the WebAssembly, where it was not copied": fallback,
    ...(await entries()),
  };
  printTable([
    ["", "bytes", "gzip", "brotli"],
    ...Object.entries(rows).map(([name, { raw, gzip, brotli }]) => [
      name,
      ...[raw, gzip, brotli].map((bytes) => bytes.toLocaleString("en")),
    ]),
  ]);
  const { gzip, brotli } = total;
  if (values.record) {
    await writeFile(`${root}/bench/size.json`, `${JSON.stringify({ gzip, brotli }, null, 2)}\n`);
    step("Recorded in bench/size.json");
  }
  const { fal } = others;
  console.log(JSON.stringify({ gzip, brotli, fal: { gzip: fal.gzip, brotli: fal.brotli } }));
});
