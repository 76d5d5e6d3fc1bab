// @ts-check
// The package as users get it: packed, installed into an empty project, and imported by name.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { attempt, root, run } from "../../scripts/run.mjs";

/** A user's script. It prints what it saw as one line of JSON. */
const SCRIPT = `
import { readFile } from "node:fs/promises";
import { Upscaler, UpscaleError } from "crisp-upscale";
import { createSandbox } from "crisp-upscale/sandbox";

const photo = await readFile(process.argv[2]);
const sandbox = createSandbox({ fetch: async () => new Response(photo) });
const upscaler = new Upscaler({ apiKey: "sandbox", baseUrl: "http://sandbox.test", fetch: sandbox.fetch });
const { url, credits } = await upscaler.upscale("https://host.example/photo.jpg");
const file = Buffer.from(await (await sandbox.fetch(new Request(url))).arrayBuffer());
const error = await upscaler.upscale("photo.jpg").catch((error) => error);
console.log(JSON.stringify({
  size: [file.readUInt32BE(16), file.readUInt32BE(20)],
  credits,
  kind: error instanceof UpscaleError && error.kind,
}));
// And it ends by itself, although the sandbox is not closed.
`;

test("the packed tarball, installed into an empty project, upscales a photo", async (t) => {
  const project = await mkdtemp(join(tmpdir(), "crisp-upscale-"));
  t.after(() => rm(project, { recursive: true }));
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", project], { quiet: true });
  const tarball = /crisp-upscale-.*\.tgz/.exec(packed)?.[0] ?? assert.fail(packed);
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  await run(
    "npm",
    ["install", "--offline", "--no-audit", "--no-fund", "--prefix", project, join(project, tarball)],
    {
      quiet: true,
    },
  );
  const script = join(project, "script.js");
  await writeFile(script, SCRIPT);
  const { ok, output } = await attempt(process.execPath, [script, `${root}/www/samples/cat.jpg`], {
    quiet: true,
  });
  assert.ok(ok, output);
  assert.deepEqual(JSON.parse(output), { size: [1680, 1120], credits: 0.5, kind: "invalid-input" });
});

/** @param {string} folder */
async function filesOf(folder) {
  const entries = await readdir(`${root}/${folder}`, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => `${parentPath}/${name}`.slice(root.length + 1));
}

/** Entries that are the same in each runtime, and what they share with the others. */
const MODULES = ["ai-sdk", "bytes", "compare", "directory-store", "errors", "react", "sandbox", "whole-file"];

test("what would be published is the package and nothing else", async () => {
  const { exports } = JSON.parse(await readFile(`${root}/package.json`, "utf8"));
  const { types, ...entries } = exports["."];
  assert.equal(types, "./dist/index.d.ts");
  const runtimes = Object.values(entries).map(
    (entry) => /^\.\/dist\/(.*)\.js$/.exec(entry)?.[1] ?? assert.fail(entry),
  );
  const sources = (await readdir(`${root}/npm`, { recursive: true })).filter((file) => file.endsWith(".ts"));
  const modules = sources
    .filter((file) => !file.endsWith(".d.ts") && !file.startsWith("cli/"))
    .map((file) => file.slice(0, -".ts".length));
  const expected = [
    ...[
      "package.json",
      "README.md",
      "CHANGELOG.md",
      "LICENSE-MIT",
      "LICENSE-APACHE",
      "dist/THIRD-PARTY-LICENSES.txt",
    ],
    ...modules.flatMap((name) => [".d.ts", ".d.ts.map"].map((end) => `dist/${name}${end}`)),
    // The others are part of the bundle of each runtime.
    ...modules
      .filter((name) => name.startsWith("sandbox/") || MODULES.includes(name))
      .flatMap((name) => [".js", ".js.map"].map((end) => `dist/${name}${end}`)),
    ...runtimes.flatMap((name) => [".js", ".js.map", ".d.ts"].map((end) => `dist/${name}${end}`)),
    // For the maps to lead to.
    ...sources.map((file) => `npm/${file}`),
    ...["crisp_upscale", "crisp_upscale_sandbox"].flatMap((name) =>
      [".js", ".d.ts", "_bg.wasm"].map((end) => `dist/wasm/${name}${end}`),
    ),
    ...["inline.js", "inline.d.ts"].map((file) => `dist/wasm/${file}`),
    ...["worker.js", "worker.d.ts", "crisp_upscale_gateway.js", "crisp_upscale_gateway_bg.wasm"].map(
      (file) => `dist/gateway/${file}`,
    ),
    // What the generator and the page's bundler name by what is in it.
    ...(await filesOf("dist/cli")),
    ...(await filesOf("dist/wasm/snippets")),
    ...(await filesOf("dist/gateway/snippets")),
    ...(await filesOf("dist/www")).filter((file) => !file.endsWith(".map")),
  ];
  const listed = await run("npm", ["pack", "--dry-run", "--json"], { quiet: true });
  const [{ files }] = JSON.parse(listed.slice(listed.indexOf("[")));
  const paths = files.map((/** @type {{ path: string }} */ { path }) => path);
  assert.deepEqual(paths.sort(), expected.sort());
});

test("a build with nothing to do leaves what is built alone: others may be reading it", async () => {
  const files = await filesOf("dist");
  const times = async () => Promise.all(files.map(async (file) => (await stat(`${root}/${file}`)).ctimeMs));
  const before = await times();
  await run(process.execPath, ["scripts/build.mjs"], { quiet: true });
  assert.deepEqual(await times(), before);
});
