// In a Worker that hands over the module itself; the request's query says where the harness is.
import * as ours from "crisp-upscale";
import wasm from "crisp-upscale/crisp_upscale.wasm";
import { conform } from "./src/conformance.js";

export default {
  async fetch(request) {
    await conform(ours, new URL(request.url).searchParams.get("harness"), wasm);
    return new Response();
  },
};
