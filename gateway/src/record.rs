//! What recordInfo answers: our own fields only, since the service's record holds the URL of our callback.

use crisp_upscale_core::gateway::job::Job;
use crisp_upscale_core::gateway::link;
use serde_json::{Value, json};

use crate::reply::envelope;
use crate::settings::Settings;
use crisp_upscale_core::gateway::route::EVENTS;

/// The envelope with a job's record. `base`: the gateway's own origin.
pub(crate) fn record(settings: &Settings, id: &str, base: &str, job: &Job) -> Value {
    let record = job.record();
    let input = json!({ "image": job.order.image }).to_string();
    let end = record.complete_time.unwrap_or(record.create_time);
    // By the end of the job and not by now, so that a result has one URL.
    let expires = (end as u64).saturating_add(settings.rules.keep) / 1000;
    let result = record.url.map(|_| {
        let signature = link::sign(&settings.secret, id, expires);
        let url = format!("{base}/results/{id}?expires={expires}&signature={signature}");
        json!({ "resultUrls": [url] }).to_string()
    });
    let cost_time = record.complete_time.map(|end| ((end - record.create_time) / 1000.0).round());
    let data = json!({
        "taskId": id,
        "model": job.order.model,
        "state": record.state,
        "param": json!({ "input": input, "model": job.order.model }).to_string(),
        "resultJson": result.unwrap_or_default(),
        "failCode": record.fail_code,
        "failMsg": record.fail_msg,
        "costTime": cost_time,
        "completeTime": record.complete_time,
        "createTime": record.create_time,
        "creditsConsumed": record.credits,
        "events": EVENTS,
    });
    envelope(200, "success", &data)
}

/// What is answered of a job that is not there, or is another caller's.
pub(crate) fn missing() -> Value {
    envelope(422, "recordInfo is null", &Value::Null)
}
