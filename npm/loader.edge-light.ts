import * as wasm from "./wasm/crisp_upscale.js";
import module from "./wasm/crisp_upscale_bg.wasm?module";
import { once } from "./wasm.js";

// Vercel's edge runtime compiles no bytes: its bundlers give the file as a module, when asked like this. The module may be
// of another realm, which `initSync` takes for bytes.
export const load = once(async (source = module) => {
  await wasm.default({ module_or_path: source as WebAssembly.Module });
  return wasm;
});

/** A request that waits for another one is ended as hung, and one that its visitor left would block the queue. */
export const callsMayWait = false;
