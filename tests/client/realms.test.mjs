// @ts-check
// Files, buffers, signals and modules of another realm or another package are accepted. A file that changes or
// disappears is reported once, and ends no process.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { promisify } from "node:util";
import vm from "node:vm";
import { Upscaler } from "crisp-upscale";
import { root } from "../../scripts/run.mjs";
import { runtimes } from "../../scripts/runtimes.mjs";
import { serve } from "../../scripts/serve.mjs";
import { folderOf } from "../../scripts/static.mjs";
import { launchChromium } from "../kit/chromium.mjs";
import { envelope } from "../kit/envelope.mjs";
import { failure } from "../kit/failure.mjs";

const IMAGE = "https://host.example/photo.jpg";
/** A jpeg as far as its size, 32 by 32. */
const PHOTO = [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 32, 0, 32];

/** An Upscaler, and the files that are uploaded by it. */
function upscalerOf() {
  /** @type {number[][]} */
  const files = [];
  const count = { creates: 0, uploads: 0 };
  const upscaler = new Upscaler({
    apiKey: "key",
    baseUrl: "https://api.example",
    fetch: async (request) => {
      if (request.url.endsWith("/createTask")) {
        count.creates += 1;
        return envelope({ taskId: "abc" });
      }
      count.uploads += 1;
      const file = (await request.formData()).get("file");
      if (file instanceof File) files.push([...new Uint8Array(await file.arrayBuffer())]);
      return envelope({ downloadUrl: "https://stored.example/a.jpg" });
    },
  });
  return { upscaler, files, count };
}

/** A Blob that another package has written: with the methods of one, and not of this runtime. */
class ForeignBlob {
  constructor(bytes = Uint8Array.from(PHOTO)) {
    this.bytes = bytes;
    this.size = bytes.length;
  }
  get [Symbol.toStringTag]() {
    return "File";
  }
  slice(from = 0, to = this.size) {
    return new ForeignBlob(this.bytes.slice(from, to));
  }
  async arrayBuffer() {
    return vm.runInNewContext("Uint8Array.from(bytes).buffer", { bytes: this.bytes });
  }
}

/** @param {string} code */
const elsewhere = (code) => vm.runInNewContext(code, { bytes: PHOTO });
const shared = new Uint8Array(new SharedArrayBuffer(30), 10, PHOTO.length);
shared.set(PHOTO);
const wholeShared = new SharedArrayBuffer(PHOTO.length);
new Uint8Array(wholeShared).set(PHOTO);

/** @type {Record<string, unknown>} */
const FILES = {
  "bytes of another realm": elsewhere("Uint8Array.from(bytes)"),
  "a buffer of another realm": elsewhere("Uint8Array.from(bytes).buffer"),
  "a view of another realm": elsewhere("new DataView(Uint8Array.from(bytes).buffer)"),
  "shared memory of another realm": elsewhere(
    "const s = new SharedArrayBuffer(bytes.length); new Uint8Array(s).set(bytes); s",
  ),
  "a view on shared memory": shared,
  "shared memory": wholeShared,
  "a Buffer of Node": Buffer.from(PHOTO),
  "a Blob of another package": new ForeignBlob(),
};

for (const [name, file] of Object.entries(FILES)) {
  test(`a file is taken: ${name}`, async () => {
    const { upscaler, files, count } = upscalerOf();
    await upscaler.upload(/** @type {any} */ (file));
    await upscaler.submit(/** @type {any} */ (file), { idempotencyKey: "k" });
    // The same content, in whatever form, is the same file.
    await upscaler.submit(new Blob([Uint8Array.from(PHOTO)]), { idempotencyKey: "k" });
    assert.deepEqual(files, [PHOTO, PHOTO]);
    assert.equal(count.creates, 1);
  });
}

test("bytes that are written to after the call are uploaded as they were", async () => {
  const { upscaler, files } = upscalerOf();
  const bytes = Uint8Array.from(PHOTO);
  const submitting = upscaler.submit(bytes, { idempotencyKey: "k" });
  bytes.fill(0);
  await submitting;
  assert.deepEqual(files, [PHOTO]);
});

test("a Blob of another package that cannot be read is said so", async () => {
  // Its head can be read, and the whole of it cannot.
  const broken = Object.assign(new ForeignBlob(), {
    slice: () => new ForeignBlob(),
    arrayBuffer: () => Promise.reject(new Error("odd")),
  });
  const { upscaler, count } = upscalerOf();
  const error = await failure(upscaler.upload(/** @type {any} */ (broken)));
  assert.deepEqual([error.kind, error.charged, count.uploads], ["invalid-input", "no", 0]);
  assert.match(error.message, /cannot be read/);
});

test("a signal of another package ends a call", async () => {
  // As old polyfills have it, with no more than what AbortSignal had at first.
  class Signal extends EventTarget {
    aborted = false;
    reason = new Error("theirs");
  }
  const signal = /** @type {any} */ (new Signal());
  const upscaler = new Upscaler({ apiKey: "key", fetch: () => new Promise(() => {}) });
  const ends = upscaler.upscale(IMAGE, { signal });
  setImmediate(() => {
    signal.aborted = true;
    signal.dispatchEvent(new Event("abort"));
  });
  await assert.rejects(ends, (error) => error === signal.reason);
  await assert.rejects(upscaler.upscale(IMAGE, { signal }), (error) => error === signal.reason);
});

test("errors of another realm are known", async () => {
  const { isRetryable, isUpscaleError } = await import("crisp-upscale");
  const theirs = elsewhere(
    "const e = new Error('x'); e.name = 'UpscaleError'; e.retryable = true; const o = new Error('y'); o.cause = e; o",
  );
  assert.equal(isUpscaleError(theirs), false);
  assert.equal(isUpscaleError(theirs.cause), true);
  assert.equal(isRetryable(theirs), true);
});

test("a file on disk that changes or goes away is tried once and ends no process", async (t) => {
  const { node20, node22, node24 } = await runtimes();
  for (const [name, node] of Object.entries({ node20, node22, node24 })) {
    await t.test(name, async () => {
      const script = `${root}/tests/kit/file-changes.mjs`;
      const { stdout } = await promisify(execFile)(node, [script], { cwd: root });
      const { outcomes, stray, received } = JSON.parse(stdout);
      assert.deepEqual(stray, []);
      assert.equal(received, true);
      // It is read before it is sent, so that what it was is what arrives.
      const before = "UpscaleError invalid-input no after 0";
      assert.deepEqual(outcomes, {
        "it grows before": before,
        "it grows before, with a key": before,
        "it grows while it is sent": "made",
        "it grows while it is sent, with a key": "made",
        "it goes away before": before,
        "it goes away before, with a key": before,
        "it goes away while it is sent": "made",
        "it goes away while it is sent, with a key": "made",
      });
    });
  }
});

test("in a page", async (t) => {
  const files = await folderOf(`${root}/dist`);
  const server = await serve(
    async (request) => {
      const file = files(new URL(request.url).pathname);
      const [body, type] =
        file === undefined ? ["<!doctype html><iframe></iframe>", "text/html"] : [file.body, file.type];
      return new Response(body, { headers: { "content-type": type } });
    },
    { port: 0 },
  );
  const browser = await launchChromium();
  t.after(async () => {
    await browser.close();
    await server.close();
  });
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.addScriptTag({
    type: "module",
    content: `import * as kit from "/browser.js"; globalThis.kit = kit;
      globalThis.envelope = (data) => Response.json({ code: 200, msg: "success", data });`,
  });
  await page.waitForFunction("globalThis.kit");

  await t.test("files, buffers and signals of an iframe are taken", async () => {
    const seen = await page.evaluate(async (photo) => {
      const { kit, envelope } = /** @type {any} */ (globalThis);
      const frame = /** @type {any} */ (document.querySelector("iframe")).contentWindow;
      const bytes = frame.Uint8Array.from(photo);
      /** @type {Record<string, unknown>} */
      const sources = {
        File: new frame.File([bytes], "a.jpg"),
        Blob: new frame.Blob([bytes]),
        bytes,
        buffer: bytes.buffer,
        URL: new frame.URL("https://host.example/photo.jpg"),
      };
      /** @type {Record<string, unknown>} */
      const seen = {};
      for (const [name, source] of Object.entries(sources)) {
        /** @type {unknown} */
        let file;
        const upscaler = new kit.Upscaler({
          token: "t",
          baseUrl: "https://gateway.example",
          fetch: async (/** @type {Request} */ request) => {
            if (request.url.endsWith("/createTask")) return envelope({ taskId: "abc" });
            file = (await request.formData()).get("file");
            return envelope({ downloadUrl: "https://stored.example/a.jpg" });
          },
        });
        await upscaler.submit(source, { idempotencyKey: "k" });
        seen[name] = file instanceof Blob ? [...new Uint8Array(await file.arrayBuffer())] : file;
      }
      const controller = new frame.AbortController();
      const upscaler = new kit.Upscaler({
        token: "t",
        baseUrl: "https://g.example",
        fetch: () => new Promise(() => {}),
      });
      const ends = upscaler.submit("https://host.example/a.jpg", { signal: controller.signal });
      controller.abort("enough");
      seen.signal = await ends.catch((/** @type {unknown} */ error) => error);
      return seen;
    }, PHOTO);
    assert.deepEqual(seen, {
      ...{ File: PHOTO, Blob: PHOTO, bytes: PHOTO, buffer: PHOTO },
      ...{ URL: undefined, signal: "enough" },
    });
  });

  await t.test("a file that changes while it is sent is tried once", async (t) => {
    const folder = await mkdtemp(`${tmpdir()}/crisp-upscale-`);
    t.after(() => rm(folder, { recursive: true }));
    const path = `${folder}/photo.jpg`;
    await page.evaluate(() => {
      document.body.innerHTML = '<input type="file">';
    });
    for (const moment of ["before", "while it is sent"]) {
      await writeFile(path, Uint8Array.from([...PHOTO, ...new Uint8Array(300_000)]));
      await page.setInputFiles("input", path);
      let changed = false;
      const change = async () => {
        if (!changed) await appendFile(path, "x");
        changed = true;
      };
      await page.exposeFunction(`change_${moment.replaceAll(" ", "_")}`, change);
      if (moment === "before") await change();
      const [kind, charged, message, tries] = await page.evaluate(
        async ({ moment, url }) => {
          const { kit } = /** @type {any} */ (globalThis);
          const change = /** @type {any} */ (globalThis)[`change_${moment.replaceAll(" ", "_")}`];
          let tries = 0;
          const upscaler = new kit.Upscaler({
            token: "t",
            baseUrl: url,
            fetch: async (/** @type {Request} */ request) => {
              tries += 1;
              await change();
              return fetch(request);
            },
          });
          const [file] = /** @type {any} */ (document.querySelector("input")).files;
          const error = await upscaler.upload(file).catch((/** @type {unknown} */ error) => error);
          return [error.kind, error.charged, error.message, tries];
        },
        { moment, url: server.url },
      );
      assert.deepEqual([kind, charged, tries], ["invalid-input", "no", moment === "before" ? 0 : 1], message);
      assert.match(message, /cannot be read/);
    }
  });
});
