// @ts-check
// Checks of the installed package itself.
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { runtimes, versionOf } from "../../scripts/runtimes.mjs";
import { output, TOOLS } from "./start.mjs";

/**
 * @param {import("./project.mjs").Project} project
 * @returns {Promise<{ name: string, check: () => Promise<unknown> }[]>}
 */
export async function packageChecks({ folder, installed, tarball, copy }) {
  const { node20, node22, node24 } = await runtimes();
  const imports = [node20, node22, node24].flatMap(async (node) => {
    const version = await versionOf(node);
    // The page's own, too: frameworks that render on a server may take it there.
    return ["crisp-upscale", "./node_modules/crisp-upscale/dist/browser.js"].map((entry) => ({
      name: `importing ${entry.includes("browser") ? "the page's entry" : entry} touches nothing, in Node ${version}`,
      check: async () => {
        const said = await output(folder, [node, "import.js", entry]);
        assert.deepEqual(JSON.parse(said), []);
      },
    }));
  });
  return [
    ...(await Promise.all(imports)).flat(),
    { name: "publint has nothing to say", check: () => publint(installed) },
    {
      name: "attw: the types are right for those who use modules",
      check: () =>
        output(folder, [process.execPath, `${TOOLS}/@arethetypeswrong/cli/dist/index.js`, tarball, ...ATTW]),
    },
    {
      name: "the sandbox comes only to those who import it",
      check: async () => comesAlone(await copy("alone")),
    },
    { name: "each map leads to a source that is in the package", check: () => mapsResolve(installed) },
    {
      name: "nothing is run at the installation, and nothing else is installed",
      check: () => isAlone(installed),
    },
  ];
}

const ATTW = ["--profile=esm-only", "--no-emoji", "--no-color"];

/** @param {string} installed */
async function publint(installed) {
  const { publint } = await import(`${TOOLS}/publint/src/index-node.js`);
  const { messages } = await publint({ pkgDir: installed, level: "suggestion", strict: true, pack: false });
  assert.deepEqual(messages, []);
}

/** @param {string} folder a project */
async function comesAlone(folder) {
  for (const platform of ["browser", "node"]) {
    const args = ["src/index.js", "--bundle", "--format=esm", "--outdir=out", "--metafile=out/meta.json"];
    await output(folder, [`${TOOLS}/.bin/esbuild`, ...args, `--platform=${platform}`]);
    const { inputs } = JSON.parse(await readFile(join(folder, "out/meta.json"), "utf8"));
    const names = Object.keys(inputs);
    assert.ok(names.length > 1);
    assert.deepEqual(
      names.filter((name) => name.includes("sandbox")),
      [],
    );
  }
}

/** @param {string} installed */
async function mapsResolve(installed) {
  const files = await readdir(join(installed, "dist"), { recursive: true });
  const maps = files.filter((file) => file.endsWith(".map")).map((file) => join(installed, "dist", file));
  const kinds = (/** @type {RegExp} */ pattern) => maps.filter((map) => pattern.test(map)).length;
  assert.ok(kinds(/\.js\.map$/) > 0 && kinds(/\.d\.ts\.map$/) > 0, "there are both kinds of maps");
  for (const map of maps) {
    const { sources, sourceRoot = "" } = JSON.parse(await readFile(map, "utf8"));
    for (const source of sources) {
      const path = resolve(dirname(map), sourceRoot, source);
      assert.ok(path.startsWith(installed), `${map} leads out of the package, to ${source}`);
      await stat(path);
    }
  }
}

/** @param {string} installed */
async function isAlone(installed) {
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  for (const key of ["dependencies", "optionalDependencies", "bundleDependencies"]) {
    assert.equal(manifest[key], undefined, key);
  }
  // React is for those who have it: npm installs no optional peer.
  for (const peer of Object.keys(manifest.peerDependencies)) {
    assert.equal(manifest.peerDependenciesMeta[peer]?.optional, true, peer);
    await assert.rejects(stat(join(installed, "..", peer)), { code: "ENOENT" });
  }
  for (const script of ["preinstall", "install", "postinstall", "prepare"]) {
    assert.equal(manifest.scripts?.[script], undefined, script);
  }
  // An element is registered by its import; nothing else does anything by being imported.
  assert.deepEqual(manifest.sideEffects, ["./dist/compare.js"]);
}
