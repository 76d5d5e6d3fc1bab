// @ts-check
// The checks that run no code of the project: format, lints and types.
import { root } from "./run.mjs";

/** @typedef {ReturnType<typeof import("./tally.mjs").startTally>} Tally */

const bin = `${root}/node_modules/.bin`;

/** @param {Tally} tally */
export async function rustChecks({ rustCheck }) {
  await rustCheck("Format of the Rust", "rustfmt", ["fmt", "--all", "--check"]);
  // The generator's twenty lines would have all that it depends on checked as well.
  const lints = ["clippy", "--locked", "--workspace", "--exclude", "bindgen"];
  const deny = ["--", "-D", "warnings"];
  await rustCheck("Lints of the Rust", "clippy", [...lints, "--all-targets", ...deny]);
  // Of all crates, so that what they depend on has the same features as above and is not checked once more.
  await rustCheck("Lints of the client as a Rust library", "clippy", [
    ...[...lints, "--no-default-features", ...deny],
  ]);
}

/**
 * After a build: the types include those of `dist/`.
 *
 * @param {Tally} tally
 */
export async function typeScriptChecks({ check }) {
  await check("Format and lints of the TypeScript", `${bin}/biome`, ["ci", "."]);
  await check("Types of the page", `${bin}/tsc`, ["-p", "www"]);
  await check("Types of the command", `${bin}/tsc`, ["-p", "npm/cli"]);
  await check("Types of the scripts and tests", `${bin}/tsc`, ["-p", "scripts"]);
  await check("Types as users meet them", `${bin}/tsc`, ["-p", "tests/types"]);
}
