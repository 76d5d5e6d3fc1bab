import { Client } from "./client.js";
import type { UpscalerOptions } from "./types.js";
import * as wasm from "./wasm/crisp_upscale.js";
import { inlined, once } from "./wasm.js";

export * from "./exports.js";

const load = once(async () => {
  const { instance } = await WebAssembly.instantiate((await fetched()) ?? (await inlined()), wasm.imports());
  wasm.start(instance);
  return wasm;
});

/**
 * The wasm file beside this module. Where a bundler did not copy it, there is nothing, or the
 * site's own page; so the first bytes decide, and neither the status nor the content type.
 */
async function fetched(): Promise<ArrayBuffer | undefined> {
  try {
    const response = await fetch(new URL("./wasm/crisp_upscale_bg.wasm", import.meta.url));
    const bytes = await response.arrayBuffer();
    const magic = [0x00, 0x61, 0x73, 0x6d];
    const head = new Uint8Array(bytes, 0, Math.min(magic.length, bytes.byteLength));
    return magic.every((byte, index) => head[index] === byte) ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Enlarges images with Recraft's crisp upscale. See {@link Client} for what it does. */
export class Upscaler extends Client {
  /** @param options The key of the API, or a gateway and its token. */
  constructor(options: UpscalerOptions) {
    super(options, load);
  }
}
