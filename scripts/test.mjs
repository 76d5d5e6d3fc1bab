// @ts-check
// `npm test`: sets up, builds, and runs every check and test but those of `npm run test:all`. The last line is the counts.
import { readdir } from "node:fs/promises";
import { audit } from "./audit.mjs";
import { browser } from "./browser.mjs";
import { build, installPackages } from "./build.mjs";
import { rustChecks, typeScriptChecks } from "./checks.mjs";
import { root, script, step } from "./run.mjs";
import { runtimes } from "./runtimes.mjs";
import { COUNTS, startTally } from "./tally.mjs";

/** Folders of tests that mostly wait. They run while others use the processor: first the compiler, then the browsers. */
const QUIET = ["client", "sandbox", "security"];

await script(async () => {
  const tally = startTally();
  await installPackages(root);
  let chromium = "";
  const install = async () => {
    chromium = await browser();
    await runtimes();
    await installPackages(`${root}/tests/everywhere`);
  };
  const rust = async () => {
    await rustChecks(tally);
    const doc = ["doc", "--locked", "--workspace", "--exclude=bindgen", "--no-deps"];
    await tally.check("Documentation of the Rust", "cargo", doc, { RUSTDOCFLAGS: "-D warnings" });
    await tally.check("Publication of the crate of the rules, tried", "cargo", [
      ...["publish", "--dry-run", "--locked", "--allow-dirty", "--package", "crisp-upscale-core"],
    ]);
    // What runs in WebAssembly only has no native tests, and would be compiled for nothing.
    const without = ["crisp-upscale-gateway", "bindgen", "rust-user"].map((crate) => `--exclude=${crate}`);
    const args = ["test", "--locked", "--workspace", ...without];
    await tally.tests("Tests of the Rust", "cargo", args, COUNTS.cargo);
  };
  const built = Promise.all([build(), install()]);
  const quiet = async () => {
    await built;
    await typeScriptChecks(tally);
    for (const { outcome } of await audit()) tally.counts[outcome] += 1;
    await nodeTests("Tests of the client, the sandbox and the key", await testFiles(isQuiet), { atOnce: 3 });
  };
  const others = async () => {
    await Promise.all([built, rust()]);
    // The page's tests are one file, which by its name would come last and run alone.
    const rest = await testFiles((folder) => folder !== "page" && !isQuiet(folder));
    await Promise.all([
      nodeTests("Tests of the page", await testFiles((folder) => folder === "page"), { atOnce: 1 }),
      nodeTests("Tests with workerd, browsers and other runtimes", rest, { atOnce: 3, live: true }),
    ]);
  };
  await Promise.all([quiet(), others()]);
  await tally.tests(
    "The packed tarball in each runtime, by esbuild and by Vite",
    process.execPath,
    ["tests/everywhere/run.mjs", "--first"],
    COUNTS.ours,
    { env: { CHROMIUM: chromium }, live: true },
  );
  step(
    "Left to `npm run test:all`: the other bundlers, the frameworks, the examples, and the command killed many times",
  );
  tally.end();

  /**
   * @param {string} name
   * @param {string[]} files
   * @param {{ atOnce: number, live?: boolean }} options
   */
  async function nodeTests(name, files, { atOnce, ...options }) {
    const args = ["--test", `--test-concurrency=${atOnce}`, "--test-timeout=600000", "--test-reporter=spec"];
    const env = { CHROMIUM: chromium };
    await tally.tests(name, process.execPath, [...args, ...files], COUNTS.node, { ...options, env });
  }
});

/** @param {string} folder */
function isQuiet(folder) {
  return QUIET.includes(folder);
}

/**
 * The files of tests in the folders of `tests/`, but those that `npm run test:all` runs.
 *
 * @param {(folder: string) => boolean} isWanted
 */
async function testFiles(isWanted) {
  const entries = await readdir(`${root}/tests`, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const found = [".", ...folders]
    .filter((folder) => !["examples", "long"].includes(folder) && isWanted(folder))
    .map(async (folder) =>
      (await readdir(`${root}/tests/${folder}`))
        .filter((file) => file.endsWith(".test.mjs"))
        .map((file) => `tests/${folder}/${file}`),
    );
  return (await Promise.all(found)).flat();
}
