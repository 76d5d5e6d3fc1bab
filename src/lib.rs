//! Recraft's *crisp upscale* through kie.ai's job API, for Rust programs that are compiled to WebAssembly and run
//! where there is a `fetch`: in browsers, Workers and Node. One call, one charge; nothing paid for is lost.
//!
//! [`Upscaler`] is all there is to begin with. Depend on this crate with `default-features = false`: the feature
//! `exports` is what JavaScript calls in the npm package of the same name.
//!
//! The rules, which know neither network nor JavaScript, are in [`crisp_upscale_core`].

mod call;
mod error;
#[cfg(feature = "exports")]
mod exports;
mod http;
mod js;
mod operations;
mod upscaler;

pub use crisp_upscale_core::api::{State, TaskDetail};
pub use crisp_upscale_core::failure::{Charged, Failure, Kind};
pub use crisp_upscale_core::result::UpscaleResult;
pub use error::UpscaleError;
#[cfg(feature = "exports")]
pub use exports::{
    attempt_id, callback_status, check_repeat, create_task, credits, download, fingerprint, get_task,
    has_expired, key_header, open_callback, preflight, read_callback_record, recover, sends_until,
    stream_events, upload, watch_task,
};
#[cfg(feature = "exports")]
pub use js::{CallContext, Settings, Subscribers};
#[cfg(feature = "exports")]
pub use operations::EventSink;
pub use upscaler::{Ticket, Upscaler};

/// Of the npm package: a Rust program has its own.
#[cfg(all(feature = "exports", target_family = "wasm"))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The README's example in Rust compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
