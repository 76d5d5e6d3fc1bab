//! The rules of crisp-upscale, with no I/O, no clock and no JavaScript in them: what the API's responses mean, how a
//! task is created and watched, and what it costs.
//!
//! The machines are in [`task`]. A shell with a network and a clock plays them in a loop:
//!
//! ```
//! use crisp_upscale_core::failure::Failure;
//! use crisp_upscale_core::task::create::{Create, Input, Output};
//!
//! /// What a shell needs; `src/operations/create.rs` of the client does it in JavaScript.
//! trait Shell {
//!     fn now(&self) -> u64;
//!     fn acquire_lease(&mut self, until: u64) -> bool;
//!     fn send(&mut self, until: u64) -> Input<serde_json::Value>;
//!     fn sleep(&mut self, until: u64);
//! }
//!
//! fn create(shell: &mut impl Shell) -> Result<String, Box<Failure>> {
//!     let mut machine = Create::new(shell.now() + 60_000, false);
//!     let mut input = Input::Started;
//!     loop {
//!         input = match machine.handle(input, shell.now()) {
//!             Output::AcquireLease { until } if shell.acquire_lease(until) => Input::LeaseAcquired,
//!             Output::AcquireLease { .. } => Input::LeaseTimedOut,
//!             Output::Send { until } => shell.send(until),
//!             Output::Sleep { until } => {
//!                 shell.sleep(until);
//!                 Input::TimerFired
//!             }
//!             Output::Created(task_id) => return Ok(task_id),
//!             Output::Failed(failure) => return Err(failure),
//!         };
//!     }
//! }
//! ```

pub mod api;
pub mod backoff;
pub mod classify;
pub mod digest;
pub mod endpoints;
pub mod event_stream;
pub mod failure;
pub mod fetch_option;
pub mod idempotency;
pub mod image;
pub mod json;
pub mod network_error;
pub mod range_probe;
pub mod rate_limit;
pub mod result;
pub mod schedule;
pub mod sse;
pub mod task;
mod text;
mod url;
pub mod validate;
pub mod webhook;
