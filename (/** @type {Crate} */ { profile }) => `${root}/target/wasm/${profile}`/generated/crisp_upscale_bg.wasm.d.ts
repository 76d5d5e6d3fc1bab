/* tslint:disable */
/* eslint-disable */
export const memory: WebAssembly.Memory;
export const callbackStatus: (a: number, b: number) => number;
export const checkRepeat: (a: any, b: number, c: number, d: number, e: number, f: number) => any;
export const createTask: (a: any, b: any, c: number, d: number, e: number, f: number, g: number, h: number) => any;
export const credits: (a: any, b: any) => any;
export const download: (a: any, b: any, c: number, d: number, e: number, f: number) => any;
export const follow: (a: any, b: any, c: number, d: number, e: number) => any;
export const getTask: (a: any, b: any, c: number, d: number) => any;
export const isKeyOver: (a: number) => number;
export const listen: (a: any, b: any, c: any, d: number) => any;
export const openCallback: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => any;
export const preflight: (a: any, b: any, c: number, d: number) => any;
export const readCallback: (a: any, b: any, c: number, d: number) => any;
export const upload: (a: any, b: any, c: any) => any;
export const wasm_bindgen_94f3bcf34f0ae52a___convert__closures_____invoke___js_sys_1deb9b4f2cf9303c___Function_fn_wasm_bindgen_94f3bcf34f0ae52a___JsValue_____wasm_bindgen_94f3bcf34f0ae52a___sys__Undefined___js_sys_1deb9b4f2cf9303c___Function_fn_wasm_bindgen_94f3bcf34f0ae52a___JsValue_____wasm_bindgen_94f3bcf34f0ae52a___sys__Undefined_______true_: (a: number, b: number, c: any, d: any) => void;
export const wasm_bindgen_94f3bcf34f0ae52a___convert__closures_____invoke___wasm_bindgen_94f3bcf34f0ae52a___JsValue__core_5e1e7915bf905eea___result__Result_____wasm_bindgen_94f3bcf34f0ae52a___JsError___true_: (a: number, b: number, c: any) => [number, number];
export const __wbindgen_malloc: (a: number, b: number) => number;
export const __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
export const __wbindgen_free: (a: number, b: number, c: number) => void;
export const __wbindgen_exn_store: (a: number) => void;
export const __externref_table_alloc: () => number;
export const __wbindgen_externrefs: WebAssembly.Table;
export const __wbindgen_destroy_closure: (a: number, b: number) => void;
export const __externref_table_dealloc: (a: number) => void;
export const __wbindgen_start: () => void;
