// @ts-check
// The player in a page, which is given its orders by whoever drives the browser.
import { play } from "./player.mjs";
import { leap } from "./time.mjs";

let frozen = 0;
document.addEventListener("freeze", () => {
  frozen += 1;
});
Object.assign(globalThis, { play, leap, frozen: () => frozen });
