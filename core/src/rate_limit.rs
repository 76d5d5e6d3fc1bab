//! How fast tasks may be made: the service takes 20 new ones in 10 s for an account and
//! refuses the others (its documentation; no header tells how many are left).
//!
//! The service counts a request when it arrives, which is after it left here and before its
//! reply came. So a request counts here from its start until 10 s after its end, and then
//! no 10 s of the service's can hold more than 20, whatever the delays are.

use serde::{Deserialize, Serialize};

use crate::job::Instant;

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

/// What the limit counts: plain data, so that whoever shares it can keep it where it likes.
/// Those who wait are no part of it; they are to be served in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limiter {
    /// Requests that have started and not ended.
    pub under_way: u32,
    /// When requests ended, oldest first; what no longer counts is dropped at the next start.
    pub ended: Vec<Instant>,
}

impl Limiter {
    /// Starts a request, if one may start now.
    ///
    /// # Errors
    /// When to ask again at the earliest; `None` where that is not before a request has ended.
    pub fn start(&mut self, rate: Rate, now: Instant) -> Result<(), Option<Instant>> {
        self.ended.retain(|&ended| rate.free(ended) > now);
        if self.under_way as usize + self.ended.len() >= rate.tasks {
            return Err(self.ended.first().map(|&ended| rate.free(ended)));
        }
        self.under_way += 1;
        Ok(())
    }

    /// Ends a request: its reply has come, or nobody waits for it any longer.
    pub fn end(&mut self, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        self.ended.push(now);
    }
}
