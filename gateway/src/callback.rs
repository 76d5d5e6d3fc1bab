//! The service's callbacks. All that one can say is that a task may have ended: the job reads its record.

use crisp_upscale_core::gateway::ids;
use crisp_upscale_core::gateway::secret::signed;
use crisp_upscale_core::webhook::{self, Posted};
use serde_json::Value;
use worker::{Env, Request, Response, Result};

use crate::job_object::{Called, now, tell};
use crate::settings::Settings;
use crate::{body, log};

/// A callback is not longer, in bytes.
const MAX_CALLBACK: u32 = 1024 * 1024;

/// Takes `POST /callback/<job>/<secret>`. It is answered at once, and worked off by the job.
pub(crate) async fn answer(
    settings: &Settings,
    env: &Env,
    request: &Request,
    job: &str,
    secret: &str,
) -> Result<Response> {
    let text = body::read(request.inner().body(), MAX_CALLBACK, webhook::PATIENCE)
        .await
        .ok()
        .map(|body| body.text());
    let headers = request.headers();
    let (timestamp, signature) = (headers.get("x-webhook-timestamp")?, headers.get("x-webhook-signature")?);
    let method = request.method();
    let posted = Posted {
        method: method.as_ref(),
        timestamp: timestamp.as_deref(),
        signature: signature.as_deref(),
        body: text.as_deref(),
    };
    let window = settings.webhook_key.as_ref().and_then(|_| webhook::window(None));
    let opened = match webhook::open::<Value>(posted, window, now()) {
        Ok(opened) => opened,
        Err(refusal) => return refuse(job, refusal.as_str()),
    };
    let holds = |message: &Option<String>| match (&settings.webhook_key, &opened.signature, message) {
        (Some(key), Some(signature), Some(message)) => signed(key, message, signature),
        // The URL's secret is all there is then.
        (None, _, _) => true,
        _ => false,
    };
    let tasks: Vec<String> = opened
        .claims
        .iter()
        .filter(|claim| holds(&claim.message))
        .map(|claim| claim.task_id.clone())
        .collect();
    if tasks.is_empty() {
        return refuse(job, opened.otherwise.as_str());
    }
    if !ids::is_job_id(job) {
        return refuse(job, "unknown-task");
    }
    let called = Called { secret_hash: ids::callback_hash(secret), tasks };
    let taken: bool = tell(env, job, "/called", &called).await?;
    if taken {
        Response::from_json(&serde_json::json!({ "code": 200, "msg": "success" }))
    } else {
        refuse(job, "unknown-task")
    }
}

fn refuse(job: &str, word: &str) -> Result<Response> {
    log::line("callback-refused", serde_json::json!({ "job": job, "why": word }));
    let status = webhook::status(word);
    Ok(Response::from_json(&serde_json::json!({ "code": status, "msg": word }))?.with_status(status))
}
