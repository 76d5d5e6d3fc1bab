// @ts-check
// Checks licences, sources and advisories of the packages and crates.
import { pathToFileURL } from "node:url";
import { attempt, script, step } from "./run.mjs";

/** Where npm's packages are installed. */
const FOLDERS = [".", "bench", "tests/runtimes"];

/** What cargo-deny says where it cannot fetch the advisories. */
const OUT_OF_REACH = /failed to fetch advisory database/;

/**
 * @typedef {object} Finding
 * @property {string} name of the check
 * @property {"passed" | "failed" | "skipped"} outcome
 */

/**
 * Does all the checks and says what came of each.
 *
 * @returns {Promise<Finding[]>}
 */
export async function audit() {
  const findings = [];
  for (const check of [...FOLDERS.map((folder) => () => npm(folder)), ...(await deny())]) {
    const { name, outcome, says } = await check();
    step(`${name}: ${outcome}${says === "" ? "" : `\n${says}`}`);
    findings.push({ name, outcome });
  }
  return findings;
}

/**
 * @param {string} folder
 * @returns {Promise<Finding & { says: string }>}
 */
async function npm(folder) {
  const name = `Advisories for the npm packages of ${folder === "." ? "the root" : folder}`;
  const { output } = await attempt("npm", ["audit", "--json", "--prefix", folder], { quiet: true });
  const json = output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1);
  const { metadata, vulnerabilities, message } = json === "" ? { message: output } : JSON.parse(json);
  if (metadata === undefined) return { name, outcome: "skipped", says: `the registry answers ${message}` };
  const found = Object.values(vulnerabilities).map(({ name, severity }) => `${severity}: ${name}`);
  return { name, outcome: found.length > 0 ? "failed" : "passed", says: found.join("\n") };
}

/** What cargo-deny checks, by deny.toml. */
async function deny() {
  const present = (await attempt("cargo", ["deny", "--version"], { quiet: true })).ok;
  return ["licenses", "bans", "sources", "advisories"].map((what) => async () => {
    const name = `Crates: ${what}`;
    if (!present) {
      return {
        name,
        outcome: /** @type {const} */ ("skipped"),
        says: "`cargo install --locked cargo-deny` first",
      };
    }
    // Of a workspace with a crate at its root, only that one would be looked at.
    const args = ["deny", "--workspace", "--locked", "--log-level", "error", "check", what];
    const { ok, output } = await attempt("cargo", args, { quiet: true });
    const outcome = ok ? "passed" : what === "advisories" && OUT_OF_REACH.test(output) ? "skipped" : "failed";
    return { name, outcome: /** @type {Finding["outcome"]} */ (outcome), says: ok ? "" : output.trim() };
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await script(async () => {
    const findings = await audit();
    const count = (/** @type {Finding["outcome"]} */ outcome) =>
      findings.filter((finding) => finding.outcome === outcome).length;
    console.log(`\n${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
    if (count("failed") > 0) process.exitCode = 1;
  });
}
