//! One job: from the order to its erasure. It holds no clock and no store; the account gives it what happened, stores
//! it, and carries out each [`Effect`].

mod create;
mod due;
mod end;
mod poll;

use crisp_upscale_core::task::Instant;
use serde::{Deserialize, Serialize};

pub(crate) use self::create::{Creation, Outcome};
pub(crate) use self::end::{End, Finished, Tries};
pub(crate) use self::poll::{Claim, Verified};
use crate::order::Order;
use crate::settings::Settings;
use crate::store::{JobRow, Result};
use crate::timeouts::{ANSWER_TIMEOUT, CREATE_TIMEOUT};

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Its id, which callers know as their task's.
    pub(crate) id: String,
    /// The hash of its `Idempotency-Key`.
    pub(crate) key_hash: Option<String>,
    /// The gateway's own origin, as its caller reached it.
    pub(crate) base: String,
    /// What was ordered.
    pub(crate) order: Order,
    /// When, in Unix milliseconds.
    pub(crate) created_at: Instant,
    /// Where it stands.
    pub(crate) phase: Phase,
    /// Whether the reply to its createTask was lost and a callback named the task.
    pub(crate) recovered: bool,
    /// Whether the result was copied.
    pub(crate) copied: bool,
    /// The tries to post the end to the caller's own callback.
    relay: Option<Tries>,
    /// The tries to copy the result.
    copy: Option<Tries>,
    /// When its latest createTasks ended, or end at the latest: the rate limit counts them.
    request_ends: Vec<Instant>,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// In the queue for a slot of the rate limit.
    Queued { since: Instant },
    /// The service refused it for its own rate limit. It is queued again at this time.
    Postponed { until: Instant },
    /// Its createTask left, and the outcome is not known.
    Sent(Sent),
    /// The service's task is known.
    Made { task: String, sent: Sent, state: String, poll_at: Instant, eager: u32 },
    /// It has ended. `sent`: where the outcome is unknown, so that a late callback can still resolve it.
    Ended { end: End, sent: Option<Sent>, at: Instant, erase_at: Instant },
}

/// A createTask that left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    /// The hash of the secret in its callback's URL.
    secret_hash: String,
    /// No response is waited for any more.
    lost: bool,
    /// Tasks that callbacks named and that are not verified yet.
    claims: Vec<Claim>,
}

/// What the account is to do for a job, after it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Put it into the queue.
    Enqueue,
    /// Its createTask is not waited for any longer.
    RequestEnded,
    /// Its record has changed: notify subscribers, answer those who wait.
    Changed,
    /// Poll this task.
    Poll(String),
    /// Count and log its end. `took`: for how long its task was under way, where it succeeded.
    LogEnd { state: &'static str, took: Option<u64> },
    /// Post the end to this URL.
    Relay(String),
    /// Copy the result from this URL.
    Copy(String),
    /// Delete the copy.
    DeleteCopy,
    /// Delete the job.
    Erase,
}

/// What a caller's createTask is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The job is the caller's task.
    Made,
    /// Nothing was made: code, message, and how many milliseconds to wait where that helps.
    Refused(i64, String, Option<u64>),
}

impl Job {
    /// A new job, in the queue.
    pub(crate) fn new(
        id: String,
        key_hash: Option<String>,
        base: String,
        order: Order,
        now: Instant,
    ) -> Self {
        Job {
            id,
            key_hash,
            base,
            order,
            created_at: now,
            phase: Phase::Queued { since: now },
            recovered: false,
            copied: false,
            relay: None,
            copy: None,
            request_ends: Vec::new(),
        }
    }

    /// The same job, ordered anew after a refusal: nothing was made.
    pub(crate) fn reordered(self, order: Order, now: Instant) -> Self {
        let Job { id, key_hash, base, request_ends, .. } = self;
        Job { request_ends, ..Job::new(id, key_hash, base, order, now) }
    }

    /// Whether this order has the image and the model of the job's own.
    pub(crate) fn is_of(&self, order: &Order) -> bool {
        self.order.image == order.image && self.order.model == order.model
    }

    /// What its caller's createTask is answered; `None` while that is not known.
    pub(crate) fn answer(&self) -> Option<Answer> {
        match &self.phase {
            Phase::Queued { .. } | Phase::Postponed { .. } | Phase::Sent(Sent { lost: false, .. }) => None,
            Phase::Ended { end: End::Refused { code, message, retry_after }, .. } => {
                Some(Answer::Refused(*code, message.clone(), *retry_after))
            }
            Phase::Sent(_) | Phase::Made { .. } | Phase::Ended { .. } => Some(Answer::Made),
        }
    }

    /// Whether the service refused it, so that nothing was made.
    pub(crate) fn was_refused(&self) -> bool {
        matches!(self.phase, Phase::Ended { end: End::Refused { .. }, .. })
    }

    /// Whether it waits in the queue, so that nothing was sent.
    pub(crate) fn is_queued(&self) -> bool {
        matches!(self.phase, Phase::Queued { .. })
    }

    /// Whether the outcome of its createTask is not known.
    pub(crate) fn awaits_outcome(&self) -> bool {
        matches!(self.phase, Phase::Sent(_))
    }

    /// Whether it has ended. Only a late callback can still change an unknown outcome.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// The service's task, once it is known.
    pub(crate) fn task(&self) -> Option<&str> {
        match &self.phase {
            Phase::Made { task, .. } | Phase::Ended { end: End::Task { task, .. }, .. } => Some(task),
            Phase::Queued { .. } | Phase::Postponed { .. } | Phase::Sent(_) | Phase::Ended { .. } => None,
        }
    }

    /// When something is to be done about it.
    pub(crate) fn due_at(&self, settings: &Settings) -> Option<Instant> {
        match &self.phase {
            Phase::Queued { .. } => None,
            Phase::Postponed { until } => Some(*until),
            Phase::Sent(sent) => Some(sent.due_at(settings)),
            Phase::Made { poll_at, .. } => Some(*poll_at),
            Phase::Ended { sent, erase_at, .. } => {
                let claims = sent.iter().flat_map(|sent| &sent.claims).map(|claim| claim.poll_at);
                let tries = [&self.relay, &self.copy].into_iter().flatten().map(|tries| tries.at);
                claims.chain(tries).chain([*erase_at]).min()
            }
        }
    }

    /// Its row in the store.
    pub(crate) fn row(&self, settings: &Settings) -> Result<JobRow> {
        Ok(JobRow {
            id: self.id.clone(),
            key_hash: self.key_hash.clone(),
            task: self.task().map(str::to_owned),
            queued_at: if let Phase::Queued { since } = self.phase { Some(since) } else { None },
            request_end: self.request_ends.last().copied(),
            due_at: self.due_at(settings),
            job: serde_json::to_string(self)?,
        })
    }

    /// The job of a row.
    pub(crate) fn of_row(row: &JobRow) -> Result<Self> {
        Ok(serde_json::from_str(&row.job)?)
    }
}

impl Sent {
    fn due_at(&self, settings: &Settings) -> Instant {
        let timeout = if self.lost { settings.outcome_timeout } else { CREATE_TIMEOUT };
        // While the response may come, a claim can wait for it.
        let first = if self.lost { 0 } else { self.at.saturating_add(ANSWER_TIMEOUT) };
        let claims = self.claims.iter().map(|claim| claim.poll_at.max(first));
        claims.fold(self.at.saturating_add(timeout), Instant::min)
    }
}
