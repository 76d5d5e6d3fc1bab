// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../../scripts/port.mjs";
import { SMALL } from "../kit/images.mjs";
import { example, open, service } from "./project.mjs";

const project = example("browser");

/** How long a task takes until the test lets it end, in milliseconds. */
const HOUR = 3_600_000;

test("the page enlarges a file with no bundler, and goes on after a reload", async (t) => {
  let passed = 0;
  const { url, ledger } = await service(t, {
    delays: { waiting: 0, queuing: 0, generating: HOUR },
    now: () => Date.now() + passed,
  });
  const own = await project.serves(t, "npm start", { PORT: String(await freePort(0)) });
  const { page, said } = await open(t, `${own}/#gateway=${encodeURIComponent(url)}&token=sandbox`);
  const status = page.getByRole("status");
  await page.setInputFiles("input", { name: "photo.png", mimeType: "image/png", buffer: SMALL });
  await status.filter({ hasText: "generating" }).waitFor();
  await page.reload();
  await status.filter({ hasText: "going on" }).waitFor();
  passed = HOUR;
  await status.filter({ hasText: "128 × 128" }).waitFor();
  await page.locator('crisp-compare .frame[data-view="after"]').waitFor();
  assert.equal((await ledger()).tasks.length, 1);

  await page.setInputFiles("input", { name: "photo.png", mimeType: "image/png", buffer: SMALL });
  await status.filter({ hasText: "generating" }).waitFor();
  passed = 2 * HOUR;
  await page.locator('crisp-compare .frame[data-view="both"]').waitFor();
  assert.equal((await ledger()).tasks.length, 2);
  assert.deepEqual(said, []);
});
