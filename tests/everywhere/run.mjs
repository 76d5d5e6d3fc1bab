// @ts-check
// `npm run test:everywhere`: the packed tarball, installed as a user does, runs one conformance suite in each runtime
// and through each bundler, against the sandbox. Ends with one line of counts.
// `npm run test:everywhere -- deno vite` runs only what has one of these words in its name; `--first` what `npm test` runs,
// and `--rest` what it leaves to `npm run test:all`.
import { parseArgs } from "node:util";
import { build, installPackages } from "../../scripts/build.mjs";
import { root, script, step } from "../../scripts/run.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { openHarness } from "./harness.mjs";
import { rowsOf } from "./matrix.mjs";
import { nextChecks } from "./next.mjs";
import { packageChecks } from "./package.mjs";
import { names, TASKS } from "./project/src/conformance.js";
import { newProject } from "./project.mjs";

/** How many rows are under way at a time. Most of it is waiting. */
const AT_ONCE = 4;

/** When a row that has not reported is given up, in milliseconds: much, on a busy machine. */
const TIMEOUT = 180_000;

/** The suite's checks, and one that the harness makes: each call made one task. */
const COLUMNS = [...names, "one task"];

/** What `npm test` leaves to `npm run test:all`. */
const LATER = /^(webpack|Rollup|Rspack|Parcel|wrangler|Next|Astro|SvelteKit|Nuxt)/;

const MARKS = { passed: "✓", failed: "✗", skipped: "–" };

/** @type {Record<keyof typeof MARKS, number>} */
const counts = { passed: 0, failed: 0, skipped: 0 };

await script(async () => {
  const { values, positionals } = parseArgs({
    options: { first: { type: "boolean" }, rest: { type: "boolean" } },
    allowPositionals: true,
  });
  const words = positionals.map((word) => word.toLowerCase());
  const isWanted = (/** @type {{ name: string }} */ { name }) =>
    (words.length === 0 || words.some((word) => name.toLowerCase().includes(word))) &&
    !(values.first && LATER.test(name)) &&
    !(values.rest && !LATER.test(name));
  await build();
  await installPackages(`${root}/tests/everywhere`);
  step("Packing, and installing the tarball into a project");
  /** @type {[name: string, cells: (keyof typeof MARKS)[]][]} */
  const table = [];
  const chromium = await launchChromium();
  const project = await newProject();
  try {
    const rows = (await rowsOf(project, chromium)).filter(isWanted);
    step(`${rows.length} runtimes and bundlers, ${COLUMNS.length} checks in each`);
    const queue = rows.entries();
    const work = async () => {
      for (const [index, row] of queue) table[index] = [row.name, await cellsOf(row, project)];
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));

    step("The package itself");
    for (const { name, check } of (await packageChecks(project)).filter(isWanted))
      await tryAlone(name, check);

    const next = nextChecks(project, chromium).filter(isWanted);
    if (next.length > 0) step("Next.js, built and run");
    for (const { name, check } of next) await tryAlone(name, check);
  } finally {
    await chromium.close();
    await project.remove();
  }
  print(table);
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`);
  if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
});

/**
 * Runs the suite in one row, and tells how each check ended.
 *
 * @param {import("./start.mjs").Row} row
 * @param {import("./project.mjs").Project} project
 */
async function cellsOf({ name, absent, prepare }, project) {
  if (absent !== undefined) {
    console.log(`  ${MARKS.skipped} ${name}: skipped, since ${absent}`);
    counts.skipped += COLUMNS.length;
    return COLUMNS.map(() => /** @type {const} */ ("skipped"));
  }
  const began = performance.now();
  const report = await reportOf(prepare, project).catch((error) => {
    const why = String(error?.message ?? error);
    return Object.fromEntries(COLUMNS.map((column) => [column, why]));
  });
  const problems = new Map(COLUMNS.map((column) => [column, report[column]]));
  const failed = COLUMNS.filter((column) => problems.get(column) !== null);
  counts.failed += failed.length;
  counts.passed += COLUMNS.length - failed.length;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`  ${failed.length > 0 ? MARKS.failed : MARKS.passed} ${name} (${seconds} s)`);
  // What keeps a row from starting is told once.
  for (const why of new Set(failed.map((column) => problems.get(column)))) {
    const which = failed.filter((column) => problems.get(column) === why).join(", ");
    console.log(`${which}: ${why ?? "it was not reported"}`.replace(/^/gm, "      "));
  }
  return COLUMNS.map((column) => (problems.get(column) === null ? "passed" : "failed"));
}

/**
 * @param {() => Promise<import("./start.mjs").Start>} prepare
 * @param {import("./project.mjs").Project} project
 * @returns {Promise<import("./harness.mjs").Report>}
 */
async function reportOf(prepare, { createSandbox }) {
  const start = await prepare();
  const harness = await openHarness(createSandbox);
  const gone = new AbortController();
  const late = setTimeout(() => gone.abort(new Error(`no report after ${TIMEOUT} ms`)), TIMEOUT);
  /** @type {import("./start.mjs").Started | undefined} */
  let started;
  try {
    started = await start(harness.url, gone);
    const report = await Promise.race([harness.report, reasonOf(gone.signal)]);
    const { tasks, keysSentToFiles } = await harness.ledger();
    const right = tasks.length === TASKS && keysSentToFiles === 0;
    const found = `${tasks.length} tasks where ${TASKS} are right, the key sent to ${keysSentToFiles} files`;
    return { ...report, "one task": right ? null : found };
  } catch (error) {
    throw new Error(`${/** @type {any} */ (error)?.message ?? error}\n${started?.said?.() ?? ""}`.trim());
  } finally {
    clearTimeout(late);
    try {
      await started?.stop();
    } finally {
      await harness.close();
    }
  }
}

/**
 * Rejects with why it is gone.
 *
 * @param {AbortSignal} gone
 * @returns {Promise<never>}
 */
function reasonOf(gone) {
  return new Promise((_, reject) => {
    if (gone.aborted) reject(gone.reason);
    else gone.addEventListener("abort", () => reject(gone.reason), { once: true });
  });
}

/**
 * A check that is no column.
 *
 * @param {string} name
 * @param {() => Promise<unknown>} check
 */
async function tryAlone(name, check) {
  try {
    await check();
    counts.passed += 1;
    console.log(`  ${MARKS.passed} ${name}`);
  } catch (error) {
    counts.failed += 1;
    const why = String(/** @type {any} */ (error)?.message ?? error);
    console.log(`  ${MARKS.failed} ${name}\n${why.replace(/^/gm, "      ")}`);
  }
}

/** @param {[name: string, cells: (keyof typeof MARKS)[]][]} table */
function print(table) {
  const width = Math.max(0, ...table.map(([name]) => name.length));
  console.log(`\n${"".padEnd(width)}  ${COLUMNS.join("  ")}`);
  for (const [name, cells] of table) {
    const marks = cells.map((cell, index) => MARKS[cell].padEnd(COLUMNS[index]?.length ?? 0));
    console.log(`${name.padEnd(width)}  ${marks.join("  ").trimEnd()}`);
  }
}
