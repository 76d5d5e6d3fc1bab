import { fetched, inlined, isOffline, once, start } from "./wasm.js";

export const load = once(async (source) => start(source ?? (await found())));

/** Whether one call may wait for another, as they do in a limiter. */
export const callsMayWait = true;

/** The wasm file beside this module, or else a module that holds the same. */
async function found(): Promise<BufferSource> {
  // A build by Vite has copied the file; and of an `import()`, Vite 7 and older make no Web Worker.
  const fallback = import.meta.env?.PROD ? undefined : inlined;
  let problem: unknown = new Error("There is no crisp_upscale_bg.wasm beside the script.");
  try {
    const bytes = await fetched(address());
    if (isWasm(bytes)) return bytes;
  } catch (error) {
    // A module that could not be imported once cannot be until the page is loaded anew: browsers remember that.
    if (isOffline()) throw error;
    problem = error;
  }
  try {
    if (fallback !== undefined) return await fallback();
  } catch {
    // The first problem says more: where a network is gone, this one is that a module cannot be imported.
  }
  throw problem;
}

/** The file's address. Bundlers look for this very expression. */
const besideUs = () => new URL("./wasm/crisp_upscale_bg.wasm", import.meta.url).href;

/**
 * The same where the module may have no address of its own, as in a UMD or IIFE library built by Vite 8. Its file is a
 * `data:` address, which needs no base, but `URL` throws all the same.
 */
function address(): string {
  const { URL } = globalThis;
  try {
    return besideUs();
  } catch (error) {
    let href: string | undefined;
    try {
      // A bundler takes no other name than the global's in the expression. It is there again before anybody can see it.
      globalThis.URL = class {
        constructor(url: string) {
          href = url;
        }
      } as unknown as typeof URL;
      besideUs();
    } finally {
      globalThis.URL = URL;
    }
    if (href?.startsWith("data:")) return href;
    throw error;
  }
}

/**
 * Where a bundler did not copy the file, there is nothing, or the site's own page; so the first bytes decide, and
 * neither the status nor the content type.
 */
function isWasm(bytes: ArrayBuffer): boolean {
  const magic = [0x00, 0x61, 0x73, 0x6d];
  const head = new Uint8Array(bytes, 0, Math.min(magic.length, bytes.byteLength));
  return magic.every((byte, index) => head[index] === byte);
}
