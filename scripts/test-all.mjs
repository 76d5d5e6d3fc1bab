// @ts-check
// `npm run test:all`: `npm test`, then what needs frameworks installed. The last line is the counts of all.
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { root, script } from "./run.mjs";
import { COUNTS, startTally } from "./tally.mjs";

await script(async () => {
  const tally = startTally();
  const live = { live: true };
  const { execPath } = process;
  await tally.tests("npm test", execPath, ["scripts/test.mjs"], COUNTS.ours, { ...live, last: true });
  await tally.tests(
    "The packed tarball by the other bundlers and frameworks",
    execPath,
    ["tests/everywhere/run.mjs", "--rest"],
    COUNTS.ours,
    live,
  );
  for (const [name, folder] of /** @type {const} */ ([
    ["The examples", "tests/examples"],
    ["The command, killed many times", "tests/long"],
  ])) {
    const files = existsSync(`${root}/${folder}`) ? await readdir(`${root}/${folder}`) : [];
    const tests = files.filter((file) => file.endsWith(".test.mjs")).map((file) => `${folder}/${file}`);
    if (tests.length === 0) continue;
    const args = ["--test", "--test-concurrency=1", "--test-timeout=1200000", "--test-reporter=spec"];
    await tally.tests(name, execPath, [...args, ...tests], COUNTS.node, live);
  }
  tally.end();
});
