// @ts-check
// Sets up, builds, and runs every check and test; ends with one line of counts.
import { readdir } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { audit } from "./audit.mjs";
import { browser } from "./browser.mjs";
import { build } from "./build.mjs";
import { attempt, root, script, step } from "./run.mjs";
import { runtimes } from "./runtimes.mjs";

const counts = { passed: 0, failed: 0, skipped: 0 };

await script(async () => {
  await build();
  const chromium = await browser();
  await runtimes();
  const bin = `${root}/node_modules/.bin`;

  await rustCheck("Format of the Rust", "rustfmt", ["fmt", "--all", "--check"]);
  await rustCheck("Lints of the Rust", "clippy", [
    "clippy",
    "--locked",
    "--workspace",
    "--all-targets",
    "--",
    "-D",
    "warnings",
  ]);
  await rustCheck("Lints of the client as a Rust library", "clippy", [
    ...["clippy", "--locked", "--package", "crisp-upscale", "--no-default-features"],
    ...["--", "-D", "warnings"],
  ]);
  await check("Documentation of the Rust", "cargo", ["doc", "--locked", "--workspace", "--no-deps"], {
    RUSTDOCFLAGS: "-D warnings",
  });
  await check("Format and lints of the TypeScript", `${bin}/biome`, ["ci", "."]);
  await check("Types of the page", `${bin}/tsc`, ["-p", "www"]);
  await check("Types of the command", `${bin}/tsc`, ["-p", "npm/cli"]);
  await check("Types of the scripts and tests", `${bin}/tsc`, ["-p", "scripts"]);
  await check("Types as users meet them", `${bin}/tsc`, ["-p", "tests/types"]);

  await check("Publication of the crate of the rules, tried", "cargo", [
    ...["publish", "--dry-run", "--locked", "--allow-dirty", "--package", "crisp-upscale-core"],
  ]);
  for (const { outcome } of await audit()) counts[outcome] += 1;

  step("Tests of the Rust");
  const rust = await attempt("cargo", ["test", "--locked", "--workspace"], { echo: true });
  count(rust, /^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored/gm);

  step("Tests of the package, the sandbox and the page");
  const files = (await readdir(`${root}/tests`)).filter((file) => file.endsWith(".test.mjs"));
  const node = await attempt(
    process.execPath,
    // One file at a time: on two cores a browser and the sandbox's pixels leave nothing over.
    [
      "--test",
      "--test-concurrency=1",
      "--test-timeout=600000",
      "--test-reporter=spec",
      ...files.map((file) => `tests/${file}`),
    ],
    { echo: true, env: { CHROMIUM: chromium } },
  );
  count(node, /^ℹ pass (\d+)$[\s\S]*?^ℹ fail (\d+)$[\s\S]*?^ℹ skipped (\d+)$/gm);

  step("The packed tarball in each runtime and through each bundler");
  const everywhere = await attempt(process.execPath, ["tests/everywhere/run.mjs"], {
    echo: true,
    env: { CHROMIUM: chromium },
  });
  count(everywhere, /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm);

  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`);
  if (counts.failed > 0) process.exitCode = 1;
});

/**
 * One check by its exit code.
 *
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
async function check(name, command, args, env = {}) {
  step(name);
  const { ok } = await attempt(command, args, { env });
  counts[ok ? "passed" : "failed"] += 1;
}

/**
 * A check by a part of the Rust toolchain that a minimal one does not have.
 *
 * @param {string} name
 * @param {string} component
 * @param {string[]} args
 */
async function rustCheck(name, component, args) {
  const [subcommand = ""] = args;
  const present = async () => (await attempt("cargo", [subcommand, "--version"], { quiet: true })).ok;
  if (!(await present())) await attempt("rustup", ["component", "add", component], { quiet: true });
  if (await present()) return check(name, "cargo", args);
  step(`${name}: skipped, since this toolchain has no ${component} and rustup cannot add it`);
  counts.skipped += 1;
}

/**
 * Adds up what a test runner counted. A run that failed without a failed test, or that
 * printed no count at all, is itself a failure.
 *
 * @param {{ ok: boolean, output: string }} run
 * @param {RegExp} pattern with groups for passed, failed and skipped
 */
function count({ ok, output }, pattern) {
  // Reporters colour what they print to a terminal.
  const matches = [...stripVTControlCharacters(output).matchAll(pattern)];
  const sum = (/** @type {number} */ group) =>
    matches.reduce((total, match) => total + Number(match[group] ?? 0), 0);
  counts.passed += sum(1);
  counts.skipped += sum(3);
  counts.failed += ok && matches.length > 0 ? sum(2) : Math.max(1, sum(2));
}
