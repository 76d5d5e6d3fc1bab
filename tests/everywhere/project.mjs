// @ts-check
// A project like a user's: the packed tarball is installed into it, and its code imports the package by name.
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Failed, root, run } from "../../scripts/run.mjs";

/** @typedef {Awaited<ReturnType<typeof newProject>>} Project */

/** Packs what was built and installs it into a new project of `project/`. */
export async function newProject() {
  const home = await mkdtemp(join(tmpdir(), "crisp-upscale-"));
  const folder = join(home, "project");
  await cp(`${root}/tests/everywhere/project`, folder, { recursive: true });
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", home], { quiet: true });
  const name = /crisp-upscale-.*\.tgz/.exec(packed)?.[0];
  if (name === undefined) throw new Failed(`npm pack said: ${packed}`);
  const tarball = join(home, name);
  const install = ["install", "--offline", "--no-audit", "--no-fund", "--prefix", folder, tarball];
  await run("npm", install, { quiet: true });

  const { resolve } = createRequire(join(folder, "package.json"));
  /** @type {typeof import("../../dist/sandbox.js")} */
  const { createSandbox } = await import(pathToFileURL(resolve("crisp-upscale/sandbox")).href);
  return {
    folder,
    /** The package as it is installed. */
    installed: join(folder, "node_modules/crisp-upscale"),
    tarball,
    createSandbox,
    /**
     * A copy, for what writes into its project.
     *
     * @param {string} name
     */
    async copy(name) {
      const copy = join(home, name);
      await mkdir(copy);
      await cp(folder, copy, { recursive: true });
      return copy;
    },
    /** Takes it away. */
    remove: () => rm(home, { recursive: true, force: true, maxRetries: 10 }),
  };
}
