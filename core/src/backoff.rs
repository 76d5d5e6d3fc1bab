//! How long to wait before a request is sent again. All durations in milliseconds.

use crate::text::number;

/// The shortest delay, whatever the server asks for: `Retry-After: 0` must not lead to a busy loop.
const MIN_DELAY: u64 = 1_000;

/// The delay after `failures` consecutive failures, counted from 1, where the server does not ask for one: it
/// doubles from 1 s up to 15 s.
#[must_use]
pub fn delay(failures: u32) -> u64 {
    MIN_DELAY.saturating_mul(1 << failures.saturating_sub(1).min(4)).min(15_000)
}

/// The delay after `failures` consecutive failures: what the server asks for, but at least 1 s; else as [`delay`].
#[must_use]
pub fn delay_or(retry_after: Option<u64>, failures: u32) -> u64 {
    retry_after.map_or_else(|| delay(failures), |asked| asked.max(MIN_DELAY))
}

/// `Retry-After` in its first form, a number of seconds (RFC 9110, 10.2.3), in milliseconds.
#[must_use]
pub fn retry_after(header: &str) -> Option<u64> {
    number(header.trim_ascii()).filter(|seconds| *seconds <= u32::MAX.into()).map(|seconds| seconds * 1_000)
}
