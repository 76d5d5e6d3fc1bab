// @ts-check
// `npm run bench -- NAME`: runs one measurement. The last line of its output is JSON.
import { build, installPackages } from "../scripts/build.mjs";
import { attempt, Failed, root, script, step } from "../scripts/run.mjs";

/**
 * The measurements: what each one shows, and how it is started once the package is built.
 *
 * @type {Record<string, { shows: string, peers?: boolean, command?: string[], flags?: string[] }>}
 */
const BENCHMARKS = {
  behaviour: { shows: "what this client and four others do when things go wrong", peers: true },
  size: { shows: "what a page loads; --record makes it the budget of the tests", peers: true },
  start: { shows: "time to the first request, processor time and memory of a waiting job", peers: true },
  gateway: { shows: "rates, push and load of the gateway; --without-load leaves out the load" },
  batch: {
    shows: "the command: 200 files at the service's limit, memory with 200 and 2,000, processor time",
  },
  soak: { shows: "what 50,000 jobs leave behind and lose; --jobs, --seed", flags: ["--expose-gc"] },
  polling: {
    shows: "how good the schedule of polls is",
    command: ["cargo", "run", "--locked", "--profile", "sandbox", "--package", "polling"],
  },
};

await script(async () => {
  const [name = "", ...args] = process.argv.slice(2);
  const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (benchmark === undefined) {
    const list = Object.entries(BENCHMARKS).map(([name, { shows }]) => `  ${name.padEnd(10)} ${shows}`);
    throw new Failed(["npm run bench -- NAME, where NAME is one of", ...list].join("\n"));
  }
  const { peers, flags = [], command } = benchmark;
  if (command === undefined) await build();
  if (peers) {
    step("The clients to compare with");
    await installPackages(`${root}/bench`);
  }
  const [program = "", ...own] = command ?? [process.execPath, ...flags, `${root}/bench/${name}.mjs`];
  const { ok } = await attempt(program, [...own, ...args]);
  if (!ok) process.exitCode = 1;
});
