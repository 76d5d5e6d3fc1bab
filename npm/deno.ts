import { Client } from "./client.js";
import type { UpscalerOptions } from "./types.js";
import * as wasm from "./wasm/crisp_upscale.js";
import { inlined, once } from "./wasm.js";

export * from "./exports.js";

// A module needs no permission; to read the file, Deno would ask for one.
const load = once(async () => {
  const { instance } = await WebAssembly.instantiate(await inlined(), wasm.imports());
  wasm.start(instance);
  return wasm;
});

/** Enlarges images with Recraft's crisp upscale. See {@link Client} for what it does. */
export class Upscaler extends Client {
  /** @param options The key of the API, or a gateway and its token. */
  constructor(options: UpscalerOptions) {
    super(options, load);
  }
}
