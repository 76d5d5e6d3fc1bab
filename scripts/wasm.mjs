// @ts-check
// Compiles a crate to wasm32, generates its JavaScript, and shrinks the wasm.
import { existsSync } from "node:fs";
import { cp, rm, stat } from "node:fs/promises";
import { root, run } from "./run.mjs";

/**
 * @typedef {object} Crate
 * @property {string} name of the crate's library, which is also the name of what is generated
 * @property {string} crate as Cargo calls it
 * @property {string} profile of Cargo.toml
 * @property {string[]} rustflags beside those that every crate has
 * @property {string[]} optimise what wasm-opt is told
 * @property {string} folder of `dist/` where it is left
 */

/** @type {Crate} */
export const client = {
  name: "crisp_upscale",
  crate: "crisp-upscale",
  profile: "release",
  rustflags: [],
  // What is stripped only tools read.
  optimise: ["-Oz", "--strip-producers", "--strip-target-features"],
  folder: "wasm",
};

/** Of the sandbox and the gateway alike, so that the standard library is built once for both. */
const FAST = ["-Ctarget-feature=+simd128"];

/** @type {Crate} */
export const sandbox = {
  name: "crisp_upscale_sandbox",
  crate: "crisp-upscale-sandbox",
  profile: "sandbox",
  rustflags: FAST,
  optimise: ["-O3"],
  folder: "wasm",
};

/** @type {Crate} */
export const gateway = {
  name: "crisp_upscale_gateway",
  crate: "crisp-upscale-gateway",
  // Speed before size: it is loaded once for each isolate.
  profile: "sandbox",
  rustflags: FAST,
  optimise: ["-O2"],
  folder: "gateway",
};

/**
 * The command that compiles it.
 *
 * @param {Crate} crate
 * @param {import("./toolchain.mjs").Toolchain} tools
 */
export function command(crate, tools) {
  // Nothing here can catch a panic, so none is unwound or described, which saves a third of the size.
  const flags = [
    "-Zlocation-detail=none",
    "-Zfmt-debug=none",
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
  ];
  return {
    args: [
      // As a cdylib alone, which is a sixth smaller for the client than with an rlib beside it. Its Cargo.toml
      // does not say so, since who depends on it as a library needs no cdylib.
      ...["rustc", "--locked", "--lib", "--crate-type", "cdylib"],
      ...["-p", crate.crate, "--profile", crate.profile],
      ...["--target", "wasm32-unknown-unknown", "--target-dir", targetDir(crate)],
      ...["-Zbuild-std=std", "-Zbuild-std-features=optimize_for_size", "-Zpanic-immediate-abort"],
    ],
    env: {
      RUSTC: tools.rustc,
      // These flags are unstable in name; the compiler that has them is a stable one, and pinned by OLDEST.
      RUSTC_BOOTSTRAP: "1",
      RUSTFLAGS: [...flags, ...crate.rustflags].join(" "),
      CARGO_ENCODED_RUSTFLAGS: undefined,
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: tools.linker,
    },
  };
}

const targetDir = (/** @type {Crate} */ { profile }) => `${root}/target/wasm/${profile}`;

/**
 * Leaves `dist/FOLDER/NAME.js`, `NAME.d.ts` and `NAME_bg.wasm`.
 *
 * @param {Crate} crate
 * @param {import("./toolchain.mjs").Toolchain} tools
 */
export async function compile(crate, tools) {
  const compiled = `${targetDir(crate)}/wasm32-unknown-unknown/${crate.profile}/${crate.name}.wasm`;
  const folder = `${root}/dist/${crate.folder}`;
  const generated = `${folder}/${crate.name}_bg.wasm`;

  const { args, env } = command(crate, tools);
  await run(tools.cargo, args, { env });
  if (await isNewer(generated, compiled)) return;

  // Beside, and moved when all is done: what is half made must not look newer than what it is made of.
  const made = `${targetDir(crate)}/generated/${crate.name}`;
  await rm(made, { recursive: true, force: true });
  // In a folder of its own: in Cargo's usual one it would wait for whatever else is compiled at the time.
  const [profile, target] = ["--profile=tools", `--target-dir=${root}/target/tools`];
  await run("cargo", ["run", "--locked", "-p", "bindgen", profile, target, "--", compiled, made, crate.name]);
  const wasm = `${made}/${crate.name}_bg.wasm`;
  await run(`${root}/node_modules/.bin/wasm-opt`, [...crate.optimise, wasm, "-o", wasm]);
  await rm(generated, { force: true });
  await cp(made, folder, { recursive: true });
}

/**
 * @param {string} made
 * @param {string} from
 */
async function isNewer(made, from) {
  if (!existsSync(made)) return false;
  return (await stat(made)).mtimeMs > (await stat(from)).mtimeMs;
}
