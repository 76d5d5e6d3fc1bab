// @ts-check
// The audit with an npm and a cargo of the test's own: which answers are failures, and which mean that a registry is
// out of reach.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { attempt } from "../../scripts/run.mjs";

/** Answers by the last argument: what it prints, and its exit code. */
const PROGRAM = `#!${process.execPath}
const { output, code } = JSON.parse(process.env.ANSWERS)[process.argv.at(-1)] ?? { output: "", code: 0 };
console.log(output);
process.exitCode = code;
`;

const clean = { code: 0, output: JSON.stringify({ vulnerabilities: {}, metadata: {} }) };
/** With nothing known against anything. The folders are npm's, the rest cargo-deny's. */
const CLEAN = { ".": clean, bench: clean, "tests/runtimes": clean };

/** @type {[name: string, answers: Record<string, { output: string, code: number }>, end: RegExp, says: RegExp][]} */
const rows = [
  ["nothing", {}, /^7 passed, 0 failed, 0 skipped$/m, /advisories: passed/],
  [
    "a fault in a package",
    {
      bench: {
        code: 1,
        output: JSON.stringify({
          vulnerabilities: { left: { name: "left", severity: "high" } },
          metadata: {},
        }),
      },
    },
    /^6 passed, 1 failed, 0 skipped$/m,
    /bench: failed\nhigh: left$/m,
  ],
  [
    "a registry that answers no audit",
    { ".": { code: 1, output: JSON.stringify({ message: "405 Method Not Allowed", statusCode: 405 }) } },
    /^6 passed, 0 failed, 1 skipped$/m,
    /the root: skipped\nthe registry answers 405 Method Not Allowed$/m,
  ],
  [
    "a licence that is not allowed",
    { licenses: { code: 4, output: "error[rejected]: failed to satisfy license requirements" } },
    /^6 passed, 1 failed, 0 skipped$/m,
    /licenses: failed\nerror\[rejected\]/,
  ],
  [
    "an advisory",
    { advisories: { code: 1, output: "error[vulnerability]: it reads what it should not" } },
    /^6 passed, 1 failed, 0 skipped$/m,
    /advisories: failed\nerror\[vulnerability\]/,
  ],
  [
    "advisories out of reach",
    { advisories: { code: 1, output: "[ERROR] failed to fetch advisory database https://example.com/db" } },
    /^6 passed, 0 failed, 1 skipped$/m,
    /advisories: skipped\n\[ERROR\] failed to fetch/,
  ],
  [
    "no cargo-deny",
    { "--version": { code: 101, output: "error: no such command: `deny`" } },
    /^3 passed, 0 failed, 4 skipped$/m,
    /licenses: skipped\n`cargo install --locked cargo-deny` first$/m,
  ],
];

for (const [name, answers, end, says] of rows) {
  test(`the audit finds ${name}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "crisp-upscale-"));
    t.after(() => rm(folder, { recursive: true }));
    for (const program of ["npm", "cargo"]) await writeFile(join(folder, program), PROGRAM, { mode: 0o755 });
    const { ok, output } = await attempt(process.execPath, ["scripts/audit.mjs"], {
      quiet: true,
      env: {
        PATH: `${folder}${delimiter}${process.env.PATH}`,
        ANSWERS: JSON.stringify({ ...CLEAN, ...answers }),
      },
    });
    assert.match(output, end);
    assert.match(output, says);
    assert.equal(ok, / 0 failed/.test(output));
  });
}
