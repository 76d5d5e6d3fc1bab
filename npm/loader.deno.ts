import { inlined, once, start } from "./wasm.js";

// A module needs no permission; to read the file, Deno would ask for one.
export const load = once(async (source) => start(source ?? (await inlined())));

/** Whether one call may wait for another, as they do in a limiter. */
export const callsMayWait = true;
