// @ts-check
// The crate in a user's Rust program, tests/rust-user, compiled by the recipe of the package. Nothing of npm/ is in
// it; the API is the sandbox.
import "../kit/quick-time.mjs";
import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { after, test } from "node:test";
import { root } from "../../scripts/run.mjs";
import { toolchain } from "../../scripts/toolchain.mjs";
import { compile } from "../../scripts/wasm.mjs";
import { virtualClock } from "../kit/clock.mjs";
import { envelope } from "../kit/envelope.mjs";
import { SAMPLES } from "../kit/images.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

const API = "http://sandbox.test";
const IMAGE = "https://host.example/cat.jpg";
const OUTPUT = `${root}/tests/output/rust-user`;

await compile(
  {
    name: "rust_user",
    crate: "rust-user",
    profile: "release",
    rustflags: [],
    optimise: ["-Oz"],
    folder: "../tests/output/rust-user",
  },
  await toolchain(),
);
after(() => rm(OUTPUT, { recursive: true }));
const wasm = await readFile(`${OUTPUT}/rust_user_bg.wasm`);
const program = await import(`${OUTPUT}/rust_user.js`);
await program.default({ module_or_path: wasm });

const photo = await readFile(`${root}/www/samples/cat.jpg`);

/**
 * Puts the sandbox in the network's place until the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {import("crisp-upscale/sandbox").SandboxOptions} [options]
 * @param {(request: Request, reply: () => Promise<Response>) => Promise<Response>} [network]
 */
function world(t, options = {}, network = (_, reply) => reply()) {
  const internet = async (/** @type {Request} */ { url }) =>
    url === IMAGE ? new Response(photo) : new Response("Not found", { status: 404 });
  const sandbox = quickSandbox({ fetch: internet, ...options });
  /** @type {Request[]} */
  const requests = [];
  const { fetch } = globalThis;
  globalThis.fetch = async (input) => {
    const request = new Request(input);
    requests.push(/** @type {Request} */ (input));
    return network(request, () => (request.url.startsWith(API) ? sandbox.fetch(request) : internet(request)));
  };
  t.after(() => {
    globalThis.fetch = fetch;
  });
  const creates = () => requests.filter(({ url }) => url.endsWith("/createTask"));
  return { sandbox, requests, creates };
}

test("the wasm of a Rust program exports what that program exports, and nothing of the npm package", async () => {
  const own = [
    ...["creditsOfBoth", "enlarge", "enlargeFile", "enlargeUnless"],
    ...["resume", "submitMany", "submitToGateway"],
  ];
  // What wasm-bindgen needs for itself has longer names.
  const names = WebAssembly.Module.exports(await WebAssembly.compile(wasm)).map(({ name }) => name);
  assert.deepEqual(names.filter((name) => /^[a-z]+$/i.test(name) && name !== "memory").sort(), own);
  assert.deepEqual(Object.keys(program).sort(), ["default", ...own, "initSync"].sort());
});

test("a Rust program upscales by URL, once", async (t) => {
  const { sandbox, creates } = world(t);
  const [url, size] = (await program.enlarge(API, IMAGE, 60_000)).split(" ");
  const [width = 0, height = 0] = SAMPLES["cat.jpg"];
  assert.equal(size, `${width * 4}x${height * 4}`);
  assert.ok((await sandbox.fetch(new Request(url))).ok);
  assert.equal(creates().length, 1);
  assert.equal(creates()[0]?.headers.get("authorization"), "Bearer sandbox");
  assert.equal(creates()[0]?.headers.has("idempotency-key"), false);
});

test("a Rust program uploads a file, submits, resumes, and fetches the result", async (t) => {
  const { creates } = world(t);
  const blob = await program.enlargeFile(API, new Blob([photo]));
  const png = Buffer.from(await blob.arrayBuffer());
  const [width = 0, height = 0] = SAMPLES["cat.jpg"];
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [width * 4, height * 4]);
  assert.equal(creates().length, 1);
});

test("a failure is typed, and says whether it was charged", async (t) => {
  const { requests } = world(t);
  await assert.rejects(program.enlarge(API, "photo.jpg", 60_000), (error) => error === "invalid-input no");
  await assert.rejects(
    program.enlargeFile(API, new Blob(["GIF89a"])),
    (error) => error === "invalid-input no",
  );
  assert.equal(requests.filter(({ method }) => method === "POST").length, 0, "nothing was sent");
  await assert.rejects(
    program.enlarge(API, "https://host.example/nothing.jpg", 60_000),
    /^generation-failed no \w/,
  );
});

test("a reply that is lost is an unknown outcome, and nothing is sent again", async (t) => {
  const { creates } = world(t, {}, async (request, reply) => {
    await reply();
    throw new TypeError(`fetch failed: ${request.url}`);
  });
  await assert.rejects(program.enlarge(API, IMAGE, 60_000), (error) => error === "outcome-unknown unknown");
  assert.equal(creates().length, 1);
});

test("a time-out carries the task, and resume goes on with it", async (t) => {
  const clock = { now: 1_786_878_073_451 };
  const delays = { waiting: 0, queuing: 0, generating: 3_600_000 };
  const { creates } = world(t, { now: () => clock.now, delays });
  const error = await program.enlarge(API, IMAGE, 1_000).catch((/** @type {string} */ error) => error);
  const [kind, charged, taskId] = error.split(" ");
  assert.deepEqual([kind, charged], ["timeout", "unknown"]);
  clock.now += 3_600_000;
  assert.match(await program.resume(API, taskId), /^http/);
  assert.equal(creates().length, 1);
});

test("a future that is dropped ends its request", async (t) => {
  /** @type {() => void} */
  let stop = () => {};
  const stopped = new Promise((resolve) => {
    stop = () => resolve(undefined);
  });
  const { requests } = world(t, {}, () => {
    stop();
    return new Promise(() => {});
  });
  assert.equal(await program.enlargeUnless(API, IMAGE, stopped), "stopped");
  assert.equal(requests.length, 1);
  assert.equal(requests[0]?.signal.aborted, true);
});

test("to a gateway a create whose reply is lost is sent again with the same Idempotency-Key", async (t) => {
  let replies = 0;
  const { creates } = world(t, { key: "token-1" }, async (_, reply) => {
    replies += 1;
    if (replies === 1) throw new TypeError("fetch failed");
    return reply();
  });
  assert.match(await program.submitToGateway(API, "token-1", IMAGE), /\w/);
  const keys = creates().map(({ headers }) => headers.get("idempotency-key"));
  assert.equal(keys.length, 2);
  assert.match(String(keys[0]), /^[0-9a-f]{32}$/);
  assert.equal(keys[0], keys[1]);
});

test("another base URL for a clone is that clone's alone", async (t) => {
  const { requests } = world(t, {}, async () => envelope(99.5));
  await program.creditsOfBoth("https://one.example", "https://other.example/");
  const urls = requests.map(({ url }) => url);
  const path = "/api/v1/chat/credit";
  assert.deepEqual(urls, [`https://one.example${path}`, `https://other.example${path}`]);
});

// The last, since its clock takes the place of quick-time's.
test("clones share the limit of 20 new tasks in 10 s: the twenty-first waits", async (t) => {
  const clock = virtualClock(t);
  /** @type {number[]} */
  const sent = [];
  world(t, {}, async () => {
    sent.push(clock.now());
    return envelope({ taskId: "abc" });
  });
  await clock.until(program.submitMany(API, IMAGE, 21));
  const [first = 0] = sent;
  assert.equal(sent.filter((at) => at === first).length, 20);
  assert.ok(Number(sent[20]) - first >= 10_000);
});
