// @ts-check
// What jobs leave behind and lose while every tenth request breaks, as `npm run bench -- soak` measures it, with fewer of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { attempt, root } from "../../scripts/run.mjs";

test("1,000 jobs over connections that break: none is billed twice or lost, and nothing is left", async () => {
  const args = ["--expose-gc", `${root}/bench/soak.mjs`, "--jobs", "1000", "--speed", "20"];
  const { ok, output } = await attempt(process.execPath, args, { quiet: true });
  assert.ok(ok, output);
  const { jobs, twice, lost, unhandled, faults, ends, last } = JSON.parse(
    output.trim().split("\n").at(-1) ?? "",
  );
  assert.deepEqual([jobs, twice, lost, unhandled], [1000, 0, 0, 0]);
  assert.deepEqual([last.timers, last.sockets, last.connections, last.listeners], [0, 0, 0, 0]);
  assert.equal(Object.keys(faults).length, 11, "each fault befell some request");
  assert.ok(ends.success > 0 && ends["outcome-unknown"] > 0 && ends["generation-failed"] > 0, output);
});
