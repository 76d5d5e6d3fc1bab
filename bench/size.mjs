// @ts-check
// What a page loads to submit a job and wait for its result, ours beside other clients; see docs/size.md.
// With `--record`, ours becomes what `tests/size.test.mjs` allows.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { build, installPackages } from "../scripts/build.mjs";
import { root, script, step } from "../scripts/run.mjs";
import { entries, ours, peers } from "./bundle.mjs";

const { values } = parseArgs({ options: { record: { type: "boolean", default: false } } });

await script(async () => {
  await build();
  step("The clients to compare with");
  await installPackages(`${root}/bench`);
  const { total, wasm, javascript, glue, typescript, fallback } = await ours();
  const others = await peers();

  const rows = {
    "**ours**": total,
    "its WebAssembly": wasm,
    "its JavaScript": javascript,
    "of that, generated": glue,
    "of that, TypeScript": typescript,
    ...others,
    "ours, instead of the WebAssembly, where it was not copied": fallback,
    ...(await entries()),
  };
  console.log("\n| | bytes | gzip | brotli |\n| --- | --- | --- | --- |");
  for (const [name, { raw, gzip, brotli }] of Object.entries(rows)) {
    const columns = [raw, gzip, brotli].map((bytes) => bytes.toLocaleString("en"));
    console.log(`| ${name} | ${columns.join(" | ")} |`);
  }
  console.log("");

  const { gzip, brotli } = total;
  if (values.record) {
    await writeFile(`${root}/bench/size.json`, `${JSON.stringify({ gzip, brotli }, null, 2)}\n`);
    step("Recorded in bench/size.json");
  }
  const { fal } = others;
  console.log(JSON.stringify({ gzip, brotli, fal: { gzip: fal.gzip, brotli: fal.brotli } }));
});
