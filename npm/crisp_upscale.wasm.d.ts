/** The package's WebAssembly, for `preload`, where a runtime or bundler imports such a file as a module. */
declare const module: WebAssembly.Module;
export default module;
