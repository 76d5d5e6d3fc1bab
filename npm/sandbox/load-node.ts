import { readFile } from "node:fs/promises";
import { loader } from "./load.js";

export const load = loader(() => readFile(new URL("../wasm/crisp_upscale_sandbox_bg.wasm", import.meta.url)));
