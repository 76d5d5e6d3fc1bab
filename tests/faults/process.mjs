// @ts-check
// The runner in a process of Node.
import { play } from "./runner.mjs";

process.on("disconnect", () => process.exit());
process.on("message", async (/** @type {import("./runner.mjs").Order} */ order) => {
  process.send?.(await play(order));
});
process.send?.("ready");
