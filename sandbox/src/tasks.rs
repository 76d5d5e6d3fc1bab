//! Tasks. What state one is in follows from its times and the clock; nothing is
//! changed by its passing.

use serde_json::{Value, json};

use crate::delivery::Delivery;
use crate::settings::Delays;

/// The one model there is.
pub(crate) const MODEL: &str = "recraft/crisp-upscale";

#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) msg: String,
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) image: String,
    /// Where its maker reached us; the result's URL begins with it.
    pub(crate) origin: String,
    /// The create request as `recordInfo` shows it: JSON whose `input` is JSON in a string again (wire).
    pub(crate) param: String,
    pub(crate) created: u64,
    pub(crate) delays: Delays,
    /// When fetching and enlarging ended, and with what: the result's URL, or a failure.
    pub(crate) outcome: Option<(u64, Result<String, Failure>)>,
    pub(crate) delivery: Option<Delivery>,
}

/// What a task looks like at some instant.
#[derive(Debug)]
pub(crate) enum State<'a> {
    Waiting,
    Queuing,
    Generating,
    Success { at: u64, url: &'a str },
    Fail { at: u64, failure: &'a Failure },
}

impl State<'_> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Queuing => "queuing",
            State::Generating => "generating",
            State::Success { .. } => "success",
            State::Fail { .. } => "fail",
        }
    }

    pub(crate) fn completed(&self) -> Option<u64> {
        match self {
            State::Success { at, .. } | State::Fail { at, .. } => Some(*at),
            _ => None,
        }
    }
}

impl Task {
    /// When the task has ended, as far as can be told: once the delays are over
    /// and the result is there to be fetched.
    pub(crate) fn ends_at(&self) -> Option<u64> {
        let Delays { waiting, queuing, generating } = self.delays;
        let (at, _) = self.outcome.as_ref()?;
        Some(
            (*at)
                .max(self.created.saturating_add(waiting).saturating_add(queuing).saturating_add(generating)),
        )
    }

    pub(crate) fn state(&self, now: u64) -> State<'_> {
        let age = now.saturating_sub(self.created);
        match (&self.outcome, self.ends_at()) {
            (Some((_, Ok(url))), Some(at)) if at <= now => State::Success { at, url },
            (Some((_, Err(failure))), Some(at)) if at <= now => State::Fail { at, failure },
            _ if age < self.delays.waiting => State::Waiting,
            _ if age < self.delays.waiting.saturating_add(self.delays.queuing) => State::Queuing,
            _ => State::Generating,
        }
    }

    /// `data` of `recordInfo`.
    pub(crate) fn record(&self, price: f64, now: u64) -> Value {
        let state = self.state(now);
        let mut record = json!({
            "taskId": self.id,
            "model": MODEL,
            "state": state.name(),
            "param": self.param,
            "resultJson": "",
            "failCode": null,
            "failMsg": null,
            "costTime": null,
            "completeTime": state.completed(),
            "createTime": self.created,
            // Already set while waiting: reserved. True at the end only (wire).
            "creditsConsumed": price,
        });
        let end = match state {
            State::Success { at, url } => json!({
                "resultJson": json!({ "resultUrls": [url] }).to_string(),
                // Seconds on the wire, whatever the documentation says.
                "costTime": at.saturating_sub(self.created) / 1000,
            }),
            State::Fail { failure, .. } => json!({
                "failCode": failure.code,
                "failMsg": failure.msg,
                "costTime": 0,
                "creditsConsumed": 0.0,
            }),
            State::Waiting | State::Queuing | State::Generating => Value::Null,
        };
        if let (Value::Object(record), Value::Object(end)) = (&mut record, end) {
            record.extend(end);
        }
        record
    }
}
