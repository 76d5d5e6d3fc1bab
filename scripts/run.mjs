// @ts-check
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The repository's root, with no slash at the end. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[/\\]$/, "");

/**
 * @typedef {{ env?: Record<string, string | undefined>, quiet?: boolean, echo?: boolean }} RunOptions
 *   `env`: added to the environment. `quiet`: nothing is shown. `echo`: shown, and kept as well.
 */

/**
 * Runs a command in the repository's root.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ ok: boolean, output: string }>} `output` is empty unless `quiet` or `echo`.
 */
export function attempt(command, args, { env = {}, quiet = false, echo = false } = {}) {
  return new Promise((resolve) => {
    const pipe = quiet || echo ? "pipe" : "inherit";
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", pipe, pipe],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (/** @type {Buffer} */ chunk) => {
        output += chunk;
        if (echo) process.stdout.write(chunk);
      });
    }
    child.on("error", (error) => resolve({ ok: false, output: String(error) }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/**
 * As {@link attempt}, but a failure is thrown, with what the command printed where that was not shown.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export async function run(command, args, options) {
  const { ok, output } = await attempt(command, args, options);
  if (!ok) throw new Failed(`\`${[command, ...args].join(" ")}\` failed.\n${output}`.trim());
  return output;
}

/** A failure whose message is all that a person needs. */
export class Failed extends Error {}

/**
 * Runs a script's main function and turns a {@link Failed} into a message and exit code 1.
 *
 * @param {() => Promise<void>} main
 */
export async function script(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

/**
 * Says what is being done.
 *
 * @param {string} text
 */
export function step(text) {
  console.log(`\x1b[1m•\x1b[0m ${text}`);
}
