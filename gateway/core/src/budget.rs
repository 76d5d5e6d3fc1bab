//! How many tasks a caller may make in an hour.

use std::collections::VecDeque;

use crisp_upscale_core::task::Instant;
use serde::{Deserialize, Serialize};

/// For how long a budget counts a task, in milliseconds.
const HOUR: u64 = 3_600_000;

/// What a budget counts together, in milliseconds.
const MINUTE: u64 = 60_000;

/// What a caller is told whose budget is used up.
pub const OVER_BUDGET: &str =
    "Your budget of tasks is used up for now. Wait, or ask the site's owner for more.";

/// The tasks of one caller in the last hour, counted by the minute, so that a large budget takes no more room than a
/// small one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget(VecDeque<Minute>);

/// A minute in which tasks were ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Minute {
    end: Instant,
    tasks: u32,
}

impl Minute {
    /// When none of its tasks is in the last hour any more.
    fn over_at(&self) -> Instant {
        self.end.saturating_add(HOUR)
    }
}

impl Budget {
    /// Counts one more task, where fewer than `tasks_per_hour` are counted.
    ///
    /// # Errors
    /// In how many milliseconds there is room for another.
    pub fn take(&mut self, tasks_per_hour: u32, now: Instant) -> Result<(), u64> {
        self.0.retain(|minute| minute.over_at() > now);
        let tasks: u32 = self.0.iter().map(|minute| minute.tasks).sum();
        if tasks >= tasks_per_hour {
            return Err(self.0.front().map_or(HOUR, |oldest| oldest.over_at().saturating_sub(now)));
        }
        match self.0.back_mut().filter(|minute| now < minute.end) {
            Some(minute) => minute.tasks += 1,
            None => self.0.push_back(Minute { end: now.saturating_add(MINUTE), tasks: 1 }),
        }
        Ok(())
    }

    /// When it counts nothing any more and can be deleted.
    #[must_use]
    pub fn over_at(&self) -> Instant {
        self.0.back().map_or(0, Minute::over_at)
    }
}
