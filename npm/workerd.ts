import { Client } from "./client.js";
import type { UpscalerOptions } from "./types.js";
import * as wasm from "./wasm/crisp_upscale.js";
import module from "./wasm/crisp_upscale_bg.wasm";
import { once } from "./wasm.js";

export * from "./exports.js";

// workerd compiles no bytes: it gives the file as a module. At once, so that no request waits for another one's promise.
const load = once(async (source: WebAssembly.Module = module) => {
  wasm.start(new WebAssembly.Instance(source, wasm.imports()));
  return wasm;
});

/**
 * Loads the WebAssembly ahead of the first call, which would load it by itself. Once it is loaded, it stays.
 *
 * @param source Instead of the package's own module.
 * @throws {@link UpscaleError} of the kind `load-failed`, which is not remembered: the next call tries again.
 */
export async function preload(source?: WebAssembly.Module): Promise<void> {
  await load(source);
}

/** Enlarges images with Recraft's crisp upscale. See {@link Client} for what it does. */
export class Upscaler extends Client {
  /** @param options The key of the API, or a gateway and its token. */
  constructor(options: UpscalerOptions) {
    // A request that waits for another one is ended as hung, and one that its visitor left would block the queue.
    super(options, load, false);
  }
}
