import { readFileSync } from "node:fs";
import { inlined, once, start } from "./wasm.js";

export const load = once(async (source) => start(source ?? read()));

/** Whether one call may wait for another, as they do in a limiter. */
export const callsMayWait = true;

/** The wasm file beside this module, which a bundler may have left behind. */
function read(): BufferSource | Promise<BufferSource> {
  try {
    // A tenth of a millisecond; to wait for the first thread that reads files takes longer.
    return readFileSync(new URL("./wasm/crisp_upscale_bg.wasm", import.meta.url));
  } catch {
    return inlined();
  }
}
