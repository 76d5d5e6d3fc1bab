import { loader } from "./load.js";

// The bytes, and not the response, so that its MIME type does not matter.
export const load = loader(async () => {
  const response = await fetch(new URL("../wasm/crisp_upscale_sandbox_bg.wasm", import.meta.url));
  return response.arrayBuffer();
});
