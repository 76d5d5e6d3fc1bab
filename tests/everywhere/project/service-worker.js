// `import()` is forbidden here, and import maps are of pages only.
import * as ours from "./node_modules/crisp-upscale/dist/browser.js";
import { conform } from "./src/conformance.js";

const query = new URLSearchParams(location.search);
const WASM = "/node_modules/crisp-upscale/dist/wasm/crisp_upscale_bg.wasm";

self.addEventListener("message", (event) => {
  const source = query.has("module") ? WebAssembly.compileStreaming(fetch(WASM)) : undefined;
  event.waitUntil(conform(ours, query.get("harness"), source));
});
