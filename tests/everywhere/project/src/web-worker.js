// In a Web Worker that was bundled; its page says where the harness is.
import * as ours from "crisp-upscale";
import { conform } from "./conformance.js";

self.addEventListener("message", ({ data }) => conform(ours, data));
