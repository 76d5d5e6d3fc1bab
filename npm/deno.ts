import { Client } from "./client.js";
import type { UpscalerOptions } from "./types.js";
import { inlined, once, start, type WasmSource } from "./wasm.js";

export * from "./exports.js";

// A module needs no permission; to read the file, Deno would ask for one.
const load = once(async (source?: WasmSource | PromiseLike<WasmSource>) => {
  return start(source ?? (await inlined()));
});

/**
 * Loads the WebAssembly ahead of the first call, which would load it by itself. Once it is loaded, it stays.
 *
 * @param source Where from, or a promise of it. Unless given: a module that holds it.
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
