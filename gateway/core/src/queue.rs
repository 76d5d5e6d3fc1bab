//! What all callers share: the service's rate limit, and a fair queue for its slots.
//!
//! The queue is held in memory and derived from the stored jobs when the account is loaded. Each caller has a queue of
//! its own, and they are served in turn.

use std::collections::{BTreeSet, VecDeque};

use crisp_upscale_core::rate_limit::{Limiter, Rate};
use crisp_upscale_core::task::Instant;

/// How many places the queue has, all of which are read when the account is loaded. Further callers are refused.
const MAX_QUEUED: usize = 600;

/// The longest time in the queue, in milliseconds: half of the ten minutes after which a client gives up by default.
const LONGEST_WAIT: u64 = 300_000;

/// What a caller is told where the queue is full.
pub const FULL: &str = "Too many tasks are waiting. Try again later.";

/// The queue.
#[derive(Debug)]
pub struct Queue {
    rate: Rate,
    limiter: Limiter,
    /// Jobs whose createTask is in flight, as far as the limiter counts them.
    in_flight: BTreeSet<String>,
    /// The callers whose jobs wait, the next to be served first.
    callers: VecDeque<Waiting>,
}

/// A caller's jobs, the oldest first.
#[derive(Debug)]
struct Waiting {
    caller: String,
    jobs: VecDeque<String>,
}

impl Queue {
    /// The queue of these jobs, the oldest first, each with its caller. `request_ends`: when the last createTasks
    /// ended. Those that were in flight when the account was lost end `now` at the latest.
    pub fn new(
        rate: Rate,
        queued: impl IntoIterator<Item = (String, String)>,
        request_ends: impl IntoIterator<Item = Instant>,
        now: Instant,
    ) -> Self {
        let mut ended: Vec<Instant> = request_ends.into_iter().map(|end| end.min(now)).collect();
        ended.sort_unstable();
        let limiter = Limiter { in_flight: 0, ended };
        let mut queue = Queue { rate, limiter, in_flight: BTreeSet::new(), callers: VecDeque::new() };
        for (caller, job) in queued {
            queue.push(&caller, job);
        }
        queue
    }

    /// Takes a slot for a job's createTask, if one is free and nobody waits.
    pub fn acquire(&mut self, job: &str, now: Instant) -> bool {
        self.callers.is_empty() && self.start(job, now)
    }

    /// Puts a job into the queue, behind the others of its caller.
    pub fn push(&mut self, caller: &str, job: String) {
        match self.callers.iter_mut().find(|waiting| waiting.caller == caller) {
            Some(waiting) => waiting.jobs.push_back(job),
            None => {
                self.callers.push_back(Waiting { caller: caller.to_owned(), jobs: VecDeque::from([job]) })
            }
        }
    }

    /// Grants a slot to the next job in the queue, if one is free.
    pub fn grant(&mut self, now: Instant) -> Option<String> {
        let next = self.callers.front()?.jobs.front()?.clone();
        if !self.start(&next, now) {
            return None;
        }
        let mut waiting = self.callers.pop_front()?;
        waiting.jobs.pop_front();
        if !waiting.jobs.is_empty() {
            self.callers.push_back(waiting);
        }
        Some(next)
    }

    /// Releases a job's slot: its createTask ended, or is not waited for any longer.
    pub fn release(&mut self, job: &str, now: Instant) {
        if self.in_flight.remove(job) {
            self.limiter.release(now);
        }
    }

    /// When a slot becomes free, where anybody waits. `None` also where that is not before a createTask ends.
    #[must_use]
    pub fn free_at(&self, now: Instant) -> Option<Instant> {
        if self.callers.is_empty() {
            return None;
        }
        match self.limiter.clone().acquire(self.rate, now) {
            Ok(()) => Some(now),
            Err(free_at) => free_at,
        }
    }

    /// Whether a caller is to come later. It may have as many jobs in the queue as there are places left, so that no
    /// caller can fill the queue alone, and what is served makes room for others first.
    #[must_use]
    pub fn is_full(&self, caller: &str) -> bool {
        let tasks = LONGEST_WAIT.saturating_mul(self.rate.tasks as u64);
        let places = tasks.checked_div(self.rate.window).map_or(MAX_QUEUED, |tasks| tasks as usize);
        let left = places.clamp(1, MAX_QUEUED).saturating_sub(self.len());
        let own = self.callers.iter().find(|waiting| waiting.caller == caller);
        own.map_or(0, |waiting| waiting.jobs.len()) >= left
    }

    /// How many jobs wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.callers.iter().map(|waiting| waiting.jobs.len()).sum()
    }

    /// Whether no job waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    fn start(&mut self, job: &str, now: Instant) -> bool {
        if self.rate == Rate::UNLIMITED {
            return true;
        }
        let starts = self.limiter.acquire(self.rate, now).is_ok();
        if starts {
            self.in_flight.insert(job.to_owned());
        }
        starts
    }
}
