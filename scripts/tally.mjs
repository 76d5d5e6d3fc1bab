// @ts-check
// Counts of checks and tests, and how long each took.
import { stripVTControlCharacters } from "node:util";
import { attempt, step } from "./run.mjs";

/** Starts counting. */
export function startTally() {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const began = performance.now();
  /** What failed, with what it printed. @type {string[]} */
  const failures = [];

  /**
   * Runs a check that has one result, its exit code. Its output is shown if it fails.
   *
   * @param {string} name
   * @param {string} command
   * @param {string[]} args
   * @param {Record<string, string>} [env]
   */
  async function check(name, command, args, env = {}) {
    const started = performance.now();
    const { ok, output } = await attempt(command, args, { quiet: true, env });
    counts[ok ? "passed" : "failed"] += 1;
    if (!ok) failures.push(`${name}\n${output.trim()}`);
    step(
      `${name}: ${ok ? "passed" : "failed"} (${secondsSince(started)} s)${ok ? "" : `\n${output.trim()}`}`,
    );
  }

  return {
    counts,
    check,

    /**
     * As `check`, by a part of the Rust toolchain that a minimal one does not have.
     *
     * @param {string} name
     * @param {string} component
     * @param {string[]} args of cargo
     */
    async rustCheck(name, component, args) {
      const [subcommand = ""] = args;
      const present = async () => (await attempt("cargo", [subcommand, "--version"], { quiet: true })).ok;
      if (!(await present())) await attempt("rustup", ["component", "add", component], { quiet: true });
      if (await present()) return check(name, "cargo", args);
      step(`${name}: skipped, since this toolchain has no ${component} and rustup cannot add it`);
      counts.skipped += 1;
    },

    /**
     * Runs tests and adds up what their runner counted. A run that fails without a failed test, or without any
     * count, is itself a failure.
     *
     * @param {string} name
     * @param {string} command
     * @param {string[]} args
     * @param {RegExp} pattern with groups for passed, failed and skipped
     * @param {{ env?: Record<string, string>, live?: boolean, last?: boolean }} [options] `live`: the output is shown as it
     *   comes, and not at the end, as it has to be where other tests run at the same time. `last`: the last count is the
     *   sum of the others
     */
    async tests(name, command, args, pattern, { env = {}, live = false, last = false } = {}) {
      const started = performance.now();
      if (live) step(name);
      const { ok, output } = await attempt(command, args, { [live ? "echo" : "quiet"]: true, env });
      // Reporters colour what they print to a terminal.
      const all = [...stripVTControlCharacters(output).matchAll(pattern)];
      const matches = last ? all.slice(-1) : all;
      const sum = (/** @type {number} */ group) =>
        matches.reduce((total, match) => total + Number(match[group] ?? 0), 0);
      counts.passed += sum(1);
      counts.skipped += sum(3);
      const failed = ok && matches.length > 0 ? sum(2) : Math.max(1, sum(2));
      counts.failed += failed;
      if (failed > 0) failures.push(`${name}\n${failedPart(output)}`);
      if (!live) console.log(output);
      step(`${name}: ${sum(1)} passed, ${failed} failed (${secondsSince(started)} s)`);
    },

    /** Prints what failed once more, then the counts as the last line, and sets the exit code. */
    end() {
      for (const failure of failures) step(`${FAILED}${failure}`);
      step(`${secondsSince(began)} s in all`);
      const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
      console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`);
      if (counts.failed > 0) process.exitCode = 1;
    },
  };
}

/** What the runners print. */
export const COUNTS = {
  cargo: /^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  node: /^ℹ pass (\d+)$[\s\S]*?^ℹ fail (\d+)$[\s\S]*?^ℹ skipped (\d+)$/gm,
  ours: /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm,
};

/** What this script itself prints above what failed. */
const FAILED = "Failed: ";

/** Where a runner's list of what failed begins, by the runner. */
const LISTS = [`• ${FAILED}`, "✖ failing tests:", "\nfailures:\n"];

/** How much of the end of an output is repeated, in characters, where no list is found. */
const REPEATED = 8000;

/**
 * What a run of tests printed about those that failed: from its list on, or its end.
 *
 * @param {string} output
 */
function failedPart(output) {
  const text = stripVTControlCharacters(output);
  const start = LISTS.map((list) => text.indexOf(list)).find((index) => index >= 0) ?? -1;
  return (start < 0 ? text.slice(-REPEATED) : text.slice(start)).trim();
}

/** @param {number} started */
function secondsSince(started) {
  return Math.round((performance.now() - started) / 1000);
}
