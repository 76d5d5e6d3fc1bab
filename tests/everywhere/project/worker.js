// In workerd and in Vercel's edge runtime; the request's query says where the harness is.
import * as ours from "crisp-upscale";
import { conform } from "./src/conformance.js";

export default {
  async fetch(request) {
    await conform(ours, new URL(request.url).searchParams.get("harness"));
    return new Response();
  },
};
