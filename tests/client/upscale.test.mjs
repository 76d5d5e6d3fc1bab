// @ts-check
// The main job in Node: the package against the sandbox over real sockets, with real photographs.
import "../kit/quick-time.mjs";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { serve } from "../../scripts/serve.mjs";
import { failure } from "../kit/failure.mjs";
import { BAD_IMAGES, imageHost, SAMPLES } from "../kit/images.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";

/** @type {Awaited<ReturnType<typeof imageHost>>} */
let images;
before(async () => {
  images = await imageHost();
});
after(() => images.close());

/**
 * @param {import("node:test").TestContext} t
 * @param {import("crisp-upscale/sandbox").SandboxOptions} [options]
 */
async function sandboxOf(t, options) {
  const sandbox = quickSandbox(options);
  const { url, close } = await serve(sandbox.fetch, { port: 0 });
  t.after(async () => {
    await close();
    await sandbox.close();
  });
  return { ...sandbox, url, stop: close, upscaler: new Upscaler({ apiKey: "sandbox", baseUrl: url }) };
}

/**
 * Width and height out of a PNG's header.
 *
 * @param {string} url
 */
async function pngSize(url) {
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

for (const [name, [width, height]] of Object.entries(SAMPLES)) {
  test(`${name} comes out four times as wide and as high, and costs half a credit`, async (t) => {
    const { upscaler, ledger } = await sandboxOf(t);
    /** @type {string[]} */
    const states = [];
    const result = await upscaler.upscale(`${images.url}/${name}`, {
      onUpdate: ({ state }) => states.push(state),
    });
    assert.deepEqual(await pngSize(result.url), [Number(width) * 4, Number(height) * 4]);
    assert.equal(result.credits, 0.5);
    assert.ok(result.createTime !== null && result.completeTime !== null);
    assert.ok(result.completeTime >= result.createTime);
    assert.deepEqual([states[0], states.at(-1)], ["submitted", "success"]);

    const { credits, reserved, tasks } = await ledger();
    assert.deepEqual([credits, reserved], [99.5, 0]);
    assert.deepEqual(
      tasks.map(({ taskId, charged }) => [taskId, charged]),
      [[result.taskId, 0.5]],
    );
  });
}

test("a task is seen through all its states, with a record that is not there at first", async (t) => {
  // In one piece with the client's own pace: it looks after 1 s and each second from then on.
  const delays = { waiting: 1500, queuing: 1000, generating: 1000 };
  const { upscaler } = await sandboxOf(t, { delays, gracePeriod: 500 });
  const job = await upscaler.submit(`${images.url}/cat.jpg`);
  const states = [];
  for await (const { state } of job) states.push(state);
  assert.deepEqual(states, ["submitted", "waiting", "queuing", "generating", "success"]);
});

for (const [name, path, says] of BAD_IMAGES) {
  test(`${name} fails with a sentence, and nothing is billed`, async (t) => {
    const { upscaler, ledger } = await sandboxOf(t);
    const error = await failure(upscaler.upscale(images.url + path));
    assert.equal(error.kind, "generation-failed");
    assert.equal(error.charged, "no");
    assert.match(error.message, says);
    const { credits, reserved, tasks } = await ledger();
    assert.deepEqual([credits, reserved, tasks.length], [100, 0, 1]);
    assert.equal(error.taskId, tasks[0]?.taskId);
  });
}

test("what is no URL reaches nobody", async (t) => {
  const { upscaler, ledger } = await sandboxOf(t);
  const error = await failure(upscaler.upscale("cat.jpg"));
  assert.deepEqual([error.kind, error.charged], ["invalid-input", "no"]);
  assert.deepEqual((await ledger()).requests, {});
});

test("a wrong key is refused", async (t) => {
  const { url, ledger } = await sandboxOf(t);
  const error = await failure(
    new Upscaler({ apiKey: "wrong", baseUrl: url }).upscale(`${images.url}/cat.jpg`),
  );
  assert.deepEqual([error.kind, error.code, error.charged], ["unauthorized", 401, "no"]);
  assert.equal((await ledger()).tasks.length, 0);
});

test("an empty account is refused", async (t) => {
  const { upscaler, ledger } = await sandboxOf(t, { credits: 0.25 });
  const error = await failure(upscaler.upscale(`${images.url}/cat.jpg`));
  assert.deepEqual([error.kind, error.code, error.charged], ["insufficient-credits", 402, "no"]);
  assert.equal((await ledger()).tasks.length, 0);
});

test("a server that is not there is unreachable, which is proven, so nothing is charged", async (t) => {
  const { upscaler, stop } = await sandboxOf(t);
  await stop();
  const error = await failure(upscaler.upscale(`${images.url}/cat.jpg`));
  assert.deepEqual([error.kind, error.charged, error.retryable], ["unreachable", "no", true]);
});

test("a server that answers HTML leaves the outcome unknown, and the create is not sent again", async (t) => {
  const { upscaler, fail, ledger } = await sandboxOf(t);
  await fail({ route: "createTask", kind: "html" });
  const error = await failure(upscaler.upscale(`${images.url}/cat.jpg`));
  assert.deepEqual([error.kind, error.charged, error.status], ["outcome-unknown", "unknown", 502]);
  const { requests, tasks } = await ledger();
  assert.deepEqual([requests.createTask, tasks.length], [1, 0]);
});

test("a reply that is lost after the task was made is an unknown outcome and one charge", async (t) => {
  const { upscaler, fail, ledger } = await sandboxOf(t);
  await fail({ route: "createTask", kind: "lose" });
  const error = await failure(upscaler.upscale(`${images.url}/cat.jpg`));
  assert.deepEqual([error.kind, error.charged], ["outcome-unknown", "unknown"]);
  const { requests, tasks } = await ledger();
  assert.deepEqual([requests.createTask, tasks.length], [1, 1]);
});

test("polls that fail in every way do not lose the job", async (t) => {
  const { upscaler, fail, ledger } = await sandboxOf(t);
  await fail(
    { route: "recordInfo", kind: "html" },
    { route: "recordInfo", kind: "lose" },
    { route: "recordInfo", kind: "code", code: 429, retryAfter: 1 },
    { route: "recordInfo", kind: "broken" },
  );
  const result = await upscaler.upscale(`${images.url}/cat.jpg`);
  assert.deepEqual(await pngSize(result.url), [1680, 1120]);
  const { requests, tasks } = await ledger();
  assert.deepEqual([requests.recordInfo, tasks.length], [5, 1]);
});

test("the key goes to the API and not to the files", async (t) => {
  const { upscaler, ledger } = await sandboxOf(t);
  const { url } = await upscaler.upscale(`${images.url}/cat.jpg`);
  await (await fetch(url)).arrayBuffer();
  const { requests, keysSentToFiles } = await ledger();
  assert.equal(keysSentToFiles, 0);
  assert.ok((requests.files ?? 0) > 0);
});

test("a job goes on in another process, from its ticket", async (t) => {
  const { upscaler, url, ledger } = await sandboxOf(t);
  const ticket = JSON.stringify(await upscaler.submit(`${images.url}/cat.jpg`));
  const elsewhere = new Upscaler({ apiKey: "sandbox", baseUrl: url });
  const result = await elsewhere.resume(JSON.parse(ticket)).result();
  assert.deepEqual(await pngSize(result.url), [1680, 1120]);
  assert.equal((await ledger()).tasks.length, 1);
});
