//! Two polls on the way, so that those who watch a job see `queuing` and `generating`: the service calls back at the
//! end alone.
//!
//! A job is polled after a third and after two thirds of the time that jobs take. So a state that lasts for a third of
//! a job or more is seen, for at most two requests. Jobs that nobody watches are not polled on the way.

use std::collections::{BTreeSet, VecDeque};

use crisp_upscale_core::task::Instant;

/// What a job is taken to last before any has been seen to end, in milliseconds.
const TYPICAL: u64 = 9_000;

/// Nobody needs to see the states of a job that is over sooner, in milliseconds.
const SHORTEST: u64 = 1_500;

/// How many durations are kept.
const KEPT: usize = 16;

/// What was learned of durations, and the polls to come. Held in memory alone.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    durations: VecDeque<u64>,
    due: BTreeSet<(Instant, String)>,
    watched: BTreeSet<String>,
}

impl Progress {
    /// Somebody watches a job whose createTask left then.
    pub(crate) fn watch(&mut self, job: &str, sent_at: Instant, now: Instant) {
        let typical = self.typical();
        if typical < SHORTEST || !self.watched.insert(job.to_owned()) {
            return;
        }
        let polls = [typical / 3, typical * 2 / 3].map(|age| sent_at.saturating_add(age));
        self.due.extend(polls.into_iter().filter(|at| *at > now).map(|at| (at, job.to_owned())));
    }

    /// A job has ended. `duration`: how long it took, where its task succeeded.
    pub(crate) fn end(&mut self, job: &str, duration: Option<u64>) {
        if self.watched.remove(job) {
            self.due.retain(|(_, other)| other != job);
        }
        if let Some(duration) = duration {
            self.durations.push_back(duration);
            if self.durations.len() > KEPT {
                self.durations.pop_front();
            }
        }
    }

    /// When the next poll is due.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The jobs to poll now.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<String> {
        let later = self.due.split_off(&(now.saturating_add(1), String::new()));
        std::mem::replace(&mut self.due, later).into_iter().map(|(_, job)| job).collect()
    }

    /// The median.
    fn typical(&self) -> u64 {
        let mut sorted: Vec<u64> = self.durations.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or(TYPICAL)
    }
}
