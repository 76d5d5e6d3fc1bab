//! When to look next, and when to try again. All in milliseconds.

/// How long to wait before the next look at a task of this age: a sixth of its age,
/// so that a long task costs few requests more than a short one; at least 1 s, and at
/// most 5 s, a little above the vendor's advice of 3 s.
#[must_use]
pub fn next_look(age: u64) -> u64 {
    (age / 6).clamp(1_000, 5_000)
}

/// How long to wait after the `nth` failure in a row, counted from 1, where the
/// server does not say: doubling from 1 s up to 15 s.
#[must_use]
pub fn after_failure(nth: u32) -> u64 {
    1_000_u64.saturating_mul(1 << nth.saturating_sub(1).min(4)).min(15_000)
}

/// How long to wait after the `nth` failure in a row: as long as the server asks, but at
/// least 1 s, so that `Retry-After: 0` is no leave to send as fast as the line allows.
#[must_use]
pub fn wait(asked: Option<u64>, nth: u32) -> u64 {
    asked.map_or_else(|| after_failure(nth), |asked| asked.max(1_000))
}

/// `Retry-After` in its first form, a number of seconds (RFC 9110, 10.2.3), as milliseconds.
#[must_use]
pub fn retry_after(header: &str) -> Option<u64> {
    header.trim().parse::<u32>().ok().map(|seconds| u64::from(seconds) * 1_000)
}
