// @ts-check
// The player in a process of Node.
import { play } from "./player.mjs";

process.on("disconnect", () => process.exit());
process.on("message", async (/** @type {import("./player.mjs").Order} */ order) => {
  process.send?.(await play(order));
});
process.send?.("ready");
