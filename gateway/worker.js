// What Workers load: the WebAssembly, instantiated once for each isolate, and what it exports.
import { Account, initSync, fetch as respond } from "./crisp_upscale_gateway.js";
import module from "./crisp_upscale_gateway_bg.wasm";

initSync({ module });

export default { fetch: (request, env) => respond(request, env) };
export { Account };
