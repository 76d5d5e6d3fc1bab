// What Workers load: the WebAssembly, begun once for each isolate, and what it exports.
import { initSync, fetch as respond } from "./crisp_upscale_gateway.js";
import module from "./crisp_upscale_gateway_bg.wasm";

initSync({ module });

export default { fetch: (request, env, context) => respond(request, env, context) };
export { AccountObject, JobObject } from "./crisp_upscale_gateway.js";
