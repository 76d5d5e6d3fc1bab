import * as wasm from "../wasm/crisp_upscale_sandbox.js";

/**
 * Loads the WebAssembly into this thread at the first call, and once: a second instance would take
 * the first one's place under the objects that live in it. A failure is not kept.
 */
export function loader(bytes: () => Promise<BufferSource>): () => Promise<typeof wasm> {
  let loading: Promise<typeof wasm> | undefined;
  return () => {
    loading ??= wasm.default({ module_or_path: bytes() }).then(
      () => wasm,
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  };
}
