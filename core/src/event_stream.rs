//! What a gateway pushes: one event stream for all tasks that an `Upscaler` watches, in place of polls. All durations
//! in milliseconds.
//!
//! The event of each message is a task's id, its data what recordInfo would answer: the present state of each task
//! first, then every change.

use crate::backoff;
use crate::text::{contains, cut};

/// How long a task's first message may take before the task is polled.
pub const FIRST_MESSAGE_TIMEOUT: u64 = 10_000;

/// How long a stream may take to its first message, from when its request leaves.
pub const OPEN_TIMEOUT: u64 = 20_000;

/// How long a stream may be silent. The gateway sends a comment every 15 s, so what is silent for longer is broken.
pub const SILENCE_TIMEOUT: u64 = 40_000;

/// Whether the path that a response announces, as `data.events`, stays under the base URL. One that could lead
/// elsewhere is not requested.
#[must_use]
pub fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && !contains(path, "//")
        // Neither `/..` nor `/.`.
        && !contains(path, "/.")
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte))
}

/// Whether a response is a stream, by its status and `Content-Type`.
#[must_use]
pub fn is_stream(status: u16, content_type: &str) -> bool {
    let media_type = cut(content_type, ";").map_or(content_type, |(media_type, _)| media_type).trim_ascii();
    status == 200 && media_type.eq_ignore_ascii_case("text/event-stream")
}

/// The delay before the next stream is opened, after this many consecutive failed ones.
#[must_use]
pub fn delay(failures: u32) -> u64 {
    if failures == 0 { 0 } else { backoff::delay(failures) }
}

/// Consecutive failed streams, now that another has ended, which lasted `time` and `had_messages` or not. `unused`: it
/// was closed since nobody needed it any more. A server that breaks each stream at once is asked less and less often.
#[must_use]
pub fn failures(before: u32, time: u64, had_messages: bool, unused: bool) -> u32 {
    match (had_messages, unused) {
        (true, true) => 0,
        (true, false) if time >= SILENCE_TIMEOUT => 1,
        (false, true) if time < FIRST_MESSAGE_TIMEOUT => before,
        _ => before.saturating_add(1),
    }
}
