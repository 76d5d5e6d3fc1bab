// In a page that says itself where the WebAssembly is, as Vite gives the address of a file.
import * as ours from "crisp-upscale";
import wasm from "crisp-upscale/crisp_upscale.wasm?url";
import { conform } from "./conformance.js";

conform(ours, new URLSearchParams(location.search).get("harness"), new URL(wasm, location.href));
