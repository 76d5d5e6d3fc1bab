// @ts-check
// The sandbox over HTTP, in a process of its own, as the service is on a machine of its own. Its clock runs
// so fast that nobody meets its limit of 20 tasks in 10 s, and its tasks do not end.
import { createSandbox } from "../../dist/sandbox.js";
import { serve } from "../../scripts/serve.mjs";

/** How many times as fast the clock runs: the window of the limit is a millisecond. */
const FASTER = 10_000;

const begun = Date.now();
const sandbox = createSandbox({
  key: `${process.env.KEY}`,
  credits: 1e9,
  delays: { waiting: 1e15 },
  now: () => begun + (Date.now() - begun) * FASTER,
});
const { url } = await serve(sandbox.fetch, { port: 0 });
process.send?.({ url });
process.on("disconnect", () => process.exit());
