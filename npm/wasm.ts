/** The WebAssembly module, once it is loaded. */
export type Wasm = typeof import("./wasm/crisp_upscale.js");

/** Loads the WebAssembly; each runtime has its own way. */
export type Load = () => Promise<Wasm>;

/** Loads at the first call and keeps what it loaded. A failure is not kept: the next call tries again. */
export function once(load: Load): Load {
  let loading: Promise<Wasm> | undefined;
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}

/** The WebAssembly out of a module, for where its file cannot be read. Every bundler takes a module along. */
export async function inlined(): Promise<Uint8Array<ArrayBuffer>> {
  const { base64 } = await import("./wasm/inline.js");
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
