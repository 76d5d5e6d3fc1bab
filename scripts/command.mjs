// @ts-check
// Bundles the command with the packages that it uses, so that the package itself has no dependency.
import { chmod, rm } from "node:fs/promises";
import { root } from "./run.mjs";

/** Leaves `dist/cli/`. The names of the packages that are in it. */
export async function bundleCommand() {
  await rm(`${root}/dist/cli`, { recursive: true, force: true });
  const packages = await packagesOfCommand({ write: true });
  await chmod(`${root}/dist/cli/main.js`, 0o755);
  return packages;
}

/**
 * The names of the packages that are in the command.
 *
 * @param {{ write: boolean }} options whether the bundle is written
 */
export async function packagesOfCommand({ write }) {
  const { build } = await import("esbuild");
  const { metafile } = await build({
    entryPoints: [`${root}/npm/cli/main.ts`],
    outdir: `${root}/dist/cli`,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    // The package's own entries, as each runtime has its own.
    external: ["crisp-upscale", "crisp-upscale/*"],
    banner: { js: "#!/usr/bin/env node" },
    logLevel: "warning",
    metafile: true,
    write,
  });
  const names = Object.keys(metafile.inputs).map(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1],
  );
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}
