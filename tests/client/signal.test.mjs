// @ts-check
// One AbortSignal for many calls: Node warns of a leak from the eleventh listener on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Upscaler } from "crisp-upscale";

const images = Array.from({ length: 100 }, (_, n) => `https://host.example/${n}.jpg`);

/** A signal that counts who listens to it. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let [listeners, most] = [0, 0];
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (/** @type {[any, any]} */ ...args) => {
    listeners += 1;
    most = Math.max(most, listeners);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (/** @type {[any, any]} */ ...args) => {
    listeners -= 1;
    removeEventListener.apply(signal, args);
  };
  return { controller, signal, listeners: () => listeners, most: () => most };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An Upscaler whose requests are never answered, and how many are waiting for it. */
function silent() {
  let waiting = 0;
  const upscaler = new Upscaler({
    token: "t",
    baseUrl: "https://gateway.example",
    fetch: () => {
      waiting += 1;
      return new Promise(() => {});
    },
  });
  return { upscaler, waiting: () => waiting };
}

test("a hundred calls on one signal put one listener on it, which goes with the last of them", async (t) => {
  /** @type {Error[]} */
  const warnings = [];
  const warn = (/** @type {Error} */ warning) => warnings.push(warning);
  process.on("warning", warn);
  t.after(() => process.off("warning", warn));
  const { upscaler, waiting } = silent();
  const { controller, signal, listeners, most } = countedSignal();
  const calls = Promise.allSettled(images.map((image) => upscaler.upscale(image, { signal })));
  while (waiting() < images.length) await turn();
  assert.equal(listeners(), 1);

  const reason = new Error("enough");
  controller.abort(reason);
  for (const call of await calls) assert.deepEqual(call, { status: "rejected", reason });
  assert.deepEqual([listeners(), most()], [0, 1]);
  await turn();
  assert.deepEqual(warnings, []);
});

test("a call that ends leaves the others their signal", async () => {
  const { upscaler, waiting } = silent();
  const { controller, signal, listeners } = countedSignal();
  const early = assert.rejects(upscaler.upscale("no URL", { signal }), { kind: "invalid-input" });
  const late = assert.rejects(upscaler.upscale(images[0] ?? "", { signal }), { name: "AbortError" });
  await early;
  while (waiting() < 1) await turn();
  assert.equal(listeners(), 1);
  controller.abort();
  await late;
  assert.equal(listeners(), 0);
});

test("upscaleAll shares the one listener on its signal with its images", async () => {
  const { upscaler, waiting } = silent();
  const { controller, signal, listeners, most } = countedSignal();
  const next = upscaler.upscaleAll(images, { signal, concurrency: 50 }).next();
  const ends = assert.rejects(next, { name: "AbortError" });
  while (waiting() < 50) await turn();
  controller.abort();
  await ends;
  await turn();
  assert.deepEqual([listeners(), most()], [0, 1]);
});
