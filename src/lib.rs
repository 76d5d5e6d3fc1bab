//! Recraft's *crisp upscale* through kie.ai's job API, for Rust programs that are compiled to WebAssembly and run
//! where there is a `fetch`: in browsers, Workers and Node. One call, one charge; nothing paid for is lost.
//!
//! [`Upscaler`] is all there is to begin with. Depend on this crate with `default-features = false`: the feature
//! `exports` is what JavaScript calls in the npm package of the same name.
//!
//! The rules, which know neither network nor JavaScript, are in [`crisp_upscale_core`].

mod call;
#[cfg(feature = "exports")]
mod callback;
mod calls;
mod error;
#[cfg(feature = "exports")]
mod exports;
mod file;
#[cfg(feature = "exports")]
mod fingerprint;
mod host;
#[cfg(feature = "exports")]
mod listen;
mod play;
#[cfg(feature = "exports")]
mod recover;
mod request;
mod turn;
mod upload;
mod upscaler;

#[cfg(feature = "exports")]
pub use callback::{callback_status, open_callback, read_callback};
pub use crisp_upscale_core::failure::{Charged, Failure, Kind};
pub use crisp_upscale_core::result::UpscaleResult;
pub use crisp_upscale_core::wire::{State, TaskDetail};
pub use error::UpscaleError;
#[cfg(feature = "exports")]
pub use exports::{
    check_repeat, create_task, credits, download, fingerprint, follow, get_task, is_key_over, key_header,
    listen, preflight, recover, sends_until, upload,
};
#[cfg(feature = "exports")]
pub use host::{Line, Run, Settings};
pub use upscaler::{Ticket, Upscaler};

/// Of the npm package: a Rust program has its own.
#[cfg(all(feature = "exports", target_family = "wasm"))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The README's example in Rust compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
