// @ts-check
// What jobs leave behind: memory, and rejections that nobody handles.
import assert from "node:assert/strict";
import { test } from "node:test";
import { attempt, root } from "../../scripts/run.mjs";

test("3,000 jobs of one Upscaler leave nothing behind, and no rejection unhandled", async () => {
  const args = ["--expose-gc", `${root}/tests/client/memory.mjs`];
  const { ok, output } = await attempt(process.execPath, args, { quiet: true });
  assert.ok(ok, output);
  const { jobs, grown, unhandled, ends } = JSON.parse(output.trim().split("\n").at(-1) ?? "");
  assert.deepEqual([jobs, unhandled], [3000, 0]);
  assert.ok(grown.heap <= 1024 * 1024 && grown.wasm <= 1024 * 1024, output);
  assert.deepEqual(
    Object.keys(ends).sort(),
    ["aborted", "generation-failed", "insufficient-credits", "outcome-unknown", "success"],
    "and all that can go wrong was among them",
  );
});
