import type { Backend } from "./backend.js";
import { callOptions } from "./options.js";
import type { CallOptions, UpscaleResult } from "./types.js";

/** A result of the WebAssembly with its `blob`. */
export function withBlob(result: UpscaleResult, backend: Backend): UpscaleResult {
  const { taskId, url } = result;
  const blob = async (options: CallOptions = {}) =>
    backend.call(callOptions(options), (wasm, settings, context) =>
      wasm.download(settings, context, taskId, url),
    );
  // Not enumerable, so that the result stays plain data for JSON and structured clones.
  return Object.defineProperty(result, "blob", { value: blob });
}
