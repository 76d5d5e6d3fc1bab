// @ts-check
import { installPackages } from "./build.mjs";
import { attempt, root } from "./run.mjs";

const FOLDER = `${root}/tests/runtimes`;

/**
 * Installs the runtimes that the package is run in, beside browsers.
 *
 * @returns what starts each of them
 */
export async function runtimes() {
  await installPackages(FOLDER);
  return {
    node20: `${FOLDER}/node_modules/node-20/bin/node`,
    node22: `${FOLDER}/node_modules/node-22/bin/node`,
    node24: `${root}/node_modules/node/bin/node`,
    deno: `${FOLDER}/node_modules/.bin/deno`,
    bun: `${FOLDER}/node_modules/.bin/bun`,
    // It comes with wrangler.
    workerd: `${root}/node_modules/.bin/workerd`,
  };
}

/**
 * The version of a program, which is also the proof that it runs on this machine; nothing where it does not.
 *
 * @param {string} path
 * @param {Record<string, string>} [env]
 */
export async function versionOf(path, env = {}) {
  const { ok, output } = await attempt(path, ["--version"], { quiet: true, env });
  return ok ? /\d+[-.][-.\d]+/.exec(output)?.[0] : undefined;
}
