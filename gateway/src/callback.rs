//! The service's callbacks. A callback says only that a task may have ended: the account reads its record.

use crisp_upscale_core::webhook::{self, Posted};
use crisp_upscale_gateway_core::ids;
use crisp_upscale_gateway_core::protocol::{self, Reply};
use crisp_upscale_gateway_core::secret::signed;
use serde_json::{Value, json};
use worker::{Env, Response, Result};

use crate::platform::now;
use crate::reply::unexpected;
use crate::request::Request;
use crate::settings::Settings;
use crate::{account, body, log};

/// A callback is not longer, in bytes.
pub(crate) const MAX_CALLBACK: u32 = 1024 * 1024;

/// Takes `POST /callback/<job>/<secret>`.
pub(crate) async fn answer(
    settings: &Settings,
    env: &Env,
    request: &Request,
    job: String,
    secret: String,
) -> Result<Response> {
    let body = body::of_request(request, MAX_CALLBACK, webhook::TIMEOUT).await;
    let tasks = match tasks(settings, request, body.ok().map(|body| body.text())) {
        Ok(tasks) => tasks,
        Err(refusal) => return refuse(&job, refusal.as_str()),
    };
    if !ids::is_job_id(&job) {
        return refuse(&job, "unknown-task");
    }
    let asked = protocol::Request::Callback { job: job.clone(), secret, tasks };
    match account::ask(env, asked).await? {
        Reply::Callback { taken: true } => Response::from_json(&json!({ "code": 200, "msg": "success" })),
        Reply::Callback { taken: false } => refuse(&job, "unknown-task"),
        _ => unexpected(),
    }
}

/// The tasks that it names and that its signature holds for.
fn tasks(
    settings: &Settings,
    request: &Request,
    body: Option<String>,
) -> std::result::Result<Vec<String>, webhook::Refusal> {
    let timestamp = request.header("x-webhook-timestamp");
    let signature = request.header("x-webhook-signature");
    let posted = Posted {
        method: request.method(),
        timestamp: timestamp.as_deref(),
        signature: signature.as_deref(),
        body: body.as_deref(),
    };
    let window = settings.webhook_key.as_ref().and_then(|_| webhook::window(None));
    let opened = webhook::open::<Value>(posted, window, now())?;
    let holds = |message: &Option<String>| match (&settings.webhook_key, &opened.signature, message) {
        (Some(key), Some(signature), Some(message)) => signed(key, message, signature),
        // The URL's secret is all that proves it.
        (None, _, _) => true,
        _ => false,
    };
    let claims = opened.claims.iter().filter(|claim| holds(&claim.message));
    let tasks: Vec<String> = claims.map(|claim| claim.task_id.clone()).collect();
    if tasks.is_empty() { Err(opened.otherwise) } else { Ok(tasks) }
}

fn refuse(job: &str, word: &str) -> Result<Response> {
    log::line("callback-refused", json!({ "job": job, "why": word }));
    let status = webhook::status(word);
    Ok(Response::from_json(&json!({ "code": status, "msg": word }))?.with_status(status))
}
