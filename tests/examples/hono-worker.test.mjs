// @ts-check
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../../scripts/port.mjs";
import { example, HMAC_KEY, service, until } from "./project.mjs";

const project = example("hono-worker");

test("wrangler bundles the Worker as it is; in workerd it submits, takes the callback, and tells the result", async (t) => {
  const built = await project.line("npm run build");
  assert.match(built, /env\.RESULTS/);
  const { url, image, ledger } = await service(t);
  const port = await freePort(0);
  // What the secrets are while a Worker is developed.
  const secrets = {
    KIE_API_KEY: "sandbox",
    WEBHOOK_HMAC_KEY: HMAC_KEY,
    BASE_URL: url,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
  };
  const lines = Object.entries(secrets).map(([name, value]) => `${name}="${value}"\n`);
  await writeFile(join(project.folder, ".dev.vars"), lines.join(""));
  const own = await project.serves(t, "npm run dev", {}, ["--", "--ip=127.0.0.1", `--port=${port}`]);
  const post = (/** @type {string} */ path, /** @type {unknown} */ body) =>
    fetch(own + path, { method: "POST", body: JSON.stringify(body) });
  const { taskId } = await (await post("/upscale", { image })).json();
  const ended = await until(
    async () => (await fetch(`${own}/results/${taskId}`)).json(),
    ({ state }) => state !== "waiting",
  );
  assert.equal(ended.state, "success");
  assert.equal(ended.result.width, 128);
  assert.equal((await post("/webhook", { data: { taskId } })).status, 403, "a callback that is not signed");
  const { tasks, requests } = await ledger();
  assert.equal(tasks.length, 1);
  assert.equal(requests.recordInfo, 1, "the one read of the callback's task");
});
