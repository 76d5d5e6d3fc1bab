import { NOTHING_SENT, UpscaleError } from "./error.js";
import * as wasm from "./wasm/crisp_upscale.js";

/** The WebAssembly module, once it is loaded. */
export type Wasm = typeof wasm;

/** What the WebAssembly can be loaded from: its file's bytes or address, a response with them, or the compiled module. */
export type WasmSource = BufferSource | URL | Response | WebAssembly.Module;

/** Loads the WebAssembly. */
export type Load = () => Promise<Wasm>;

/**
 * Loads at the first call and keeps what it loaded. A failure is not kept: the next call tries again.
 *
 * @param load How, which each runtime has its own way of, where no source is given.
 */
export function once<Source>(load: (source?: Source) => Promise<Wasm>): (source?: Source) => Promise<Wasm> {
  let loading: Promise<Wasm> | undefined;
  return (source) => {
    loading ??= load(source).catch((cause: unknown) => {
      loading = undefined;
      const message =
        "The WebAssembly of crisp-upscale could not be loaded, so nothing was sent. " +
        "Check that its .wasm file is served beside the script and that the page's Content-Security-Policy " +
        "has 'wasm-unsafe-eval' in script-src.";
      throw new UpscaleError({ ...NOTHING_SENT, kind: "load-failed", message, retryable: true }, cause);
    });
    return loading;
  };
}

/** Starts the WebAssembly. */
export async function start(source: WasmSource | PromiseLike<WasmSource>): Promise<Wasm> {
  let from = await source;
  // By what it says that it is, since it may be of another realm.
  if (is(from, "URL")) from = await fetch(String(from));
  // Whatever its media type is, which instantiateStreaming() would not take.
  if (is(from, "Response")) from = await (from as Response).arrayBuffer();
  const module = is(from, "WebAssembly.Module")
    ? (from as WebAssembly.Module)
    : await WebAssembly.compile(from as BufferSource);
  wasm.start(await WebAssembly.instantiate(module, wasm.imports()));
  return wasm;
}

function is(value: unknown, brand: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${brand}]`;
}

/** The WebAssembly out of a module, for where its file cannot be read. Every bundler takes a module along. */
export async function inlined(): Promise<Uint8Array<ArrayBuffer>> {
  const { base64 } = await import("./wasm/inline.js");
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
