import { readFile } from "node:fs/promises";
import { Client } from "./client.js";
import type { UpscalerOptions } from "./types.js";
import * as wasm from "./wasm/crisp_upscale.js";
import { once } from "./wasm.js";

export * from "./exports.js";

const load = once(async () => {
  const bytes = await readFile(new URL("./wasm/crisp_upscale_bg.wasm", import.meta.url));
  const { instance } = await WebAssembly.instantiate(bytes, wasm.imports());
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
