// @ts-check
// `npm run check`, the quick loop: format, lints, types, and the tests of the rules.
import { existsSync } from "node:fs";
import { build } from "./build.mjs";
import { rustChecks, typeScriptChecks } from "./checks.mjs";
import { root, script } from "./run.mjs";
import { COUNTS, startTally } from "./tally.mjs";

await script(async () => {
  // The types of the WebAssembly come from a build. It is not built anew here.
  if (!existsSync(`${root}/dist/www`)) await build();
  const tally = startTally();
  const rust = async () => {
    await rustChecks(tally);
    const rules = ["crisp-upscale-core", "crisp-upscale-gateway-core"].map((crate) => `--package=${crate}`);
    const args = ["test", "--locked", ...rules];
    await tally.tests("Tests of the rules", "cargo", args, COUNTS.cargo);
  };
  const typeScript = async () => {
    await tally.check("Types of the package", `${root}/node_modules/.bin/tsc`, [
      "-p",
      "tsconfig.json",
      "--noEmit",
    ]);
    await typeScriptChecks(tally);
  };
  await Promise.all([rust(), typeScript()]);
  tally.end();
});
