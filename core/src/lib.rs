//! The rules of crisp-upscale, with no I/O, no clock and no JavaScript in them: what the
//! API's wire format means, how one upscale lives, and what it costs. Whoever has a
//! network and a clock plays a [`job::Job`].

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
pub mod job;
pub mod json;
pub mod range_probe;
pub mod rate_limit;
pub mod result;
pub mod schedule;
pub mod sse;
mod text;
pub mod unsent;
pub mod upload;
pub mod validate;
pub mod webhook;
