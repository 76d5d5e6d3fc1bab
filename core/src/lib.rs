//! The rules of crisp-upscale, with no I/O, no clock and no JavaScript in them: what the
//! API's wire format means, how one upscale lives, and what it costs. Whoever has a
//! network and a clock plays a [`job::Job`].

pub mod attempt;
pub mod digest;
pub mod failure;
pub mod fetch_option;
pub mod head;
pub mod hosts;
pub mod image;
pub mod input;
pub mod job;
pub mod json;
pub mod limiter;
pub mod pace;
pub mod push;
pub mod repeat;
pub mod result;
pub mod sse;
mod text;
pub mod unsent;
pub mod upload;
pub mod verdict;
pub mod webhook;
pub mod wire;
