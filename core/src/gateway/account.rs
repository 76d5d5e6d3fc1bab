//! What all callers share: the service's rate limit, in turns that are dealt fairly.
//!
//! An account is a value that is stored. Jobs ask it for turns; it grants one, or puts the job
//! into the queue of its caller, and the callers' queues are served in turn. A turn ends when
//! the job says so, or when it was not heard of for too long.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::gateway::job::CREATE_PATIENCE;
use crate::job::Instant;
use crate::limiter::{Limiter, Rate};

/// After this a turn is over although nobody said so, in milliseconds: the job's own
/// patience, and time for its word to come.
const LEASE: u64 = CREATE_PATIENCE + 10_000;

/// How many jobs may wait. Whoever comes beyond is told to come later.
const MAX_WAITING: usize = 2_000;

/// For how long a budget counts a task, in milliseconds.
const HOUR: u64 = 3_600_000;

/// What a budget counts together, in milliseconds.
const MINUTE: u64 = 60_000;

/// What a caller is told whose [`Budget`] is used up.
pub const OVER_BUDGET: &str =
    "Your budget of tasks is used up for now. Wait, or ask the site's owner for more.";

/// What a caller is told where the queue is full.
pub const FULL: &str = "Too many tasks are waiting. Try again later.";

/// What a job that asks for a turn is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It has a turn, now.
    Go,
    /// It waits in the queue, and will be called.
    Queued,
    /// The queue is full; it may ask again in so many milliseconds.
    Full(u64),
}

/// The turns of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    limiter: Limiter,
    /// The jobs that have a turn, and since when.
    turns: BTreeMap<String, Instant>,
    /// The callers whose jobs wait, the next to be served first.
    callers: VecDeque<Waiting>,
}

/// A caller's jobs, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    caller: String,
    jobs: VecDeque<String>,
}

impl Account {
    /// A job asks for a turn. Asking again changes nothing.
    pub fn ask(&mut self, caller: &str, job: &str, rate: Rate, now: Instant) -> Told {
        if rate == Rate::UNLIMITED {
            return Told::Go;
        }
        self.expire(now);
        if self.turns.contains_key(job) {
            return Told::Go;
        }
        if self.callers.iter().any(|waiting| waiting.jobs.iter().any(|other| other == job)) {
            return Told::Queued;
        }
        // Nobody overtakes those who wait.
        if self.callers.is_empty() && self.limiter.start(rate, now).is_ok() {
            self.turns.insert(job.to_owned(), now);
            return Told::Go;
        }
        if self.waiting() >= MAX_WAITING {
            return Told::Full(rate.window);
        }
        match self.callers.iter_mut().find(|waiting| waiting.caller == caller) {
            Some(waiting) => waiting.jobs.push_back(job.to_owned()),
            None => self
                .callers
                .push_back(Waiting { caller: caller.to_owned(), jobs: VecDeque::from([job.to_owned()]) }),
        }
        Told::Queued
    }

    /// A job's turn is over. Of one that has no turn this changes nothing.
    pub fn end(&mut self, job: &str, now: Instant) {
        if self.turns.remove(job).is_some() {
            self.limiter.end(now);
        }
    }

    /// The jobs whose turn it is now, in order: call each.
    pub fn deal(&mut self, rate: Rate, now: Instant) -> Vec<String> {
        self.expire(now);
        let mut dealt = Vec::new();
        while let Some(mut waiting) = self.callers.pop_front() {
            let job = match waiting.jobs.front() {
                Some(job) if self.limiter.start(rate, now).is_ok() => job.clone(),
                Some(_) => {
                    self.callers.push_front(waiting);
                    break;
                }
                None => continue,
            };
            waiting.jobs.pop_front();
            if !waiting.jobs.is_empty() {
                self.callers.push_back(waiting);
            }
            self.turns.insert(job.clone(), now);
            dealt.push(job);
        }
        dealt
    }

    /// When to [`deal`](Account::deal) again, where anybody waits.
    #[must_use]
    pub fn alarm(&self, rate: Rate) -> Option<Instant> {
        if self.callers.is_empty() {
            return None;
        }
        let free = self.limiter.ended.first().map(|&ended| rate.free(ended));
        let lease = self.turns.values().min().map(|since| since.saturating_add(LEASE));
        free.into_iter().chain(lease).min().or(Some(0))
    }

    /// How many jobs wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.callers.iter().map(|waiting| waiting.jobs.len()).sum()
    }

    /// Ends the turns of which nothing was heard.
    fn expire(&mut self, now: Instant) {
        let before = self.turns.len();
        self.turns.retain(|_, since| since.saturating_add(LEASE) > now);
        for _ in self.turns.len()..before {
            self.limiter.end(now);
        }
    }
}

/// The tasks of one caller in the last hour, counted by the minute, so that a large budget takes no
/// more room than a small one.
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
    fn over(&self) -> Instant {
        self.end.saturating_add(HOUR)
    }
}

impl Budget {
    /// Counts one more task, where fewer than `tasks_per_hour` are counted.
    ///
    /// # Errors
    /// In how many milliseconds there is room for another.
    pub fn take(&mut self, tasks_per_hour: u32, now: Instant) -> Result<(), u64> {
        self.0.retain(|minute| minute.over() > now);
        let tasks: u32 = self.0.iter().map(|minute| minute.tasks).sum();
        if tasks >= tasks_per_hour {
            return Err(self.0.front().map_or(HOUR, |oldest| oldest.over().saturating_sub(now)));
        }
        match self.0.back_mut().filter(|minute| now < minute.end) {
            Some(minute) => minute.tasks += 1,
            None => self.0.push_back(Minute { end: now.saturating_add(MINUTE), tasks: 1 }),
        }
        Ok(())
    }

    /// Whether it counts nothing any more and can be forgotten.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.0.iter().all(|minute| minute.over() <= now)
    }
}
