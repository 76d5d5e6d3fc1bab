//! A job's createTask: sent once, and never again unless the service refused it.

use crisp_upscale_core::api::Response;
use crisp_upscale_core::backoff;
use crisp_upscale_core::classify::{CreateTaskResponse, create_task};
use crisp_upscale_core::failure::Kind;
use crisp_upscale_core::task::Instant;

use super::poll::EAGER;
use super::{Effect, End, Job, Phase, Sent};
use crate::input::UpstreamResult;
use crate::settings::Settings;
use crate::timeouts::CREATE_TIMEOUT;

/// For how long a job is sent again where the service refuses it for its rate limit, in milliseconds. The queue keeps
/// that limit; it is met where others use the same key.
const LIMITED_TIMEOUT: u64 = 300_000;

/// What the result of a createTask means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Creation {
    /// The code of the service's answer; 0 where none came.
    pub(crate) code: i64,
    /// The outcome.
    pub(crate) outcome: Outcome,
}

/// The outcome of a createTask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A task was made.
    Made(String),
    /// Nothing was made, because of the rate limit; with how long the service asks to wait.
    Limited(Option<u64>, String),
    /// Nothing was made; code and message.
    Refused(i64, String),
    /// Nobody knows.
    Lost,
}

impl Creation {
    pub(crate) fn read(result: &UpstreamResult) -> Self {
        let envelope = result.as_ref().ok().and_then(Response::envelope);
        let status = result.as_ref().map_or(0, |reply| i64::from(reply.status));
        let code = envelope.as_ref().map_or(status, |envelope| envelope.code);
        // The service's own words: callers' clients add theirs.
        let said = envelope.and_then(|envelope| envelope.msg);
        let outcome = match result.as_ref().map(create_task) {
            Ok(CreateTaskResponse::Created(task)) => Outcome::Made(task),
            Ok(CreateTaskResponse::RateLimited { retry_after, failure }) => {
                Outcome::Limited(retry_after, said.unwrap_or(failure.message))
            }
            Ok(CreateTaskResponse::Failed(failure)) if failure.kind != Kind::OutcomeUnknown => {
                Outcome::Refused(failure.code.unwrap_or(500), said.unwrap_or(failure.message))
            }
            Ok(CreateTaskResponse::Failed(_)) | Err(_) => Outcome::Lost,
        };
        Creation { code, outcome }
    }
}

impl Job {
    /// Its createTask leaves, with a callback URL whose secret has this hash.
    pub(crate) fn send(&mut self, secret_hash: String, now: Instant, settings: &Settings) {
        self.phase = Phase::Sent(Sent { at: now, secret_hash, lost: false, claims: Vec::new() });
        self.request_ends.retain(|end| end.saturating_add(settings.rate.window) >= now);
        self.request_ends.push(now.saturating_add(CREATE_TIMEOUT));
    }

    /// When its createTasks ended that the rate limit may still count.
    pub(crate) fn request_ends(&self) -> &[Instant] {
        &self.request_ends
    }

    /// Its createTask ended, or is not waited for any longer.
    pub(super) fn end_request(&mut self, now: Instant) {
        if let Some(end) = self.request_ends.last_mut() {
            *end = now.min(*end);
        }
    }

    /// The outcome of its createTask.
    pub(crate) fn created(&mut self, outcome: Outcome, now: Instant, settings: &Settings) -> Vec<Effect> {
        // A callback may have been faster. The request counts to its end all the same.
        self.end_request(now);
        let Phase::Sent(sent) = &mut self.phase else { return Vec::new() };
        match outcome {
            Outcome::Made(task) => self.bind(task, now, settings),
            Outcome::Limited(wait, message) => self.limited(wait, message, now, settings),
            Outcome::Refused(code, message) => {
                self.end(End::Refused { code, message, retry_after: None }, now, settings)
            }
            Outcome::Lost => {
                sent.lost = true;
                vec![Effect::Changed]
            }
        }
    }

    /// The service counts more tasks than the queue does: others use the same key.
    fn limited(
        &mut self,
        asked: Option<u64>,
        said: String,
        now: Instant,
        settings: &Settings,
    ) -> Vec<Effect> {
        let wait = backoff::delay_or(asked, 1);
        let until = now.saturating_add(wait);
        // A wait that would outlast the timeout is left to the caller.
        if until.saturating_sub(self.created_at) > LIMITED_TIMEOUT {
            return self.end(
                End::Refused { code: 429, message: said, retry_after: Some(wait) },
                now,
                settings,
            );
        }
        self.phase = Phase::Postponed { until };
        Vec::new()
    }

    /// The service's task is known. Only from a createTask whose outcome was not.
    pub(crate) fn bind(&mut self, task: String, now: Instant, settings: &Settings) -> Vec<Effect> {
        let (Phase::Sent(sent) | Phase::Ended { sent: Some(sent), .. }) = &self.phase else {
            return Vec::new();
        };
        let mut sent = sent.clone();
        // A callback came before: the task has ended.
        let called = sent.claims.iter().any(|claim| claim.task == task);
        sent.claims.clear();
        let (poll_at, eager) =
            if called { (now, EAGER) } else { (now.saturating_add(super::poll::pause(0, settings)), 0) };
        self.relay = None;
        self.phase = Phase::Made { task, sent, state: "waiting".to_owned(), poll_at, eager };
        vec![Effect::Changed]
    }

    /// Its task turns out to be another job's: a callback had named it wrongly. The outcome of its createTask is
    /// unknown again.
    pub(crate) fn unbind(&mut self) -> Vec<Effect> {
        self.recovered = false;
        match &mut self.phase {
            Phase::Made { sent, .. } => {
                let sent = Sent { lost: true, ..sent.clone() };
                self.phase = Phase::Sent(sent);
            }
            Phase::Ended { end, .. } => *end = End::Unknown,
            Phase::Queued { .. } | Phase::Postponed { .. } | Phase::Sent(_) => {}
        }
        self.copy = None;
        vec![Effect::Changed]
    }
}
