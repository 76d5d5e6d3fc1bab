//! The rate limit of the service: 20 new tasks in 10 s for an account, the rest is refused (its documentation; no header
//! says how many are left).
//!
//! The service counts a request when it arrives: after it has left here, and before its response is here. So a request
//! counts here from its start until 10 s after its end. No 10 s of the service can hold more than 20 then, whatever
//! the delays are.

use serde::{Deserialize, Serialize};

use crate::task::Instant;

/// How fast tasks may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many may count at a time.
    pub tasks: usize,
    /// For how long one counts, in milliseconds.
    pub window: u64,
}

impl Rate {
    /// What every account may do.
    pub const DOCUMENTED: Rate = Rate { tasks: 20, window: 10_000 };

    /// As fast as anybody likes.
    pub const UNLIMITED: Rate = Rate { tasks: usize::MAX, window: 0 };

    /// When a request no longer counts that ended so; with the part of a millisecond that an `Instant` may lack.
    pub(crate) fn free(self, ended: Instant) -> Instant {
        ended.saturating_add(self.window).saturating_add(1)
    }
}

/// What the limit counts: plain data, so that a shell can keep and share it. The queue is the shell's; it has to be
/// first come, first served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limiter {
    /// Requests in flight.
    pub in_flight: u32,
    /// When requests ended, the oldest first. What no longer counts is dropped by the next [`Limiter::acquire`].
    pub ended: Vec<Instant>,
}

impl Limiter {
    /// Acquires a lease for a request, if one may be sent now.
    ///
    /// # Errors
    /// When to try again at the earliest; `None` where that is not before a lease is released.
    pub fn acquire(&mut self, rate: Rate, now: Instant) -> Result<(), Option<Instant>> {
        self.ended.retain(|&ended| rate.free(ended) > now);
        if self.in_flight as usize + self.ended.len() >= rate.tasks {
            return Err(self.ended.first().map(|&ended| rate.free(ended)));
        }
        self.in_flight += 1;
        Ok(())
    }

    /// Releases a lease: the response has come, or nobody waits for it any longer.
    pub fn release(&mut self, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.ended.push(now);
    }
}
