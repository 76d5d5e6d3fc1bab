// @ts-check
// The player in a page, which is given its orders by whoever drives the browser.
import { play } from "./player.mjs";

Object.assign(globalThis, { play });
