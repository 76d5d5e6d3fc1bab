//! The bodies of responses: the API's own envelope, of our own fields only, since the service's record holds the URL of
//! our callback.

use crisp_upscale_core::classify::OUTCOME_UNKNOWN;
use serde_json::{Value, json};

use crate::job::{End, Job, Phase};
use crate::link;
use crate::route::{ATTEMPTS, EVENTS};
use crate::settings::Settings;

/// What recordInfo says of a job. Times are Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Record {
    state: String,
    has_result: bool,
    fail_code: Option<String>,
    fail_msg: Option<String>,
    complete_time: Option<f64>,
    credits: Option<f64>,
}

/// `{code, msg, data}`.
#[must_use]
pub fn envelope(code: i64, message: &str, data: &Value) -> Value {
    json!({ "code": code, "msg": message, "data": data })
}

/// The reply to a createTask.
pub(crate) fn created(id: &str) -> Value {
    let data = json!({ "taskId": id, "recordId": id, "events": EVENTS, "attempts": ATTEMPTS });
    envelope(200, "success", &data)
}

/// The record of a job.
pub(crate) fn of(job: &Job, settings: &Settings) -> Value {
    let record = Record::of(job);
    let create_time = job.created_at as f64;
    let end = record.complete_time.unwrap_or(create_time);
    let input = json!({ "image": job.order.image }).to_string();
    let result = record.has_result.then(|| json!({ "resultUrls": [result_url(job, end, settings)] }));
    let data = json!({
        "taskId": job.id,
        "model": job.order.model,
        "state": record.state,
        "param": json!({ "input": input, "model": job.order.model }).to_string(),
        "resultJson": result.map(|result| result.to_string()).unwrap_or_default(),
        "failCode": record.fail_code,
        "failMsg": record.fail_msg,
        "costTime": record.complete_time.map(|end| ((end - create_time) / 1000.0).round()),
        "completeTime": record.complete_time,
        "createTime": create_time,
        "creditsConsumed": record.credits,
        "events": EVENTS,
        "attempts": ATTEMPTS,
    });
    envelope(200, "success", &data)
}

/// The record of a job that is not there, or is another caller's.
#[must_use]
pub fn missing() -> Value {
    envelope(422, "recordInfo is null", &Value::Null)
}

/// What is posted to the caller's own callback, as the service would.
pub(crate) fn relay(job: &Job, settings: &Settings) -> String {
    let failed = Record::of(job).state != "success";
    let (code, message) = if failed { (501, "Playground task failed.") } else { (200, "success") };
    let mut body = of(job, settings);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("code".to_owned(), code.into());
        fields.insert("msg".to_owned(), message.into());
    }
    body.to_string()
}

/// The gateway's own link to the result, which expires with the job; by its end and not by now, so that a result has
/// one URL.
fn result_url(job: &Job, end: f64, settings: &Settings) -> String {
    let expires = (end as u64).saturating_add(settings.keep) / 1000;
    let signature = link::sign(&settings.secret, &job.id, expires);
    format!("{}/results/{}?expires={expires}&signature={signature}", job.base, job.id)
}

impl Record {
    fn of(job: &Job) -> Self {
        let waiting = Record { state: "waiting".to_owned(), ..Record::default() };
        let (end, at) = match &job.phase {
            Phase::Queued { .. } | Phase::Postponed { .. } | Phase::Sent(_) => return waiting,
            Phase::Made { state, .. } => return Record { state: state.clone(), ..Record::default() },
            Phase::Ended { end, at, .. } => (end, Some(*at as f64)),
        };
        let failed = Record { state: "fail".to_owned(), complete_time: at, ..Record::default() };
        match end {
            End::Refused { code, message, .. } => Record {
                fail_code: Some(code.to_string()),
                fail_msg: Some(message.clone()),
                credits: Some(0.0),
                ..failed
            },
            End::Unknown => Record {
                fail_code: Some(OUTCOME_UNKNOWN.to_owned()),
                fail_msg: Some(
                    "The reply to createTask was lost, and no callback came: a task may have been made."
                        .to_owned(),
                ),
                ..failed
            },
            End::Task { detail, .. } => Record {
                state: if detail.url.is_some() { "success" } else { "fail" }.to_owned(),
                has_result: detail.url.is_some(),
                fail_code: detail.fail_code.clone(),
                fail_msg: detail.fail_msg.clone(),
                complete_time: detail.complete_time.or(at),
                credits: detail.credits,
            },
        }
    }
}
