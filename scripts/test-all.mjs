// @ts-check
// `npm run test:all`: `npm test`, then what takes longer: frameworks to install, and commands to kill. Some of it by name:
// `npm run test:all -- everywhere examples`. The last line is the counts of all.
import { readdir } from "node:fs/promises";
import { Failed, root, script } from "./run.mjs";
import { COUNTS, startTally } from "./tally.mjs";

const { execPath } = process;
const live = { live: true };

/** @param {string} folder */
async function nodeTests(folder) {
  const files = (await readdir(`${root}/${folder}`)).filter((file) => file.endsWith(".test.mjs"));
  const args = ["--test", "--test-concurrency=1", "--test-timeout=1200000", "--test-reporter=spec"];
  return [...args, ...files.map((file) => `${folder}/${file}`)];
}

/** The stages, in their order. @type {Record<string, (tally: ReturnType<typeof startTally>) => Promise<void>>} */
const STAGES = {
  test: (tally) =>
    tally.tests("npm test", execPath, ["scripts/test.mjs"], COUNTS.ours, { ...live, last: true }),
  everywhere: (tally) =>
    tally.tests(
      "The packed tarball by the other bundlers and frameworks",
      execPath,
      ["tests/everywhere/run.mjs", "--rest"],
      COUNTS.ours,
      live,
    ),
  examples: async (tally) =>
    tally.tests("The examples", execPath, await nodeTests("tests/examples"), COUNTS.node, live),
  long: async (tally) =>
    tally.tests("The command, killed many times", execPath, await nodeTests("tests/long"), COUNTS.node, live),
};

await script(async () => {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => STAGES[name] === undefined);
  if (unknown !== undefined) {
    throw new Failed(`There is no stage ${unknown}. Use: ${Object.keys(STAGES).join(", ")}`);
  }
  const tally = startTally();
  for (const [name, stage] of Object.entries(STAGES)) {
    if (names.length === 0 || names.includes(name)) await stage(tally);
  }
  tally.end();
});
