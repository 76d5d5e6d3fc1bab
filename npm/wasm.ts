import { NOTHING_SENT, UpscaleError } from "./errors.js";

/** The functions of the WebAssembly. */
export type Wasm = typeof import("./wasm/crisp_upscale.js");

/** What the WebAssembly can be loaded from: its file's bytes or address, a response with them, or the compiled module. */
export type WasmSource = BufferSource | URL | Response | WebAssembly.Module;

/** Loads the WebAssembly, from a source or in the runtime's own way. */
export type Load = (source?: WasmSource | PromiseLike<WasmSource>) => Promise<Wasm>;

/** Loads at the first call and keeps what it loaded. A failure is not kept: the next call tries again. */
export function once(load: Load): Load {
  let loading: Promise<Wasm> | undefined;
  return (source) => {
    loading ??= load(source).catch((cause: unknown) => {
      loading = undefined;
      const message =
        unfetched(cause) ??
        "The WebAssembly of crisp-upscale could not be loaded, so nothing was sent. " +
          "Check that its .wasm file is served beside the script and that the page's Content-Security-Policy " +
          "has 'wasm-unsafe-eval' in script-src.";
      throw new UpscaleError({ ...NOTHING_SENT, kind: "load-failed", message, retryable: true }, cause);
    });
    return loading;
  };
}

/** No response came to the request for the WebAssembly's file. */
export class NotFetched extends Error {}

/** Fetches the WebAssembly's file, or what is in its place. */
export async function fetched(url: URL | string): Promise<ArrayBuffer> {
  // As a library build of Vite has it. A Content-Security-Policy without `data:` in connect-src forbids to fetch it.
  const [, base64] = /^data:[^,]*;base64,(.*)$/.exec(String(url)) ?? [];
  if (base64 !== undefined) return decoded(decodeURIComponent(base64)).buffer;
  try {
    // Whatever its media type is, which instantiateStreaming() would not take.
    return await (await fetch(url)).arrayBuffer();
  } catch (cause) {
    throw new NotFetched("There was no answer to the request for the .wasm file.", { cause });
  }
}

/** Whether the runtime knows that there is no network. That it says there is one means nothing. */
export function isOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}

/** What to say where it could not be fetched; `undefined` where it was something else. */
function unfetched(cause: unknown): string | undefined {
  const failed = "The WebAssembly of crisp-upscale could not be fetched, so nothing was sent. ";
  // Where a module cannot be imported, that is a `TypeError`, and says no more than that.
  if (isOffline() && (cause instanceof NotFetched || cause instanceof TypeError)) {
    return `${failed}The network is gone. Try again when it is back.`;
  }
  if (!(cause instanceof NotFetched)) return undefined;
  return (
    `${failed}Check the network, that its .wasm file is served beside the script, and that the page's ` +
    "Content-Security-Policy allows it in connect-src."
  );
}

/** Starts the WebAssembly. */
export async function start(source: WasmSource | PromiseLike<WasmSource>): Promise<Wasm> {
  let from = await source;
  // By what it says that it is, since it may be of another realm.
  if (is(from, "URL")) from = await fetched(String(from));
  if (is(from, "Response")) from = await (from as Response).arrayBuffer();
  // Not before: at its top level it needs globals, and importing this package needs none.
  const wasm = await import("./wasm/crisp_upscale.js");
  await wasm.default({ module_or_path: from as BufferSource | WebAssembly.Module });
  return wasm;
}

function is(value: unknown, brand: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${brand}]`;
}

/** The WebAssembly out of a module, for where its file cannot be read. Every bundler takes a module along. */
export async function inlined(): Promise<Uint8Array<ArrayBuffer>> {
  const { base64 } = await import("./wasm/inline.js");
  return decoded(base64);
}

function decoded(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
