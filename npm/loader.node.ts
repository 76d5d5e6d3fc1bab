import { readFile } from "node:fs/promises";
import { inlined, once, start } from "./wasm.js";

export const load = once(async (source) => start(source ?? (await read())));

/** Whether one call may wait for another, as they do in a limiter. */
export const callsMayWait = true;

/** The wasm file beside this module, which a bundler may have left behind. */
async function read(): Promise<BufferSource> {
  try {
    return await readFile(new URL("./wasm/crisp_upscale_bg.wasm", import.meta.url));
  } catch {
    return inlined();
  }
}
