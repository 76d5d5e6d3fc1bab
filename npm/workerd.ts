import { Client } from "./client.js";
import type { UpscalerOptions } from "./types.js";
import * as wasm from "./wasm/crisp_upscale.js";
import module from "./wasm/crisp_upscale_bg.wasm";
import { once } from "./wasm.js";

export * from "./exports.js";

// workerd compiles no bytes: it gives the file as a module. At once, so that no request waits for another one's promise.
const load = once(async () => {
  wasm.start(new WebAssembly.Instance(module, wasm.imports()));
  return wasm;
});

/** Enlarges images with Recraft's crisp upscale. See {@link Client} for what it does. */
export class Upscaler extends Client {
  /** @param options The key of the API, or a gateway and its token. */
  constructor(options: UpscalerOptions) {
    // A request that waits for another one is ended as hung, and one that its visitor left would block the queue.
    super(options, load, false);
  }
}
