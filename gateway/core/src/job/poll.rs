//! Callbacks and polls. All that a callback says is that a task may have ended; how it ended says its record.

use crisp_upscale_core::api::{State, TaskDetail};
use crisp_upscale_core::backoff;
use crisp_upscale_core::classify::{RecordInfoResponse, record_info};
use crisp_upscale_core::task::Instant;
use serde::{Deserialize, Serialize};

use super::{Effect, End, Finished, Job, Phase, Sent};
use crate::input::UpstreamResult;
use crate::settings::Settings;

/// How long a task that was made may be unknown to recordInfo and is polled as if it were new.
const GRACE: u64 = 90_000;

/// The shortest pause between two polls of a task, in milliseconds, where a callback is expected.
const SLOW: u64 = 15_000;

/// The same where none can come; the vendor's advice.
const ADVICE: u64 = 3_000;

/// The longest pause between two polls, in milliseconds.
const SLOWEST: u64 = 300_000;

/// How many polls follow a callback quickly, as long as the record does not say that the task has ended.
pub(super) const EAGER: u32 = 5;

/// How much earlier than its attempt a task may say it was made, since the service has a clock of its own; in
/// milliseconds.
const SKEW: f64 = 2_000.0;

/// How many tasks a job takes from callbacks that it cannot verify at once.
const MAX_CLAIMS: usize = 4;

/// A callback's claim that this is the job's task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(super) task: String,
    /// When its record is to be read.
    pub(super) poll_at: Instant,
    /// How often that was tried.
    polls: u32,
}

/// What a record says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verified {
    /// It is the record of this very attempt.
    Ours,
    /// It is another's.
    Foreign,
    /// It could not be read. It is polled again.
    Unread,
}

impl Job {
    /// Whether a callback with a secret of this hash, which names these tasks, is to be taken. The secret is void once
    /// the job has ended, and a task that is known can be no other.
    pub(crate) fn takes_callback(&self, secret_hash: &str, tasks: &[String]) -> bool {
        let (sent, known) = match &self.phase {
            Phase::Sent(sent) | Phase::Ended { sent: Some(sent), .. } => (sent, None),
            Phase::Made { task, sent, .. } => (sent, Some(task)),
            Phase::Queued { .. } | Phase::Postponed { .. } | Phase::Ended { .. } => return false,
        };
        sent.secret_hash == secret_hash
            && !tasks.is_empty()
            && known.is_none_or(|known| tasks.contains(known))
    }

    /// Takes a callback. `is_polled`: a poll is in flight, which may have read the record before the end.
    pub(crate) fn called(&mut self, tasks: Vec<String>, is_polled: bool, now: Instant) {
        match &mut self.phase {
            Phase::Made { poll_at, eager, .. } => {
                let pause = if is_polled { backoff::delay(1) } else { 0 };
                (*poll_at, *eager) = (now.saturating_add(pause), EAGER);
            }
            Phase::Sent(sent) | Phase::Ended { sent: Some(sent), .. } => sent.take_claims(tasks, now),
            Phase::Queued { .. } | Phase::Postponed { .. } | Phase::Ended { .. } => {}
        }
    }

    /// The response to a poll of its task.
    pub(crate) fn polled(
        &mut self,
        result: &UpstreamResult,
        now: Instant,
        settings: &Settings,
    ) -> Vec<Effect> {
        let Phase::Made { task, sent, state, poll_at, .. } = &mut self.phase else { return Vec::new() };
        let age = now.saturating_sub(sent.at);
        // The later, the longer it has been so.
        let soon = now.saturating_add(backoff::delay(1).max(age / 60));
        match result.as_ref().map(record_info) {
            // It names its file in a moment; or never, so that it is polled ever less often.
            Ok(RecordInfoResponse::Record(TaskDetail { state: State::Success, result_urls, .. }))
                if result_urls.is_empty() =>
            {
                *poll_at = soon.max(now.saturating_add(age / 20)).min(*poll_at);
            }
            Ok(RecordInfoResponse::Record(detail))
                if matches!(detail.state, State::Success | State::Fail) =>
            {
                let (task, detail) = (task.clone(), Finished::of(detail));
                return self.end(End::Task { task, detail }, now, settings);
            }
            Ok(RecordInfoResponse::Record(detail)) if detail.state.as_str() != state => {
                detail.state.as_str().clone_into(state);
                return vec![Effect::Changed];
            }
            // A task just made.
            Ok(RecordInfoResponse::Missing(_)) if age < GRACE => *poll_at = soon.min(*poll_at),
            Ok(RecordInfoResponse::Retry { retry_after: Some(asked), .. }) => {
                *poll_at = now.saturating_add(asked.min(SLOWEST)).max(*poll_at);
            }
            Ok(_) | Err(_) => {}
        }
        Vec::new()
    }

    /// Verifies a callback's claim by the record of the task; `None` where no claim is open.
    pub(crate) fn verify(&self, claimed: &str, result: &UpstreamResult) -> Option<Verified> {
        let (Phase::Sent(sent) | Phase::Ended { sent: Some(sent), .. }) = &self.phase else { return None };
        Some(match result.as_ref().map(record_info) {
            Ok(RecordInfoResponse::Record(detail)) if self.is_record_of(&detail, sent, claimed) => {
                Verified::Ours
            }
            Ok(RecordInfoResponse::Record(_)) => Verified::Foreign,
            Ok(_) | Err(_) => Verified::Unread,
        })
    }

    /// Whether a record that a callback led to is that of this very attempt.
    fn is_record_of(&self, detail: &TaskDetail, sent: &Sent, task: &str) -> bool {
        detail.task_id.as_deref().is_none_or(|id| id == task)
            && detail.image.as_deref() == Some(self.order.image.as_str())
            && detail.create_time.is_some_and(|made| made + SKEW >= sent.at as f64)
    }

    /// A claim is another's task.
    pub(crate) fn forget_claim(&mut self, claimed: &str) {
        if let Phase::Sent(sent) | Phase::Ended { sent: Some(sent), .. } = &mut self.phase {
            sent.claims.retain(|claim| claim.task != claimed);
        }
    }
}

impl Sent {
    fn take_claims(&mut self, tasks: Vec<String>, now: Instant) {
        for task in tasks {
            if self.claims.len() < MAX_CLAIMS && self.claims.iter().all(|claim| claim.task != task) {
                self.claims.push(Claim { task, poll_at: now, polls: 0 });
            }
        }
    }

    /// A claim whose record is to be read now.
    pub(super) fn due_claim(&mut self, now: Instant) -> Option<String> {
        let claim = self.claims.iter_mut().find(|claim| now >= claim.poll_at)?;
        claim.polls += 1;
        claim.poll_at = now.saturating_add(backoff::delay(claim.polls));
        Some(claim.task.clone())
    }
}

/// How long to wait before the next poll of a task of this age, in milliseconds.
pub(super) fn pause(age: u64, settings: &Settings) -> u64 {
    if settings.callbacks { (age / 2).clamp(SLOW, SLOWEST) } else { (age / 20).clamp(ADVICE, SLOWEST) }
}
