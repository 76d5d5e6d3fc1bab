// @ts-check
// The command and the store from the packed tarball, in an empty folder, in each runtime that has a file system.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { root, run } from "../../scripts/run.mjs";
import { runtimes, versionOf } from "../../scripts/runtimes.mjs";
import { sizeOf } from "../kit/command.mjs";

/** @type {string} */
let project;
before(async () => {
  project = await mkdtemp(join(tmpdir(), "command-tarball-"));
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", project], { quiet: true });
  const tarball = /crisp-upscale-.*\.tgz/.exec(packed)?.[0] ?? assert.fail(packed);
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const install = ["install", "--offline", "--no-audit", "--no-fund", "--prefix", project];
  await run("npm", [...install, join(project, tarball)], { quiet: true });
});
after(() => rm(project, { recursive: true }));

/**
 * @param {string} program
 * @param {string[]} args
 * @param {string} cwd
 * @returns {Promise<{ code: number, out: string }>}
 */
const ended = (program, args, cwd) =>
  new Promise((resolve) => {
    // npm would say in between that it could be newer.
    const env = { PATH: process.env.PATH, HOME: cwd, npm_config_update_notifier: "false" };
    execFile(program, args, { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), out: stdout + stderr });
    });
  });

const { node20, node22, node24, deno, bun } = await runtimes();
for (const { title, path, args = [], store = args } of [
  { title: "Node 20", path: node20 },
  { title: "Node 22", path: node22 },
  { title: "Node 24", path: node24 },
  // It reads names and processes beside the images; the store needs its folder alone.
  {
    title: "Deno",
    path: deno,
    args: ["run", "-A"],
    store: ["run", "--allow-read=store", "--allow-write=store"],
  },
  { title: "Bun", path: bun },
]) {
  if ((await versionOf(path)) === undefined) {
    test(title, { skip: "it does not run on this machine" });
    continue;
  }
  describe(title, () => {
    test("--sandbox on one jpeg gives a png of four times the size", async () => {
      const folder = join(project, title.replace(" ", "-"));
      await mkdir(folder);
      await cp(`${root}/www/samples/cat.jpg`, join(folder, "cat.jpg"));
      const command = join(project, "node_modules/crisp-upscale/dist/cli/main.js");
      const { code, out } = await ended(
        path,
        [...args, command, "cat.jpg", "--sandbox", "--out", "large"],
        folder,
      );
      assert.equal(code, 0, out);
      assert.deepEqual(await sizeOf(join(folder, "large", "cat.crisp-sandbox.png")), [4 * 420, 4 * 280]);
      const again = await ended(path, [...args, command, "cat.jpg", "--sandbox", "--out", "large"], folder);
      assert.deepEqual([again.code, /was there/.test(again.out)], [0, true], again.out);
    });

    test("the store keeps what it is given", async () => {
      const script = join(project, `store-${title.replace(" ", "-")}.mjs`);
      await writeFile(
        script,
        `import { directoryStore } from "crisp-upscale/directory-store";
         const store = directoryStore("${project}/store");
         await store.delete("a");
         console.log(await store.putIfAbsent("a", "1"), await store.putIfAbsent("a", "2"), await store.get("a"));
         await store.set("a", "3");
         console.log(await store.get("a"), [...(await store.keys())].length);`,
      );
      const { code, out } = await ended(
        path,
        [...store.map((arg) => arg.replace("=store", `=${project}/store`)), script],
        project,
      );
      assert.deepEqual([code, out], [0, "true false 1\n3 1\n"]);
    });
  });
}

test("npx runs it by its name", async () => {
  const { code, out } = await ended("npx", ["--no-install", "crisp-upscale", "--version"], project);
  const { version } = JSON.parse(await readFile(`${root}/package.json`, "utf8"));
  assert.deepEqual([code, out], [0, `${version}\n`]);
});
