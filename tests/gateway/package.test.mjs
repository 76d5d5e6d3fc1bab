// @ts-check
// The gateway as users get it: the packed tarball in the example's project, bundled by wrangler, in real workerd.
import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { root, run } from "../../scripts/run.mjs";
import { fixtures, tokenOf } from "../kit/gateway.mjs";

/** A Worker with routes of its own beside the gateway's. */
const MOUNTED = `
import gateway, { Account } from "crisp-upscale/gateway";
export { Account };
export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === "/hello") return new Response("hello");
    return gateway.fetch(request, env, context);
  },
};
`;

/** Types of it are those of any Worker: `tsc` finds no fault. */
const TYPED = `
import gateway, { Account } from "crisp-upscale/gateway";
const response: Promise<Response> = gateway.fetch(new Request("https://host.example/"), {}, {});
const object: Account = new Account({}, {});
export const types = [response, object.fetch, object.alarm];
`;

/** @type {string} the example's project, with the package installed */
let project;

before(async () => {
  project = await mkdtemp(join(tmpdir(), "example-"));
  await cp(`${root}/examples/gateway`, project, { recursive: true });
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", project], { quiet: true });
  const tarball = /crisp-upscale-.*\.tgz/.exec(packed)?.[0] ?? assert.fail(packed);
  // wrangler is the repository's own here, and no registry is asked.
  const { devDependencies: _, ...manifest } = JSON.parse(
    await readFile(join(project, "package.json"), "utf8"),
  );
  await writeFile(join(project, "package.json"), JSON.stringify(manifest));
  await run(
    "npm",
    ["install", "--offline", "--no-audit", "--no-fund", "--prefix", project, join(project, tarball)],
    { quiet: true },
  );
});
after(() => rm(project, { recursive: true }));

/**
 * What wrangler would deploy of the project.
 *
 * @param {string} name of the folder
 */
async function bundled(name) {
  const [config, folder] = [join(project, "wrangler.jsonc"), join(project, name)];
  const bin = `${root}/node_modules/.bin`;
  const output = await run(
    `${bin}/node`,
    [`${bin}/wrangler`, "deploy", "--dry-run", "--outdir", folder, "--config", config],
    { quiet: true, env: { WRANGLER_SEND_METRICS: "false" } },
  );
  return { output, bundle: { config, folder } };
}

/** @param {Awaited<ReturnType<typeof fixtures>>} own */
async function upscaled(own) {
  const upscaler = new Upscaler({ baseUrl: own.url, token: await tokenOf("ann") });
  const { width, height, url } = await upscaler.upscale(`${own.images}/rocket.png`);
  assert.deepEqual([width, height], [1320, 880]);
  assert.equal(new URL(url).origin, own.url);
  assert.equal((await own.sandbox.ledger()).tasks.length, 1);
}

test("the example has three files, is bundled with the object alone, and upscales", async (t) => {
  assert.deepEqual((await readdir(`${root}/examples/gateway`)).sort(), [
    "package.json",
    "worker.js",
    "wrangler.jsonc",
  ]);
  const guide = await readFile(`${root}/docs/guide/gateway.md`, "utf8");
  for (const file of ["worker.js", "wrangler.jsonc"]) {
    const text = await readFile(`${root}/examples/gateway/${file}`, "utf8");
    assert.ok(guide.includes(`\n${text}\`\`\``), `the guide shows ${file} as it is`);
  }
  const { output, bundle } = await bundled("bundle");
  assert.ok(output.includes("env.ACCOUNT (Account)"), output);
  await upscaled(await fixtures(t, { bundle, results: false }));
});

test("mounted beside routes of one's own, it upscales and they are answered", async (t) => {
  await writeFile(join(project, "worker.js"), MOUNTED);
  const { bundle } = await bundled("mounted");
  const own = await fixtures(t, { bundle, results: false });
  assert.equal(await (await fetch(`${own.url}/hello`)).text(), "hello");
  await upscaled(own);
});

test("it has types, and the demo page's files come along", async () => {
  await writeFile(join(project, "typed.ts"), TYPED);
  const compilerOptions = { strict: true, noEmit: true, module: "nodenext", target: "es2022", types: [] };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
  await run(`${root}/node_modules/.bin/tsc`, ["-p", project], { quiet: true });
  const page = await readdir(join(project, "node_modules/crisp-upscale/dist/www"));
  for (const file of ["index.html", "main.js", "style.css", "_headers", "samples", "wasm"]) {
    assert.ok(page.includes(file), `${page}`);
  }
});
