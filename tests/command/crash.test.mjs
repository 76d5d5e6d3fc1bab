// @ts-check
// The command, killed at random moments, twice at once, and on a full disk: nothing is charged twice, and nothing that
// is paid for is lost. `tests/long` has the same with more images and more kills.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../../scripts/run.mjs";
import { COMMAND, fill, folder, nextStep, run, service, start, statusesOf } from "../kit/command.mjs";
import { imagesOf, isRight, killed, network, toTheEnd } from "../kit/crash.mjs";
import { random as randomOf } from "../kit/rng.mjs";

for (const [title, share, seed] of /** @type {const} */ ([
  ["killed again and again", 0, 1],
  ["killed again and again, with faults between it and the service", 0.1, 2],
])) {
  test(`straight to the API, ${title}: no image has two tasks, and each billed one is a file or unknown`, async (t) => {
    const random = randomOf(seed);
    const between = network(random, share);
    const { env, ledger, fetch } = await service(t, {}, between.between);
    const path = await folder(t);
    await fill(path, 40);
    const kills = await killed({ path, env, kills: 10, moments: 40, random, network: between });
    assert.equal(kills, 10);
    const lines = await toTheEnd(path, env);
    const tasks = await imagesOf(await ledger(), fetch);
    const results = await isRight({ path, count: 40, lines, tasks });
    t.diagnostic(`${results} of 40 are there, ${tasks.length} tasks, ${kills} kills`);
  });
}

test("two commands at once on one folder: each image is billed once, and both say that all is done", async (t) => {
  const { env, ledger, fetch } = await service(t);
  const path = await folder(t);
  await fill(path, 30);
  const both = await Promise.all([
    run([path, "-r", "--json"], { env }),
    run([path, "-r", "--json"], { env }),
  ]);
  for (const ended of both) assert.deepEqual([ended.code, statusesOf(ended)], [0, { done: 30 }], ended.err);
  const tasks = await imagesOf(await ledger(), fetch);
  assert.equal(new Set(tasks.map(({ number }) => number)).size, 30);
  assert.equal(tasks.length, 30);
});

describe("what another run holds", () => {
  /** A run that has sent a request and is not answered. @param {import("node:test").TestContext} t */
  async function held(t) {
    /** @type {(value?: unknown) => void} */
    let asked = () => {};
    const sent = new Promise((resolve) => {
      asked = resolve;
    });
    /** @type {(value?: unknown) => void} */
    let answer = () => {};
    const answered = new Promise((resolve) => {
      answer = resolve;
    });
    /** @type {ReturnType<typeof start> | undefined} */
    let running;
    // Before its folder is removed.
    t.after(async () => {
      answer();
      running?.child.kill("SIGKILL");
      await running?.ended;
    });
    let first = true;
    const world = await service(t, {}, (handler) => async (request) => {
      if (!request.url.endsWith("/createTask") || !first) return handler(request);
      first = false;
      const response = await handler(request);
      asked();
      await answered;
      return response;
    });
    const path = await folder(t);
    await fill(path, 1);
    const one = start([path, "-r", "--json"], { env: world.env });
    running = one;
    await sent;
    return { ...world, path, one, answer };
  }

  test("is under way elsewhere: a second run waits for it, with --retry-unknown, too", async (t) => {
    const { path, one, answer, env, ledger } = await held(t);
    const two = start([path, "-r", "--retry-unknown", "--again"], { env });
    await two.says(/Waiting for 1 image/);
    assert.equal((await ledger()).tasks.length, 1);
    answer();
    assert.deepEqual(statusesOf(await one.ended), { done: 1 });
    assert.equal((await two.ended).code, 0);
    assert.equal((await ledger()).tasks.length, 1);
  });

  test("and the second is interrupted: it says so", async (t) => {
    const { path, env } = await held(t);
    const two = start([path, "-r"], { env });
    await two.says(/Waiting for 1 image/);
    two.child.kill("SIGINT");
    const { code, out } = await two.ended;
    assert.equal(code, 130);
    assert.match(out, /elsewhere: .*Another run works on it/);
  });

  test("is unknown once that run was killed, and the one that waits says so", async (t) => {
    const { path, one, env, ledger } = await held(t);
    const two = start([path, "-r", "--json"], { env });
    await new Promise((resolve) => two.child.stderr.once("data", resolve));
    one.child.kill("SIGKILL");
    assert.deepEqual(statusesOf(await two.ended), { unknown: 1 });
    assert.equal((await ledger()).tasks.length, 1);
  });

  test("is free where its process id was given to another process", async (t) => {
    const { path, one, env } = await held(t);
    one.child.kill("SIGKILL");
    await one.ended;
    // This very process has that id now, says the state.
    await nextStep(path, ({ holder }) => ({
      holder: { ...holder, pid: process.pid },
    }));
    assert.deepEqual(statusesOf(await run([path, "-r", "--json"], { env })), { unknown: 1 });
  });

  test("is taken for alive as long as it shows that, where its process cannot be seen from here", async (t) => {
    const { path, one, env } = await held(t);
    one.child.kill("SIGKILL");
    await one.ended;
    await nextStep(path, ({ holder }) => ({
      holder: { ...holder, host: "another", boot: "another" },
    }));
    const two = start([path, "-r"], { env });
    await two.says(/Waiting for 1 image/);
    two.child.kill("SIGINT");
    assert.equal((await two.ended).code, 130);
  });
});

test("a step of an order that was cut off counts as unknown, also where the image was free", async (t) => {
  const { env, ledger } = await service(t);
  const path = await folder(t);
  await fill(path, 1);
  await run([path, "-r", "--max", "1"], { env });
  const orders = join(path, ".crisp-upscale", "orders");
  const [image = ""] = await readdir(orders);
  const steps = (await readdir(join(orders, image))).length;
  for (const text of ["", '{"state":"fr']) {
    const cut = join(orders, image, `${steps + 1}.json`);
    await writeFile(cut, text);
    await utimes(cut, 0, 0);
    await rm(join(path, "image-000.crisp.png"), { force: true });
    assert.deepEqual(statusesOf(await run([path, "-r", "--json"], { env })), { unknown: 1 });
  }
  assert.equal((await ledger()).tasks.length, 1);
});

/** Runs the command twice on a small disk, which grows in between; prints what was there. */
const SMALL_DISK = `
  mount -t tmpfs -o size=6m none "$1" || exit 99
  "$2" "$3" "$4" -r --out "$1" --json > "$5/first"; echo $? > "$5/first-code"
  find "$1" -name "*.part" > "$5/parts"
  ls "$1" > "$5/names"; for file in "$1"/*.png; do tail -c 8 "$file" | od -An -tx1; done > "$5/ends"
  mount -o remount,size=60m "$1"
  "$2" "$3" "$4" -r --out "$1" --json > "$5/second"; echo $? > "$5/second-code"
`;

/** What is written into the folder of results fails from 6 MB on, while there is a file `full`. */
const FULL = `
  import fs from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  const { open } = fs.promises;
  let written = 0;
  fs.promises.open = async (path, ...rest) => {
    const handle = await open(path, ...rest);
    const { writeFile } = handle;
    handle.writeFile = async (data) => {
      written += data.length;
      if (written < 6_000_000 || !fs.existsSync(process.env.FULL)) return writeFile.call(handle, data);
      if (!String(path).endsWith(".part")) return writeFile.call(handle, data);
      await writeFile.call(handle, data.subarray(0, data.length / 2));
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    return handle;
  };
  syncBuiltinESMExports();
`;

describe("a disk that fills up: no half file, and when there is room again nothing more is charged", () => {
  test("on a disk of 6 MB", async (t) => {
    const { env, images, out, notes, isRightAfter } = await photos(t);
    const args = ["--mount", "sh", "-c", SMALL_DISK, "sh", out, process.execPath, COMMAND, images, notes];
    if (!(await attemptWith(["unshare", ...args], env))) return t.skip("no disk can be mounted here");
    const note = async (/** @type {string} */ name) => (await readFile(join(notes, name), "utf8")).trim();
    await isRightAfter({
      first: { code: Number(await note("first-code")), out: await note("first") },
      second: { code: Number(await note("second-code")), out: await note("second") },
      parts: await note("parts"),
      ends: (await note("ends")).split("\n").map((end) => end.replaceAll(" ", "")),
    });
  });

  test("with writes that fail with ENOSPC", async (t) => {
    const { env, images, out, notes, isRightAfter } = await photos(t);
    const hook = join(notes, "full.mjs");
    await writeFile(hook, FULL);
    await writeFile(join(notes, "full"), "");
    const args = [images, "-r", "--out", out, "--json"];
    const first = await run(args, {
      node: ["--import", hook],
      env: { ...env, FULL: join(notes, "full") },
    });
    const names = await readdir(out);
    const ends = names
      .filter((file) => file.endsWith(".png"))
      .map(async (file) => (await readFile(join(out, file))).subarray(-8).toString("hex"));
    await isRightAfter({
      first,
      parts: names.filter((file) => file.endsWith(".part")).join("\n"),
      ends: await Promise.all(ends),
      second: await run(args, { env }),
    });
  });

  /** Eight photos, and what is to be true of them in the end. @param {import("node:test").TestContext} t */
  async function photos(t) {
    const { env, ledger } = await service(t);
    const [images, out, notes] = [await folder(t), await folder(t), await folder(t)];
    const photo = await readFile(`${root}/www/samples/cat.jpg`);
    for (let n = 0; n < 8; n += 1) {
      await writeFile(join(images, `photo-${n}.jpg`), Buffer.concat([photo, Buffer.from(`#${n}`)]));
    }
    /**
     * @param {object} found
     * @param {{ code: number | null, out: string }} found.first the run whose disk was full
     * @param {{ code: number | null, out: string }} found.second the run after it
     * @param {string} found.parts names of half files after the first
     * @param {string[]} found.ends the last eight bytes of each png after the first, in hexadecimal digits
     */
    const isRightAfter = async ({ first, second, parts, ends }) => {
      const { done = 0, unknown = 0 } = statusesOf(first);
      assert.equal(first.code, 1);
      assert.ok(done > 0 && done < 8, first.out);
      assert.match(first.out, /The disk is full/);
      assert.equal(unknown, 0);
      assert.equal(parts, "", "no half file, under whatever name");
      assert.equal(ends.length, done);
      // The last chunk of a png: its type and checksum.
      for (const end of ends) assert.match(end, /49454e44ae426082$/);
      assert.equal(second.code, 0);
      assert.deepEqual(statusesOf(second), { done: 8 });
      const { tasks } = await ledger();
      assert.equal(tasks.length, 8);
      assert.equal(
        tasks.reduce((sum, { charged }) => sum + charged, 0),
        4,
      );
    };
    return { env, images, out, notes, isRightAfter };
  }
});

/** Whether a command could be run. @param {string[]} words @param {Record<string, string>} env */
async function attemptWith([command = "", ...args], env) {
  return new Promise((resolve) => {
    execFile(command, args, { env: { PATH: process.env.PATH, ...env } }, (error) => resolve(error === null));
  });
}
