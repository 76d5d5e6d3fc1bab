// @ts-check
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { SMALL } from "../kit/images.mjs";
import { example, open, SCREENSHOTS, service } from "./project.mjs";

const project = example("vite-react");

/** How long a task takes until the test lets it end, in milliseconds. */
const HOUR = 3_600_000;

test("built by Vite, the component shows progress, survives a reload, and shows before and after", async (t) => {
  let passed = 0;
  const { url, ledger } = await service(t, {
    delays: { waiting: 0, queuing: 0, generating: HOUR },
    now: () => Date.now() + passed,
  });
  await project.line("npm run build", { VITE_GATEWAY: url, VITE_TOKEN: "sandbox" });
  const own = await project.serves(t, "npm run preview");
  const { page, said } = await open(t, own);
  const status = page.getByRole("status");
  await page.setInputFiles("input", { name: "photo.png", mimeType: "image/png", buffer: SMALL });
  await status.filter({ hasText: "generating" }).waitFor();
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}/vite-react-running.png` });

  await page.reload();
  await status.filter({ hasText: "…" }).waitFor();
  passed = HOUR;
  await status.filter({ hasText: "128 × 128, 0.5 credits" }).waitFor();
  assert.equal((await ledger()).tasks.length, 1);

  // And a second one, which has a before, too.
  await page.setInputFiles("input", { name: "photo.png", mimeType: "image/png", buffer: SMALL });
  await status.filter({ hasText: "generating" }).waitFor();
  passed = 2 * HOUR;
  await page.locator('crisp-compare .frame[data-view="both"]').waitFor();
  await page.screenshot({ path: `${SCREENSHOTS}/vite-react-done.png` });
  assert.equal((await ledger()).tasks.length, 2);
  assert.deepEqual(said, []);
});
