//! What a gateway pushes: one event stream for all jobs of an `Upscaler` that wait, so that none
//! has to look. All times in milliseconds.
//!
//! Each message is named by a task and has what recordInfo would answer for it: first each task's
//! present state, then every change.

use crate::backoff;
use crate::text::{contains, cut};

/// How long a job waits for the first message before it looks by itself.
pub const PATIENCE: u64 = 10_000;

/// How long a stream may take to its first message, from when its request leaves.
pub const OPENING: u64 = 20_000;

/// How long a stream may be silent. The gateway sends a comment every 15 s, so what is silent for longer is broken.
pub const SILENCE: u64 = 40_000;

/// The path of the stream, `data.events` of a reply, where it is one on the same base: `/`
/// and names. With whatever could lead elsewhere it is none, and is not tried.
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

/// How long to wait before a stream is opened after this many in a row that came to nothing.
#[must_use]
pub fn wait(failures: u32) -> u64 {
    if failures == 0 { 0 } else { backoff::delay(failures) }
}

/// How many streams in a row have come to nothing, now that another is over, which took `time` and
/// on which something was `heard` or not. `left`: nobody needed it any more. A server that breaks each after a
/// moment is asked less and less often.
#[must_use]
pub fn failures(before: u32, time: u64, heard: bool, left: bool) -> u32 {
    match (heard, left) {
        (true, true) => 0,
        (true, false) if time >= SILENCE => 1,
        (false, true) if time < PATIENCE => before,
        _ => before.saturating_add(1),
    }
}
