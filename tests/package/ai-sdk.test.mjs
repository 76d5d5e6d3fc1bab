// @ts-check
// The model for Vercel's AI SDK, called by the SDK's own `generateImage`: its current major and the one before, in Node
// and in workerd, over sockets, with the SDK's own retries.
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { Upscaler } from "crisp-upscale";
import { crispUpscale } from "crisp-upscale/ai-sdk";
import { installPackages } from "../../scripts/build.mjs";
import { attempt, root, run } from "../../scripts/run.mjs";
import { runtimes } from "../../scripts/runtimes.mjs";
import { serve } from "../../scripts/serve.mjs";
import { SMALL } from "../kit/images.mjs";
import { quickSandbox } from "../kit/sandbox.mjs";
import { bundleWorker } from "../kit/workerd.mjs";
import { CASES } from "./ai-sdk/cases.mjs";

const FOLDER = `${root}/tests/package/ai-sdk`;
await installPackages(FOLDER);

// By a name that type checks do not follow: the packages were not there.
const majors = `${FOLDER}/majors.mjs`;
/** @type {{ MAJORS: Record<string, Pick<import("./ai-sdk/cases.mjs").World, "generateImage" | "APICallError" | "RetryError">> }} */
const { MAJORS } = await import(majors);

/**
 * One case, with a sandbox of its own.
 *
 * @param {string} name
 * @param {(service: string) => Promise<unknown>} run
 */
async function tried(name, run) {
  const { faults = [], wanted, billed, creates } = CASES[name] ?? assert.fail(name);
  const sandbox = quickSandbox();
  const { url, close } = await serve(
    async (request) => {
      if (new URL(request.url).pathname !== "/photo.png") return sandbox.fetch(request);
      return new Response(new Uint8Array(SMALL), { headers: { "content-type": "image/png" } });
    },
    { port: 0 },
  );
  try {
    await sandbox.fail(...faults);
    const found = await run(url);
    assert.deepEqual(JSON.parse(JSON.stringify(found)), JSON.parse(JSON.stringify(wanted)));
    const { tasks, requests } = await sandbox.ledger();
    assert.equal(tasks.length, billed, "tasks");
    assert.equal(requests.createTask ?? 0, creates, "createTask requests");
  } finally {
    await close();
    await sandbox.close();
  }
}

/** Most of a case is waiting for the first poll. */
const concurrency = true;

for (const [major, sdk] of Object.entries(MAJORS)) {
  describe(`${major} in Node`, { concurrency }, () => {
    for (const [name, { run }] of Object.entries(CASES)) {
      test(name, () => tried(name, (service) => run({ ...sdk, crispUpscale, Upscaler, service })));
    }
  });
}

/** @type {Awaited<ReturnType<typeof bundleWorker>>} */
let worker;
before(async () => {
  worker = await bundleWorker((await runtimes()).workerd, `${FOLDER}/worker.mjs`);
});
after(() => worker.stop());

for (const major of Object.keys(MAJORS)) {
  describe(`${major} in workerd`, { concurrency }, () => {
    for (const name of Object.keys(CASES)) {
      test(name, () =>
        tried(name, async (service) => {
          const body = JSON.stringify({ name, major, service });
          const reply = await fetch(worker.url, { method: "POST", body });
          assert.ok(reply.ok, `${await reply.clone().text()} ${worker.stderr()}`);
          return reply.json();
        }),
      );
    }
  });
}

test("the example of docs/guide/ai-sdk.md runs", async (t) => {
  const text = await readFile(`${root}/docs/guide/ai-sdk.md`, "utf8");
  const example = /^```js\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? assert.fail("there is an example");
  const script = `${FOLDER}/node_modules/example.mjs`;
  await writeFile(script, example.replace('from "ai"', 'from "ai-7"'));
  t.after(() => rm(script));
  const args = ["--unhandled-rejections=strict", "--import", `${root}/tests/kit/examples.mjs`, script];
  const { ok, output } = await attempt(process.execPath, args, { quiet: true });
  assert.ok(ok, output);
  assert.match(output, /^image\/png \d+\n[\s\S]*taskId: '/);
  assert.doesNotMatch(output, /error|warn/i);
});

test("the model is one of both majors, as their types say", async () => {
  await run(`${root}/node_modules/.bin/tsc`, ["-p", FOLDER], { quiet: true });
});
