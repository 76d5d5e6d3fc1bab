/** What an import of a `.wasm` file is in workerd. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

/** The same in Vercel's edge runtime. */
declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}

/** What Vite puts in the place of `import.meta.env.PROD`; elsewhere there is no `env`. */
interface ImportMeta {
  readonly env?: { readonly PROD?: boolean };
}
