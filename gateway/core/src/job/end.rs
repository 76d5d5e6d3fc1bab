//! How a job ends, and what follows: the caller's own callback, the copy of the result, and its erasure.

use crisp_upscale_core::api::{State, TaskDetail};
use crisp_upscale_core::classify::OUTCOME_UNKNOWN;
use crisp_upscale_core::task::Instant;
use serde::{Deserialize, Serialize};

use super::{Effect, Job, Phase};
use crate::settings::Settings;

/// How long after the end a result is copied, in milliseconds: those who wait for it are served first.
const COPY_PAUSE: u64 = 2_000;

/// How long to wait after the first and the second failed try, in milliseconds. There is one try more than these.
const PAUSES: [u64; 2] = [10_000, 60_000];

/// After how long a try without a result is repeated, in milliseconds.
const TRY_TIMEOUT: u64 = 60_000;

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum End {
    /// Nothing was made.
    Refused { code: i64, message: String, retry_after: Option<u64> },
    /// Whether a task was made could not be found out in time. A callback may still tell.
    Unknown,
    /// The task has ended with `success` or `fail`.
    Task { task: String, detail: Finished },
}

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finished {
    pub(crate) url: Option<String>,
    pub(crate) fail_code: Option<String>,
    pub(crate) fail_msg: Option<String>,
    pub(crate) complete_time: Option<f64>,
    pub(crate) credits: Option<f64>,
}

/// Tries of something that may fail a few times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tries {
    made: usize,
    /// When the next one is due.
    pub(super) at: Instant,
}

impl Tries {
    fn first_at(at: Instant) -> Self {
        Tries { made: 0, at }
    }

    /// Begins a try, if one is due. Where its result never comes, the next one follows.
    fn begin(&mut self, now: Instant) -> bool {
        let due = now >= self.at;
        if due {
            self.made += 1;
            self.at = now.saturating_add(TRY_TIMEOUT);
        }
        due
    }

    /// The tries that are left after one ended.
    fn left(self, ok: bool, now: Instant) -> Option<Self> {
        let pause = PAUSES.get(self.made.saturating_sub(1)).filter(|_| !ok)?;
        Some(Tries { at: now.saturating_add(*pause), ..self })
    }
}

impl End {
    /// The word that counters and logs have for it.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            End::Refused { .. } => "refused",
            End::Unknown => "unknown",
            End::Task { detail, .. } if detail.url.is_some() => "success",
            End::Task { .. } => "fail",
        }
    }
}

impl Finished {
    pub(super) fn of(detail: TaskDetail) -> Self {
        let success = detail.state == State::Success;
        Finished {
            url: detail.result_urls.into_iter().next().filter(|_| success),
            fail_code: detail.fail_code,
            fail_msg: detail.fail_msg,
            complete_time: detail.complete_time,
            credits: detail.credits_consumed,
        }
    }

    /// Of a task that is not waited for any longer. It may still succeed, and be charged.
    pub(super) fn never() -> Self {
        let message = "The service has not finished this task; the gateway waits for it no longer.";
        Finished {
            fail_code: Some(OUTCOME_UNKNOWN.to_owned()),
            fail_msg: Some(message.to_owned()),
            ..Finished::default()
        }
    }
}

impl Job {
    pub(super) fn end(&mut self, end: End, now: Instant, settings: &Settings) -> Vec<Effect> {
        // Only where the task is not known may a callback still tell something.
        let sent = match &self.phase {
            Phase::Sent(sent) if end == End::Unknown => Some(sent.clone()),
            _ => None,
        };
        // A refusal is the answer to createTask itself.
        let relays = self.order.call_back_url.is_some() && !matches!(end, End::Refused { .. });
        self.relay = relays.then(|| Tries::first_at(now));
        let copies = settings.copies && end.as_str() == "success";
        self.copy = copies.then(|| Tries::first_at(now.saturating_add(COPY_PAUSE)));
        let state = end.as_str();
        let took = match &self.phase {
            Phase::Made { sent, .. } if state == "success" => Some(now.saturating_sub(sent.at)),
            _ => None,
        };
        self.phase = Phase::Ended { end, sent, at: now, erase_at: now.saturating_add(settings.keep) };
        vec![Effect::Changed, Effect::LogEnd { state, took }]
    }

    /// What is to be done after its end.
    pub(super) fn after_end(&mut self, now: Instant) -> Vec<Effect> {
        let Phase::Ended { end, sent, erase_at, .. } = &mut self.phase else { return Vec::new() };
        if now >= *erase_at {
            // Again later, where the copy cannot be deleted now.
            *erase_at = now.saturating_add(TRY_TIMEOUT);
            (self.relay, self.copy, *sent) = (None, None, None);
            return vec![if self.copied { Effect::DeleteCopy } else { Effect::Erase }];
        }
        let claim = sent.as_mut().and_then(|sent| sent.due_claim(now));
        let mut effects: Vec<Effect> = claim.map(Effect::Poll).into_iter().collect();
        if let End::Task { detail: Finished { url: Some(url), .. }, .. } = end
            && self.copy.as_mut().is_some_and(|tries| tries.begin(now))
        {
            effects.push(Effect::Copy(url.clone()));
        }
        if let Some(url) = &self.order.call_back_url
            && self.relay.as_mut().is_some_and(|tries| tries.begin(now))
        {
            effects.push(Effect::Relay(url.clone()));
        }
        effects
    }

    /// Whether the caller's own callback took the end.
    pub(crate) fn relayed(&mut self, ok: bool, now: Instant) {
        self.relay = self.relay.take().and_then(|tries| tries.left(ok, now));
    }

    /// Whether the result was copied.
    pub(crate) fn copied(&mut self, ok: bool, now: Instant) {
        self.copied |= ok;
        self.copy = self.copy.take().and_then(|tries| tries.left(ok, now));
    }

    /// The service's URL of the result, where there is one.
    pub(crate) fn result_url(&self) -> Option<&str> {
        match &self.phase {
            Phase::Ended { end: End::Task { detail, .. }, .. } => detail.url.as_deref(),
            _ => None,
        }
    }
}
