// @ts-check
// Finds, or installs, what compiles Rust to wasm32. The standard library is built from its
// source, for size; so what is needed is that source, a compiler of the same version, and a linker.
// One recipe for both ways to get them: what is measured here is what is published.
import { existsSync } from "node:fs";
import { attempt, Failed, run, step } from "./run.mjs";

/** The oldest Rust with -Cpanic=immediate-abort that this was tried with; also `rust-version` in Cargo.toml. */
const OLDEST = [1, 95];

/** Debian's packages of a recent Rust, for machines on which rustup cannot download. */
const DEBIAN = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/**
 * @typedef {{ cargo: string, rustc: string, linker: string | undefined }} Toolchain
 *   `linker`: undefined where the compiler brings its own.
 */

/**
 * What can compile to wasm32 here, installed if need be.
 *
 * @returns {Promise<Toolchain>}
 */
export async function toolchain() {
  const present = (await ofRustup()) ?? (await ofDebian());
  if (present) return present;

  const rustup = (await attempt("rustup", ["--version"], { quiet: true })).ok;
  if (rustup) {
    step("Installing the standard library's source with rustup");
    const added = await attempt("rustup", ["component", "add", "rust-src"], { quiet: true });
    const found = added.ok ? await ofRustup() : undefined;
    if (found) return found;
    step("rustup could not install it; looking for Debian's packages instead");
  }
  if (await debianHas(DEBIAN)) {
    step(`Installing Debian's packages ${DEBIAN.join(", ")}`);
    await install(DEBIAN);
    const found = await ofDebian();
    if (found) return found;
  }
  throw new Failed(
    [
      "Nothing here can compile Rust to WebAssembly, and it could not be installed. Do one of these:",
      `  - with rustup, Rust ${OLDEST.join(".")} or later:  rustup update stable && rustup component add rust-src`,
      `  - on Debian 12, as root:  apt-get update && apt-get install ${DEBIAN.join(" ")}`,
    ].join("\n"),
  );
}

/** The toolchain of the `cargo` in the path, where it has the source and its own linker. */
async function ofRustup() {
  const rustc = await query("rustc", ["--print", "sysroot"]);
  if (rustc === undefined || !(await isRecent("rustc")) || !hasSource(rustc)) return undefined;
  const host = /host: (.*)/.exec((await query("rustc", ["-vV"])) ?? "")?.[1];
  if (!existsSync(`${rustc}/lib/rustlib/${host}/bin/rust-lld`)) return undefined;
  return { cargo: "cargo", rustc: "rustc", linker: undefined };
}

async function ofDebian() {
  const [cargo, rustc, linker] = ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/bin/wasm-ld-22"];
  if (![cargo, rustc, linker].every((file) => existsSync(file))) return undefined;
  const sysroot = await query(rustc, ["--print", "sysroot"]);
  if (sysroot === undefined || !(await isRecent(rustc)) || !hasSource(sysroot)) return undefined;
  return { cargo, rustc, linker };
}

/** @param {string} sysroot */
function hasSource(sysroot) {
  return existsSync(`${sysroot}/lib/rustlib/src/rust/library/Cargo.lock`);
}

/** @param {string} rustc */
async function isRecent(rustc) {
  const version = /release: (\d+)\.(\d+)/.exec((await query(rustc, ["-vV"])) ?? "");
  const [major = 0, minor = 0] = version?.slice(1).map(Number) ?? [];
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
async function query(command, args) {
  const { ok, output } = await attempt(command, args, { quiet: true });
  return ok ? output.trim() : undefined;
}

/**
 * Whether this is a Debian on which we may install these packages.
 *
 * @param {string[]} packages
 */
export async function debianHas(packages) {
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return false;
  // A new machine has no lists at all.
  const known = () => attempt("apt-cache", ["show", "--quiet=0", ...packages], { quiet: true });
  if ((await known()).ok) return true;
  await attempt("apt-get", ["update"], { quiet: true });
  return (await known()).ok;
}

/**
 * Installs Debian packages; see {@link debianHas}.
 *
 * @param {string[]} packages
 */
export async function install(packages) {
  const args = ["install", "-y", "--no-install-recommends", ...packages];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  if ((await attempt("apt-get", args, { quiet: true, env })).ok) return;
  // The lists may be old, and name files that are gone.
  await attempt("apt-get", ["update"], { quiet: true });
  await run("apt-get", args, { quiet: true, env });
}
