import { readFile } from "node:fs/promises";
import { Client } from "./client.js";
import type { UpscalerOptions } from "./types.js";
import { inlined, once, start, type WasmSource } from "./wasm.js";

export * from "./exports.js";

const load = once(async (source?: WasmSource | PromiseLike<WasmSource>) => {
  return start(source ?? (await read()));
});

/** The wasm file beside this module, which a bundler may have left behind. */
async function read(): Promise<BufferSource> {
  try {
    return await readFile(new URL("./wasm/crisp_upscale_bg.wasm", import.meta.url));
  } catch {
    return inlined();
  }
}

/**
 * Loads the WebAssembly ahead of the first call, which would load it by itself. Once it is loaded, it stays.
 *
 * @param source Where from, or a promise of it. Unless given: the file beside this module, or else a module that
 *   holds the same.
 * @throws {@link UpscaleError} of the kind `load-failed`, which is not remembered: the next call tries again.
 */
export async function preload(source?: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  await load(source);
}

/** Enlarges images with Recraft's crisp upscale. See {@link Client} for what it does. */
export class Upscaler extends Client {
  /** @param options The key of the API, or a gateway and its token. */
  constructor(options: UpscalerOptions) {
    super(options, load);
  }
}
