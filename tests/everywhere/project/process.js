// In a process of Node, Deno or Bun; its one argument says where the harness is.
import process from "node:process";
import * as ours from "crisp-upscale";
import { conform } from "./src/conformance.js";

await conform(ours, process.argv[2]);
