// @ts-check
// The command: what it takes, what it makes, what it says, and what it ends with.
import assert from "node:assert/strict";
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { directoryStore } from "crisp-upscale/directory-store";
import { root } from "../../scripts/run.mjs";
import { serve } from "../../scripts/serve.mjs";
import {
  fill,
  folder,
  imageOf,
  linesOf,
  run,
  service,
  sizeOf,
  start,
  statusesOf,
  visible,
} from "../kit/command.mjs";
import { SMALL_JPEG } from "../kit/images.mjs";

/** No look of `ps` or a result may show it. */
const KEY = /a-secret-key/;

test("images get their results beside them, and a second run makes nothing again", async (t) => {
  const { env, ledger } = await service(t);
  const path = await folder(t);
  await fill(path, 3);
  const first = await run([join(path, "image-000.png"), join(path, "image-001.png"), path, "-r"], { env });
  assert.equal(first.code, 0, first.out + first.err);
  assert.deepEqual(
    (await visible(path)).filter((name) => name.includes("crisp")),
    [...["image-000.crisp.png", "image-001.crisp.png", "image-002.crisp.png"]],
  );
  assert.deepEqual(await sizeOf(join(path, "image-002.crisp.png")), [128, 128]);
  const { requests } = await ledger();
  const second = await run([path, "-r", "--json"], { env });
  assert.equal(second.code, 0);
  assert.deepEqual(statusesOf(second), { done: 3 });
  assert.deepEqual((await ledger()).requests, requests, "and nothing is sent");
  for (const { out, err } of [first, second]) assert.doesNotMatch(out + err, KEY);
});

test("--out takes the results, with the folders that they came from, and no name twice", async (t) => {
  const { env, ledger } = await service(t);
  const path = await folder(t);
  for (const part of ["a", "b", "a/deep"]) await mkdir(join(path, part));
  for (const name of ["a/x.png", "b/x.png", "a/deep/x.png"]) await writeFile(join(path, name), imageOf(name));
  // The same name but for its ending and case, and the same content as another one.
  await writeFile(join(path, "a/x.jpg"), SMALL_JPEG);
  await writeFile(join(path, "b/X.png"), imageOf("a/x.png"));
  const out = join(path, "out");
  const { code, out: said } = await run(
    [
      ...["a/x.png", "a/x.jpg", "b/x.png", "b/X.png"].map((name) => join(path, name)),
      join(path, "a"),
      "-r",
      "-o",
      out,
    ],
    { env },
  );
  assert.equal(code, 0, said);
  const made = (await readdir(out, { recursive: true })).filter((name) => /crisp.*\.png$/.test(name));
  // Four files of one name, and the folder's own deep one. What was named before is not taken again with its folder.
  assert.equal(made.length, 5, made.join(" "));
  assert.ok(made.includes("x.crisp.png") && made.includes("deep/x.crisp.png"), made.join(" "));
  assert.equal((await ledger()).tasks.length, 4, "one task for the two of the same content");
  const again = await run([join(path, "a"), join(path, "b"), "-r", "-o", out, "--json"], { env });
  assert.deepEqual(statusesOf(again), { done: 5 });
});

test("URLs and a list from standard input", async (t) => {
  const { env } = await service(t);
  const path = await folder(t);
  const host = await serve(async () => new Response(new Uint8Array(imageOf("web"))), { port: 0 });
  t.after(() => host.close());
  await writeFile(join(path, "a b.png"), imageOf(1));
  await writeFile(join(path, "new\nline.png"), imageOf(2));
  const lines = await run(["-", "--out", join(path, "out")], {
    ...{ env, cwd: path, stdin: `a b.png\r\n\n${host.url}/some%20logo.png?x=1\n` },
  });
  assert.equal(lines.code, 0, lines.out + lines.err);
  assert.deepEqual(await visible(join(path, "out")), ["a b.crisp.png", "some logo.crisp.png"]);
  const zeros = await run(["-", "--out", join(path, "out")], {
    env,
    cwd: path,
    stdin: "a b.png\0new\nline.png\0",
  });
  assert.equal(zeros.code, 0, zeros.out);
  assert.deepEqual(await visible(join(path, "out")), [
    "a b.crisp.png",
    "new\nline.crisp.png",
    "some logo.crisp.png",
  ]);
});

test("a folder of bad things: each is named with its reason, and all others are done", async (t) => {
  const { env, ledger } = await service(t);
  const path = await folder(t);
  const photo = await readFile(`${root}/www/samples/cat.jpg`);
  const GIF = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");
  await writeFile(join(path, "animation.gif"), GIF);
  await writeFile(join(path, "disguised.jpg"), GIF);
  await writeFile(join(path, "large.jpg"), Buffer.concat([photo, Buffer.alloc(11 * 1024 * 1024)]));
  await writeFile(join(path, "cut-header.jpg"), photo.subarray(0, 30));
  await writeFile(join(path, "cut-scan.jpg"), photo.subarray(0, photo.length / 2));
  await writeFile(join(path, "empty.png"), "");
  await mkdir(join(path, "directory"));
  await symlink(join(path, "nowhere"), join(path, "link.jpg"));
  await writeFile(join(path, "new\nline.png"), imageOf("newline"));
  await writeFile(join(path, "صورة.png"), imageOf("arabic"));
  await writeFile(join(path, "secret.png"), imageOf("secret"));
  await fill(path, 3);
  /** @type {number | undefined} */
  let uid;
  if (process.getuid?.() === 0) {
    // Root reads everything.
    uid = 65_534;
    for (const name of await readdir(path)) if (name !== "link.jpg") await chown(join(path, name), uid, uid);
    await chown(path, uid, uid);
  }
  await chmod(join(path, "secret.png"), 0);

  const names = (await readdir(path)).map((name) => join(path, name));
  const ended = await run([...names, "--json"], { env, ...(uid === undefined ? {} : { uid }) });
  assert.equal(ended.code, 1, ended.err);
  const lines = new Map(linesOf(ended).map((line) => [line.image.slice(path.length + 1), line]));
  assert.equal(lines.size, names.length);
  for (const [name, says] of /** @type {const} */ ([
    ["animation.gif", /GIF/],
    ["disguised.jpg", /GIF/],
    ["large.jpg", /10 MB/],
    ["cut-header.jpg", /./],
    ["cut-scan.jpg", /damaged|cut|incomplete|broken|end/i],
    ["empty.png", /./],
    ["directory", /--recursive/],
    ["link.jpg", /leads nowhere/],
    ["secret.png", /may not be read/],
  ])) {
    const { status, reason } = lines.get(name);
    assert.equal(status, "failed", name);
    assert.match(reason, says);
  }
  for (const name of ["new\nline.png", "صورة.png", "image-000.png", "image-001.png", "image-002.png"]) {
    assert.equal(lines.get(name).status, "done", name);
    assert.ok((await stat(lines.get(name).result)).isFile());
  }
  const { tasks } = await ledger();
  assert.equal(tasks.length, 6, "those that were done, and the one that only the service could refuse");
  assert.equal(
    tasks.reduce((sum, { charged }) => sum + charged, 0),
    2.5,
  );
  // In plain lines, too, and no name can end a line or move the cursor.
  const plain = await run(names, { env, ...(uid === undefined ? {} : { uid }) });
  assert.equal(plain.code, 1);
  assert.match(plain.out, /new\\nline\.png/);
  assert.match(plain.out, /Not done: 9 images/);
});

test("a folder is read without its hidden files, its results, and links in a circle", async (t) => {
  const { env, ledger } = await service(t);
  const path = await folder(t);
  await fill(path, 2);
  await mkdir(join(path, "inside"));
  await symlink("..", join(path, "inside", "circle"));
  await symlink(path, join(path, "self"));
  await writeFile(join(path, ".hidden.png"), imageOf("hidden"));
  await writeFile(join(path, "notes.txt"), "notes");
  // A photograph with no ending is one all the same.
  await writeFile(join(path, "inside", "photo"), imageOf("photo"));
  assert.equal((await run([path, "-r"], { env })).code, 0);
  assert.equal((await ledger()).tasks.length, 3);
  for (const args of [
    [path, "-r"],
    (await visible(path)).filter((name) => /png/.test(name)).map((name) => join(path, name)),
  ]) {
    assert.equal((await run(args, { env })).code, 0);
    assert.equal((await run(["-"], { env, stdin: args.join("\n") })).code === 2, false);
  }
  assert.equal((await ledger()).tasks.length, 3, "and its results are no inputs");
  const results = (await visible(path)).filter((name) => name.includes("crisp"));
  await run([...results.map((name) => join(path, name)), "--include-results"], { env });
  // What was made of these is of the same content.
  assert.equal((await ledger()).tasks.length, 4);
});

test("an input that has changed is named, and ordered anew with --again only", async (t) => {
  const { env, ledger } = await service(t);
  const path = await folder(t);
  const file = join(path, "a.png");
  await writeFile(file, imageOf(1));
  await run([file], { env });
  await writeFile(file, imageOf(2));
  const named = await run([file, "--json"], { env });
  assert.deepEqual([named.code, statusesOf(named)], [1, { changed: 1 }]);
  assert.equal((await ledger()).tasks.length, 1);
  const again = await run([file, "--json", "--again"], { env });
  assert.deepEqual([again.code, statusesOf(again)], [0, { done: 1 }]);
  assert.equal((await ledger()).tasks.length, 2);
  assert.deepEqual(await visible(path), ["a.crisp.png", "a.png"]);
  assert.deepEqual(statusesOf(await run([file, "--json", "--again"], { env })), { done: 1 });
  assert.equal((await ledger()).tasks.length, 2, "and what is done stays so, also with --again");
});

test("a result that was deleted is fetched again; one that has expired is paid and gone until --again", async (t) => {
  let expired = false;
  const { env, ledger } = await service(t, {}, (handler) => async (request) => {
    const isResult = /\/files\/.*\.png/.test(request.url) && request.method === "GET";
    return isResult && expired ? new Response(null, { status: 404 }) : handler(request);
  });
  const path = await folder(t);
  const file = join(path, "a.png");
  await writeFile(file, imageOf(1));
  await run([file], { env });
  await unlink(join(path, "a.crisp.png"));
  assert.equal((await run([file], { env })).code, 0);
  assert.deepEqual(await sizeOf(join(path, "a.crisp.png")), [128, 128]);
  await unlink(join(path, "a.crisp.png"));
  expired = true;
  const gone = await run([file, "--json"], { env });
  assert.deepEqual([gone.code, statusesOf(gone)], [1, { gone: 1 }]);
  assert.equal((await ledger()).tasks.length, 1);
  const again = await run([file, "--again", "--json", "--dry-run"], { env });
  assert.match(again.err, /0\.5 credits at most/);
  assert.equal((await ledger()).tasks.length, 1);
  // It is asked for once more before it is paid for again.
  expired = false;
  const back = await run([file, "--again", "--json"], { env });
  assert.deepEqual([statusesOf(back), (await ledger()).tasks.length], [{ done: 1 }, 1]);
});

test("an error of the account ends the sending: what is under way is finished, and the rest is listed", async (t) => {
  const { env, ledger } = await service(t, { credits: 2 });
  const path = await folder(t);
  await fill(path, 30);
  const poor = await run([path, "-r", "--json"], { env });
  assert.equal(poor.code, 1);
  assert.deepEqual(statusesOf(poor), { done: 4, "not-sent": 26 });
  assert.match(poor.err, /enough for 4/);
  const { tasks, requests } = await ledger();
  assert.equal(tasks.length, 4);
  assert.ok((requests.createTask ?? 0) < 30, "and not each is tried");

  const { url } = await service(t);
  const wrong = await run([path, "-r", "--json", "--out", join(path, "out")], {
    env: { KIE_API_KEY: "wrong", KIE_BASE_URL: url },
  });
  assert.deepEqual([wrong.code, statusesOf(wrong)], [1, { "not-sent": 30 }]);
});

test("without a network nothing is lost, and the next run goes on", async (t) => {
  const closed = await serve(async () => new Response(), { port: 0 });
  await closed.close();
  const path = await folder(t);
  await fill(path, 8);
  const env = { KIE_API_KEY: "a-secret-key", KIE_BASE_URL: closed.url };
  const offline = await run([path, "-r", "--json"], { env });
  assert.deepEqual([offline.code, statusesOf(offline)], [1, { "not-sent": 8 }]);
});

test("--max, --dry-run, --json", async (t) => {
  const { env, ledger } = await service(t);
  const path = await folder(t);
  await fill(path, 5);
  const dry = await run([path, "-r", "--dry-run"], { env });
  assert.equal(dry.code, 0);
  assert.match(dry.out, /5 images would be ordered, which costs 2\.5 credits at most/);
  assert.deepEqual((await ledger()).requests, {}, "nothing is sent");
  assert.deepEqual(
    (await readdir(path)).filter((name) => name.startsWith(".")),
    [],
    "and nothing is written",
  );
  const some = await run([path, "-r", "--max", "2", "--json"], { env });
  assert.deepEqual([some.code, statusesOf(some)], [0, { done: 2, "not-sent": 3 }]);
  const [line] = linesOf(some).filter(({ status }) => status === "done");
  assert.deepEqual(Object.keys(line), [
    "image",
    "status",
    "result",
    "taskId",
    "credits",
    "kind",
    "reason",
    "warning",
  ]);
  assert.equal(line.credits, 0.5);
  assert.equal((await ledger()).tasks.length, 2);
});

test("a state belongs to one service and account: another one is said, and touches nothing", async (t) => {
  const first = await service(t);
  const path = await folder(t);
  await fill(path, 2);
  await run([path, "-r", "--max", "1"], { env: first.env });
  const before = await readdir(join(path, ".crisp-upscale"), { recursive: true });
  const second = await service(t);
  for (const [env, says] of /** @type {const} */ ([
    [{ ...first.env, KIE_API_KEY: "another" }, /another account/],
    [second.env, /another service/],
  ])) {
    const { code, out, err } = await run([path, "-r"], { env });
    assert.equal(code, 2);
    assert.match(err, says);
    assert.doesNotMatch(out + err, KEY);
  }
  assert.deepEqual(await readdir(join(path, ".crisp-upscale"), { recursive: true }), before);
  assert.deepEqual((await second.ledger()).requests, {});
  // The key cannot be read from what is written.
  for (const name of before) {
    const file = join(path, ".crisp-upscale", name);
    if ((await stat(file)).isFile()) assert.doesNotMatch(await readFile(file, "utf8"), KEY);
  }
  // A spelling of the same address is no other service.
  const spelled = { ...first.env, KIE_BASE_URL: `${first.env.KIE_BASE_URL}/` };
  assert.equal((await run([path, "-r"], { env: spelled })).code, 0);
});

test("what --sandbox makes has a state and names of its own, and never counts as done for a real run", async (t) => {
  const path = await folder(t);
  await fill(path, 2);
  const tried = await run([path, "-r"], { env: {} });
  assert.equal(tried.code, 2, "without a key there is nothing to do");
  assert.match(tried.err, /KIE_API_KEY.*--sandbox/);
  const sandbox = await run([path, "-r", "--sandbox", "--json"], { env: {} });
  assert.deepEqual([sandbox.code, statusesOf(sandbox)], [0, { done: 2 }], sandbox.err);
  assert.deepEqual(await sizeOf(join(path, "image-000.crisp-sandbox.png")), [128, 128]);
  await unlink(join(path, "image-000.crisp-sandbox.png"));
  assert.deepEqual(
    statusesOf(await run([path, "-r", "--sandbox", "--json"], { env: {} })),
    { done: 2 },
    "its tasks are over",
  );
  assert.deepEqual(await sizeOf(join(path, "image-000.crisp-sandbox.png")), [128, 128]);
  const { env, ledger } = await service(t);
  assert.deepEqual(statusesOf(await run([path, "-r", "--json"], { env })), { done: 2 });
  assert.equal((await ledger()).tasks.length, 2);
});

test("a file that is there already is neither made again nor overwritten", async (t) => {
  const { env, ledger } = await service(t);
  const path = await folder(t);
  await fill(path, 1);
  await run([path, "-r"], { env });
  await rm(join(path, ".crisp-upscale"), { recursive: true });
  await writeFile(join(path, "image-000.crisp.png"), "mine");
  assert.deepEqual(statusesOf(await run([path, "-r", "--json"], { env })), { done: 1 });
  assert.equal(await readFile(join(path, "image-000.crisp.png"), "utf8"), "mine");
  assert.equal((await ledger()).tasks.length, 1);
});

describe("what is unknown", () => {
  /** A run whose one request is lost on its way back. @param {import("node:test").TestContext} t */
  async function unknown(t) {
    const world = await service(t);
    const path = await folder(t);
    await fill(path, 1);
    await world.fail({ route: "createTask", kind: "lose" });
    const ended = await run([path, "-r", "--json"], { env: world.env });
    assert.deepEqual([ended.code, statusesOf(ended)], [1, { unknown: 1 }]);
    return { ...world, path };
  }

  test("is listed and left alone until --retry-unknown, which says what it may cost", async (t) => {
    const { path, env, ledger } = await unknown(t);
    const again = await run([path, "-r", "--json"], { env });
    assert.deepEqual([again.code, statusesOf(again)], [1, { unknown: 1 }]);
    assert.equal((await ledger()).tasks.length, 1);
    const retried = await run([path, "-r", "--json", "--retry-unknown"], { env });
    assert.deepEqual([retried.code, statusesOf(retried)], [0, { done: 1 }]);
    assert.match(retried.err, /0\.5 credits may be charged a second time/);
    assert.equal((await ledger()).tasks.length, 2);
  });

  test("stays so when the library has forgotten it", async (t) => {
    const { path, env, ledger } = await unknown(t);
    const later = join(await folder(t), "later.mjs");
    await writeFile(later, "const now = Date.now; Date.now = () => now() + 2 * 24 * 60 * 60 * 1000;");
    const ended = await run([path, "-r", "--json"], { env, node: ["--import", later] });
    assert.deepEqual([ended.code, statusesOf(ended)], [1, { unknown: 1 }]);
    assert.equal((await ledger()).tasks.length, 1);
  });
});

test("wrong usage is one sentence that says what to do, and 2", async (t) => {
  const path = await folder(t);
  const env = { KIE_API_KEY: "a-secret-key" };
  for (const [
    args,
    says,
    environment = env,
  ] of /** @type {[string[], RegExp, Record<string, string>?][]} */ ([
    [[], /Name the images/],
    [["--nonsense", "a.png"], /--nonsense/],
    [["a.png", "--max", "none"], /--max takes a whole number/],
    [["a.png", "--out"], /--out/],
    [["a.png", "--sandbox", "--gateway", "https://g.example"], /not both/],
    [["a.png", "--gateway", "https://g.example"], /CRISP_UPSCALE_TOKEN/],
    [["a.png"], /KIE_BASE_URL must be an address/, { ...env, KIE_BASE_URL: "nowhere" }],
    [["sandbox", "--port", "x"], /--port takes/],
  ])) {
    const { code, out, err } = await run(args, { env: environment, cwd: path });
    assert.equal(code, 2, err);
    assert.match(err, says);
    assert.equal(err.trim().split("\n").length, 1);
    assert.equal(out, "");
  }
  assert.deepEqual(await readdir(path), []);
});

test("--help and --version", async () => {
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  for (const option of [
    "--out",
    "--recursive",
    "--max",
    "--again",
    "--retry-unknown",
    "--json",
    "--dry-run",
    "--sandbox",
  ]) {
    assert.match(help.out, RegExp(option));
  }
  assert.ok(
    help.out.split("\n").every((line) => line.length <= 90),
    "it fits a terminal",
  );
  const { version } = JSON.parse(await readFile(`${root}/package.json`, "utf8"));
  assert.deepEqual(await run(["--version"]), { code: 0, signal: null, out: `${version}\n`, err: "" });
});

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  test(`${signal} ends it with nothing lost, and 130`, async (t) => {
    const { env, ledger } = await service(t, { delays: { generating: 2_000 } });
    const path = await folder(t);
    await fill(path, 30);
    const running = start([path, "-r", "--json"], { env });
    await running.child.once("spawn", () => {});
    // When the first tasks are made.
    for (;;) {
      if ((await ledger()).tasks.length > 3) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    running.child.kill(signal);
    const ended = await running.ended;
    assert.equal(ended.code, 130, ended.err);
    const made = (await ledger()).tasks.length;
    const statuses = statusesOf(ended);
    assert.equal(statuses.unknown ?? 0, 0);
    assert.equal((statuses.unfinished ?? 0) + (statuses.done ?? 0), made);
    assert.equal((statuses["not-sent"] ?? 0) + made, 30);
    const next = await run([path, "-r", "--json"], { env });
    assert.deepEqual([next.code, statusesOf(next)], [0, { done: 30 }], next.err);
    assert.equal((await ledger()).tasks.length, 30);
  });
}

test("pending() is empty when all is done, and the state is readable", async (t) => {
  const { env, url } = await service(t);
  const path = await folder(t);
  await fill(path, 2);
  await run([path, "-r"], { env });
  const store = directoryStore(join(path, ".crisp-upscale", "attempts"));
  const upscaler = new Upscaler({ apiKey: "a-secret-key", baseUrl: url, store });
  assert.deepEqual(await upscaler.pending(), []);
  const orders = join(path, ".crisp-upscale", "orders");
  for (const image of await readdir(orders)) {
    const steps = (await readdir(join(orders, image))).sort();
    const last = JSON.parse(await readFile(join(orders, image, steps.at(-1) ?? ""), "utf8"));
    assert.deepEqual([last.state, last.number, last.holder], ["done", 1, undefined]);
  }
});
