// @ts-check
// Fuzzes what reads what others send: each target of fuzz/ for some seconds. Ends with a table, and one line of JSON.
//
//   npm run fuzz -- --seconds 60 --target detail
//
// Without --target all have their turn. What is learned is kept in fuzz/target and used by the next run.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Failed, root, run, script, step } from "./run.mjs";

/** Knows what flags a compiler wants; pinned, as the targets' dependencies are by fuzz/Cargo.lock. */
const CARGO_FUZZ = "0.13.2";

/** How much memory a target may take, in MB. What is enlarged is small; the rest only reads. */
const MEMORY = 1024;

/** How long one input may take, in seconds. */
const TIMEOUT = 10;

/** The longest input, in bytes: more finds nothing new in readers that begin at the beginning, and is slow. */
const LONGEST = 4096;

/** How often progress is shown, in milliseconds. */
const PROGRESS = 10_000;

/**
 * @typedef {object} Figures What came of a target.
 * @property {string} target
 * @property {number} seconds
 * @property {number} executions
 * @property {number} perSecond
 * @property {number} cov What libFuzzer counts as `cov`: edges of the program that were taken.
 * @property {number} corpus Inputs that each add something to that.
 * @property {number} memory The most memory that it took, in MB.
 * @property {string[]} crashes Inputs that broke it, by file.
 */

await script(async () => {
  const { values } = parseArgs({
    options: { seconds: { type: "string", default: "60" }, target: { type: "string" } },
  });
  const seconds = Number(values.seconds);
  if (!Number.isInteger(seconds) || seconds < 1)
    throw new Failed("--seconds must be a whole number, 1 or more.");
  const all = (await readdir(`${root}/fuzz/fuzz_targets`)).map((file) => file.replace(/\.rs$/, ""));
  const targets = values.target === undefined ? all : all.filter((name) => name === values.target);
  if (targets.length === 0) throw new Failed(`There is no such target. There are: ${all.join(", ")}.`);

  const programs = await build();
  /** @type {Figures[]} */
  const figures = [];
  for (const target of targets) {
    step(`Fuzzing ${target} for ${seconds} s`);
    figures.push(await fuzz(`${programs}/${target}`, target, seconds));
  }
  show(figures);

  const crashes = figures.flatMap(({ target, crashes }) => crashes.map((file) => ({ target, file })));
  for (const { target, file } of crashes) {
    console.log(`\n${target} broke on ${file}. To see it again:\n  ${programs}/${target} ${file}`);
    console.log(
      `Then keep it, so that cargo test tries it:\n  mkdir -p fuzz/regressions/${target} && cp ${file} $_`,
    );
  }
  const executions = figures.reduce((sum, { executions }) => sum + executions, 0);
  console.log(JSON.stringify({ targets: figures, executions, crashes: crashes.length }));
  if (crashes.length > 0) process.exitCode = 1;
});

/**
 * Builds all targets.
 *
 * @returns {Promise<string>} the folder of their programs, from the root on.
 */
async function build() {
  const tool = `${root}/target/cargo-fuzz/${CARGO_FUZZ}`;
  const program = `${tool}/bin/cargo-fuzz`;
  if (!existsSync(program)) {
    step(`Installing cargo-fuzz ${CARGO_FUZZ} into target/`);
    await run("cargo", ["install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--root", tool]);
  }
  const host = /host: (.*)/.exec(await run("rustc", ["-vV"], { quiet: true }))?.[1];
  step("Building the targets");
  // A stable compiler has what libFuzzer needs; it only has to be told that it may use it.
  await run(program, ["build", "--target", `${host}`], { env: { RUSTC_BOOTSTRAP: "1" } });
  return `fuzz/target/${host}/release`;
}

/**
 * Fuzzes one target.
 *
 * @param {string} program
 * @param {string} target
 * @param {number} seconds
 * @returns {Promise<Figures>}
 */
async function fuzz(program, target, seconds) {
  const [learned, artifacts] = [`fuzz/target/corpus/${target}`, `fuzz/artifacts/${target}`];
  const kept = [`fuzz/corpus/${target}`, `fuzz/regressions/${target}`].filter((folder) =>
    existsSync(`${root}/${folder}`),
  );
  for (const folder of [learned, artifacts]) await mkdir(`${root}/${folder}`, { recursive: true });
  const before = new Set(await readdir(`${root}/${artifacts}`));
  const child = spawn(
    program,
    [
      learned,
      ...kept,
      `-max_total_time=${seconds}`,
      `-rss_limit_mb=${MEMORY}`,
      `-timeout=${TIMEOUT}`,
      `-max_len=${LONGEST}`,
      "-dict=fuzz/words.dict",
      `-artifact_prefix=${artifacts}/`,
      "-print_final_stats=1",
    ],
    { cwd: root, stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  const figures = { executions: 0, perSecond: 0, cov: 0, corpus: 0, memory: 0 };
  /** @type {string[]} */
  const last = [];
  const begin = Date.now();
  let shown = begin;
  for await (const line of createInterface({ input: child.stderr })) {
    last.push(line);
    if (last.length > 60) last.shift();
    const read = (/** @type {RegExp} */ pattern, /** @type {number} */ otherwise) =>
      Number(pattern.exec(line)?.[1] ?? otherwise);
    figures.executions = read(/^(?:#|stat::number_of_executed_units:\s*)(\d+)/, figures.executions);
    figures.cov = read(/ cov: (\d+) /, figures.cov);
    figures.corpus = read(/ corp: (\d+)\//, figures.corpus);
    figures.memory = read(/^stat::peak_rss_mb:\s*(\d+)/, figures.memory);
    if (Date.now() - shown >= PROGRESS && line.startsWith("#")) {
      console.log(`  ${line.replace(/\s+/g, " ")}`);
      shown = Date.now();
    }
  }
  const code = await ended;
  figures.perSecond = Math.round((1000 * figures.executions) / (Date.now() - begin));
  const crashes = (await readdir(`${root}/${artifacts}`)).filter((file) => !before.has(file));
  if (code !== 0) console.log(last.join("\n"));
  if (code !== 0 && crashes.length === 0) throw new Failed(`${target} ended with ${code} and left no input.`);
  return { target, seconds, ...figures, crashes: crashes.map((file) => `${artifacts}/${file}`) };
}

/** @param {Figures[]} figures */
function show(figures) {
  const rows = [
    ["target", "executions", "executions/s", "cov", "corpus", "MB", "crashes"],
    ...figures.map((row) => [
      ...[row.target, row.executions, row.perSecond, row.cov, row.corpus, row.memory, row.crashes.length].map(
        String,
      ),
    ]),
  ];
  console.log();
  for (const row of rows) {
    console.log(row.map((cell, n) => (n === 0 ? cell.padEnd(10) : cell.padStart(12))).join(" "));
  }
}
