// @ts-check
// Makes the generated JavaScript small. The generator writes it for every way of loading and for names of its own
// choosing; both are in what every page loads. Its version is pinned, and whatever is not found as it is
// expected here ends the build.
import { Failed } from "./run.mjs";

/**
 * What wasm-opt prints when it gives imports and exports short names.
 *
 * @typedef {object} Renamed
 * @property {[module: string, name: string, short: string][]} imports all of the module `a` now
 * @property {[name: string, short: string][]} exports
 */

/**
 * The JavaScript for a WebAssembly whose names were shortened. Instead of loading, it exports `imports()`, for
 * `WebAssembly.instantiate`, and `start(instance)`. The crate's own JavaScript, `host.js`, is to lie beside it.
 *
 * @param {string} text as it was generated
 * @param {Renamed} renamed
 */
export function shortened(text, { imports, exports }) {
  const own = imports.filter(([module]) => !module.includes("/snippets/"));
  const direct = imports.filter(([module]) => module.includes("/snippets/"));

  // What is imported from a snippet as it is, without a function around it, comes in modules of its own.
  text = change(text, /^import \* as import\d+ from .*\n/gm, "");
  text = change(
    text,
    /^import \{ (.*) \} from '\.\/snippets\/.*\/src\/host\.js';\n/m,
    (/** @type {string[]} */ ...[, names = ""]) => {
      const all = new Set([...names.split(", "), ...direct.map(([, name]) => name)]);
      return `import { ${[...all].join(", ")} } from "./host.js";\n`;
    },
  );
  text = change(text, / {4}return \{\n {8}__proto__: null,\n[\s\S]*?\n {4}\};/, "    return { a: import0 };");
  text = change(
    text,
    "        __proto__: null,\n",
    direct.map(([, name, short]) => `        ${short}: ${name},\n`).join(""),
  );
  for (const [, name, short] of own)
    text = change(text, new RegExp(`^ {8}${name}:`, "m"), `        ${short}:`);
  for (const [name, short] of exports) {
    text = change(text, new RegExp(`\\bwasm\\.${escaped(name)}(?![\\w$])`, "g"), () => `wasm.${short}`);
  }

  // Its way for long texts is a good part of it, and saves less than the request that follows takes.
  const [malloc, realloc] = ["__wbindgen_malloc", "__wbindgen_realloc"].map((name) => {
    return `wasm.${exports.find((pair) => pair[0] === name)?.[1]}`;
  });
  text = text.replaceAll(`, ${malloc}, ${realloc})`, ")");
  text = change(
    text,
    /function passStringToWasm0\([\s\S]*?\n\}\n/,
    `function passStringToWasm0(arg) {
    const bytes = new TextEncoder().encode(arg);
    WASM_VECTOR_LEN = bytes.length;
    const ptr = ${malloc}(bytes.length, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, ptr);
    return ptr;
}
`,
  );
  text = change(text, /const cachedTextEncoder[\s\S]*?\n\}\n\nlet WASM/, "let WASM");
  // Importing it needs no global: where there is no TextDecoder, that is said when something is loaded.
  text = change(
    text,
    /^let cachedTextDecoder = (.*);\ncachedTextDecoder\.decode\(\);\n/m,
    "let cachedTextDecoder;\n",
  );
  const start = exports.find(([name]) => name === "__wbindgen_start")?.[1];
  return change(
    text,
    /let wasmModule, wasmInstance, wasm;[\s\S]*$/,
    `let wasm;

export { __wbg_get_imports as imports };

export function start(instance) {
    wasm = instance.exports;
    cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
    cachedTextDecoder.decode();
    wasm.${start}();
}
`,
  );
}

/**
 * The same for its types.
 *
 * @param {string} text as it was generated
 */
export function types(text) {
  return change(
    text,
    /export type InitInput [\s\S]*$/,
    `/** What the WebAssembly needs to be instantiated with. */
export function imports(): WebAssembly.Imports;

/** Has the functions here use this instance. */
export function start(instance: WebAssembly.Instance): void;
`,
  );
}

/**
 * @param {string} text
 * @param {string | RegExp} from
 * @param {any} to a text, or a function that gives one
 */
function change(text, from, to) {
  const changed = text.replace(from, typeof to === "string" ? () => to : to);
  if (changed === text)
    throw new Failed(`The generated JavaScript has no longer what was looked for: ${from}`);
  return changed;
}

/** @param {string} name */
function escaped(name) {
  return name.replaceAll("$", "\\$");
}
