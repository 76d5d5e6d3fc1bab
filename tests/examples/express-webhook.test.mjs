// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../../scripts/port.mjs";
import { example, HMAC_KEY, service, until } from "./project.mjs";

const project = example("express-webhook");

test("Express submits, takes the callback, and tells the result", async (t) => {
  const { url, image, ledger } = await service(t);
  const port = await freePort(0);
  const own = await project.serves(t, "npm start", {
    KIE_API_KEY: "sandbox",
    WEBHOOK_HMAC_KEY: HMAC_KEY,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    PORT: String(port),
    BASE_URL: url,
  });
  const post = (/** @type {string} */ path, /** @type {unknown} */ body) =>
    fetch(own + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
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
