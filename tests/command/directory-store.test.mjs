// @ts-check
// The store in a folder: two processes at once, and a crash at the worst moments.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { directoryStore } from "crisp-upscale/directory-store";
import { root } from "../../scripts/run.mjs";
import { envelope } from "../kit/envelope.mjs";
import { failure } from "../kit/failure.mjs";

const IMAGE = "https://host.example/photo.jpg";

/** @typedef {import("node:test").TestContext} TestContext */

/** @param {TestContext} t */
async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "directory-store-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

/** An Upscaler whose service makes a task of each request. @param {string} path */
function upscalerOf(path) {
  const count = { creates: 0 };
  const upscaler = new Upscaler({
    ...{ apiKey: "key", baseUrl: "https://api.example", store: directoryStore(path) },
    fetch: async () => {
      count.creates += 1;
      return envelope({ taskId: "abc" });
    },
  });
  return { upscaler, count };
}

/**
 * Another process that runs a script. `says` gives its next line.
 *
 * @param {TestContext} t
 * @param {string} script
 * @param {string[]} args
 */
function other(t, script, ...args) {
  // From a folder of the package, so that it can import it by name.
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, ...args], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const lines = child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false });
  let held = "";
  return {
    child,
    /** @returns {Promise<string>} */
    async says() {
      while (!held.includes("\n")) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`It ended after ${JSON.stringify(held)}.`);
        held += value;
      }
      const end = held.indexOf("\n");
      const line = held.slice(0, end);
      held = held.slice(end + 1);
      return line;
    },
    async kill() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

test("it keeps texts under names, also for another process", async (t) => {
  const path = join(await folder(t), "deep", "down");
  const store = directoryStore(path);
  const names = ["a", "", "../../etc/passwd", "a/b\n\0", "ü".repeat(500), "CON", "A"];
  assert.equal(await store.get("a"), undefined);
  for (const name of names) await store.set(name, `text of ${name}`);
  await store.set("a", "another text");
  const again = directoryStore(path);
  assert.deepEqual([...(await again.keys())].sort(), [...names].sort());
  assert.equal(await again.get("a"), "another text");
  for (const name of names.slice(1)) assert.equal(await again.get(name), `text of ${name}`);
  await again.delete("A");
  await again.delete("never there");
  assert.equal(await store.get("A"), undefined);
  assert.equal((await readdir(path)).length, names.length - 1, "nothing else lies about");
});

test("each entry is a file that its owner alone can read, called after a digest, with the name inside", async (t) => {
  const path = join(await folder(t), "state");
  await directoryStore(path).putIfAbsent("name", "text");
  const [file = ""] = await readdir(path);
  // `printf name | sha256sum`
  assert.equal(file, "82a3537ff0dbce7eec35d69edc3a189ee6f17d82f353a553f9aa96cb0be3ce89.json");
  assert.equal(await readFile(join(path, file), "utf8"), '{"name":"name","text":"text"}\n');
  if (process.platform === "win32") return;
  assert.equal((await stat(join(path, file))).mode & 0o777, 0o600);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
});

test("thousands of entries need few open files", async (t) => {
  const path = await folder(t);
  const script = `
    import { directoryStore } from "crisp-upscale/directory-store";
    const store = directoryStore(process.argv[1]);
    const names = Array.from({ length: 1500 }, (_, n) => "name " + n);
    await Promise.all(names.map((name) => store.putIfAbsent(name, name)));
    console.log([...(await store.keys())].length);`;
  const child = spawn(
    "sh",
    ["-c", 'ulimit -n 64 && exec "$0" --input-type=module --eval "$1" "$2"'].concat([
      process.execPath,
      script,
      path,
    ]),
    {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let printed = "";
  for await (const text of child.stdout.setEncoding("utf8")) printed += text;
  assert.equal(printed.trim(), "1500");
});

test("putIfAbsent: of many processes at once, one keeps its text, whole", async (t) => {
  const path = await folder(t);
  const script = `
    import { directoryStore } from "crisp-upscale/directory-store";
    const store = directoryStore(process.argv[1]);
    console.log("ready");
    for await (const line of process.stdin.setEncoding("utf8")) {
      const wins = await Promise.all(Array.from({ length: 50 }, (_, n) => store.putIfAbsent("n" + n, process.argv[2])));
      console.log(wins.map(Number).join(""));
      process.exit();
    }`;
  const both = ["one", "two"].map((name) => other(t, script, path, name));
  for (const process of both) assert.equal(await process.says(), "ready");
  for (const { child } of both) child.stdin.end("go\n");
  const [one = "", two = ""] = await Promise.all(both.map((process) => process.says()));
  const store = directoryStore(path);
  for (let n = 0; n < 50; n += 1) {
    assert.equal(Number(one[n]) + Number(two[n]), 1, `name ${n}`);
    assert.equal(await store.get(`n${n}`), one[n] === "1" ? "one" : "two");
  }
  assert.equal((await readdir(path)).length, 50, "and nothing temporary is left");
});

/** Takes the hard links away, and stops for ever where a file with a final name is open and nothing is written yet. */
const NO_LINKS = `
  import fs from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  const { open } = fs.promises;
  fs.promises.link = async () => { throw Object.assign(new Error("no links"), { code: process.argv[3] ?? "EPERM" }); };
  fs.promises.open = async (path, flags, mode) => {
    const handle = await open(path, flags, mode);
    if (process.argv[2] === "stop" && flags === "wx" && path.endsWith(".json")) {
      console.log("created");
      setInterval(() => {}, 1000);
      await new Promise(() => {});
    }
    return handle;
  };
  syncBuiltinESMExports();
`;

const ORDER = `
  const { Upscaler } = await import("crisp-upscale");
  const { directoryStore } = await import("crisp-upscale/directory-store");
  const upscaler = new Upscaler({
    apiKey: "key", baseUrl: "https://api.example", store: directoryStore(process.argv[1]),
    fetch: async () => { console.log("sent"); return Response.json({ code: 200, msg: "success", data: { taskId: "abc" } }); },
  });
  const { taskId } = await upscaler.submit("${IMAGE}", { idempotencyKey: "k" });
  console.log(taskId);
`;

test("killed between an entry's creation and its content, where there are no hard links: the outcome is unknown", async (t) => {
  const path = await folder(t);
  const first = other(t, NO_LINKS + ORDER, path, "stop");
  assert.equal(await first.says(), "created");
  await first.kill();
  const [file = ""] = (await readdir(path)).filter((name) => name.endsWith(".json"));
  assert.equal((await stat(join(path, file))).size, 0);

  const { upscaler, count } = upscalerOf(path);
  assert.equal((await failure(upscaler.submit(IMAGE, { idempotencyKey: "k" }))).kind, "outcome-unknown");
  assert.equal(count.creates, 0);
  const [pending] = await upscaler.pending();
  assert.ok(pending !== undefined && pending.taskId === null, "it is listed");
  await upscaler.forget(pending);
  assert.deepEqual(await upscaler.pending(), []);
  assert.equal((await upscaler.submit(IMAGE, { idempotencyKey: "k" })).taskId, "abc");
});

test("an entry that breaks off anywhere is listed, and never used anew", async (t) => {
  const path = await folder(t);
  await upscalerOf(path).upscaler.submit(IMAGE, { idempotencyKey: "k" });
  const [file = ""] = await readdir(path);
  const whole = await readFile(join(path, file), "utf8");
  for (let length = 0; length < whole.length - 1; length += 7) {
    await writeFile(join(path, file), whole.slice(0, length));
    const { upscaler, count } = upscalerOf(path);
    assert.equal((await failure(upscaler.submit(IMAGE, { idempotencyKey: "k" }))).kind, "outcome-unknown");
    assert.deepEqual([count.creates, (await upscaler.pending()).length], [0, 1], `${length} bytes`);
  }
});

test("where there are no hard links, two calls still make one task", async (t) => {
  for (const code of ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]) {
    const path = await folder(t);
    const first = other(t, NO_LINKS + ORDER, path, "go", code);
    assert.deepEqual([await first.says(), await first.says()], ["sent", "abc"]);
    const { upscaler, count } = upscalerOf(path);
    assert.equal((await upscaler.submit(IMAGE, { idempotencyKey: "k" })).taskId, "abc");
    assert.equal(count.creates, 0);
  }
});

/** Stops for ever when a temporary file is written and before it gets its name. */
const STOPS_BEFORE_LINK = `
  import fs from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  fs.promises.link = async () => { console.log("written"); setInterval(() => {}, 1000); await new Promise(() => {}); };
  syncBuiltinESMExports();
`;

test("killed before an entry has its name: nothing was sent, and the name is free", async (t) => {
  const path = await folder(t);
  const first = other(t, STOPS_BEFORE_LINK + ORDER, path);
  assert.equal(await first.says(), "written");
  await first.kill();
  const { upscaler, count } = upscalerOf(path);
  assert.deepEqual(await upscaler.pending(), []);
  assert.equal((await upscaler.submit(IMAGE, { idempotencyKey: "k" })).taskId, "abc");
  assert.equal(count.creates, 1);
});

test("killed while the request is on its way: the entry is there, and nothing is sent again", async (t) => {
  const path = await folder(t);
  const script = ORDER.replace(
    'console.log("sent");',
    'console.log("sent"); setInterval(() => {}, 1000); await new Promise(() => {});',
  );
  const first = other(t, script, path);
  assert.equal(await first.says(), "sent");
  await first.kill();
  const { upscaler, count } = upscalerOf(path);
  assert.equal((await failure(upscaler.submit(IMAGE, { idempotencyKey: "k" }))).kind, "outcome-unknown");
  const [pending] = await upscaler.pending();
  assert.deepEqual([pending?.attempt, pending?.image, pending?.taskId], ["k", IMAGE, null]);
  assert.equal(count.creates, 0);
});

test("an expired entry is replaced by one of two processes", async (t) => {
  const path = await folder(t);
  const expired = { attempt: "k", image: IMAGE, taskId: "old", createdAt: 0, hasKey: true, ended: false };
  for (let round = 0; round < 5; round += 1) {
    await directoryStore(path).set("crisp-upscale/k", JSON.stringify(expired));
    const script = `console.log("ready"); for await (const _ of process.stdin) break;
      ${ORDER.replace("console.log(taskId)", "console.log(taskId); process.exit()")}`;
    const both = [1, 2].map(() => other(t, script, path));
    for (const process of both) assert.equal(await process.says(), "ready");
    for (const { child } of both) child.stdin.end("go\n");
    const lines = await Promise.all(
      both.map(async (process) => {
        const said = [];
        // An outcome-unknown ends the process with an error.
        for (;;) {
          const line = await process.says().catch(() => "abc");
          if (line === "abc") return said;
          said.push(line);
        }
      }),
    );
    assert.deepEqual(lines.flat(), ["sent"]);
    await directoryStore(path).delete("crisp-upscale/k");
  }
});
