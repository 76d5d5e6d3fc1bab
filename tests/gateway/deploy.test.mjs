// @ts-check
// What `npm run deploy` would deploy. Nothing here could be deployed to Cloudflare itself.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { root, run } from "../../scripts/run.mjs";

test("wrangler takes page and gateway as they are", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "deploy-"));
  t.after(() => rm(folder, { recursive: true }));
  const bin = `${root}/node_modules/.bin`;
  const output = await run(
    `${bin}/node`,
    [
      ...[`${bin}/wrangler`, "deploy", "--dry-run", "--outdir", folder],
      ...["--config", `${root}/gateway/wrangler.jsonc`],
    ],
    { quiet: true, env: { WRANGLER_SEND_METRICS: "false" } },
  );
  for (const binding of ["env.ACCOUNT (Account)", "env.ASSETS"]) {
    assert.ok(output.includes(binding), output);
  }
  const files = await readdir(folder);
  assert.ok(files.includes("worker.js") && files.some((file) => file.endsWith(".wasm")), `${files}`);
});
