// @ts-check
// The runner in a page. The browser's driver gives it its orders.

import { leap } from "../kit/time.mjs";
import { play } from "./runner.mjs";

let frozen = 0;
document.addEventListener("freeze", () => {
  frozen += 1;
});
Object.assign(globalThis, { play, leap, frozen: () => frozen });
