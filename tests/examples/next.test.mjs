// @ts-check
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { freePort } from "../../scripts/port.mjs";
import { example, HMAC_KEY, open, SCREENSHOTS, service } from "./project.mjs";

const project = example("next");

test("a server action submits, the webhook arrives, and the client component shows the result", async (t) => {
  const { url, image, ledger, fail } = await service(t);
  await project.line("npm run build");
  const port = await freePort(0);
  const own = await project.serves(t, "npm start", {
    KIE_API_KEY: "sandbox",
    WEBHOOK_HMAC_KEY: HMAC_KEY,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    BASE_URL: url,
    PORT: String(port),
  });
  const { page, said } = await open(t, own);
  const status = page.getByRole("status");
  // The callback comes so much later, for a picture of what is on the way.
  await fail({ route: "callback", kind: "slow", ms: 3000 });
  await page.fill("input[name=image]", image);
  await page.click("button");
  await status.filter({ hasText: "Under way" }).waitFor();
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}/next-running.png` });
  await status.filter({ hasText: "128 × 128, 0.5 credits" }).waitFor();
  await page.locator('crisp-compare .frame[data-view="both"]').waitFor();
  await page.screenshot({ path: `${SCREENSHOTS}/next-done.png` });
  const { tasks, requests } = await ledger();
  assert.equal(tasks.length, 1);
  assert.equal(requests.recordInfo, 1, "the one read of the callback's task");

  await fail({ route: "createTask", kind: "code", code: 402, msg: "Credits insufficient" });
  await page.click("button");
  await status.filter({ hasText: "Credits insufficient" }).waitFor();
  assert.equal((await ledger()).tasks.length, 1);
  assert.deepEqual(said, []);
});
