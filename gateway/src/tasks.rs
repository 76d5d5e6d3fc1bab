//! createTask and recordInfo.

use crisp_upscale_core::gateway::route::EVENTS;
use crisp_upscale_core::gateway::token::Caller;
use crisp_upscale_core::gateway::{ids, order};
use serde_json::json;
use worker::{Env, Request, Response, Result};

use crate::job_object::{self, Create, Told};
use crate::reply::{refusal, refused, success};
use crate::settings::Settings;
use crate::{body, random};

/// No createTask is longer, in bytes.
const MAX_BODY: u32 = 64 * 1024;

/// How long its body may take, in milliseconds.
const BODY_PATIENCE: u64 = 10_000;

/// Makes a task, or finds the one that the same `Idempotency-Key` made.
pub(crate) async fn create(
    settings: &Settings,
    env: &Env,
    request: &Request,
    caller: Caller,
) -> Result<Response> {
    let key = request.headers().get("idempotency-key")?;
    if key.as_ref().is_some_and(|key| !order::is_key(key)) {
        return refusal(400, "The Idempotency-Key must be 1 to 200 visible ASCII characters.");
    }
    let body = match body::read(request.inner().body(), MAX_BODY, BODY_PATIENCE).await {
        Ok(body) => body,
        Err(trouble) => return trouble.refusal(),
    };
    let order = match order::read(&caller.name, body.json(), &settings.models, &settings.addresses) {
        Ok(order) => order,
        Err((status, message)) => return refusal(status, &message),
    };
    let id = match key {
        Some(key) => ids::keyed_job_id(&caller.name, &key),
        None => ids::random_job_id(random::bytes()?),
    };
    let tasks_per_hour = caller.tasks_per_hour.or(settings.tasks_per_hour);
    let base = request.url()?.origin().ascii_serialization();
    let create = Create { id: id.clone(), base, tasks_per_hour, order };
    match job_object::tell(env, &id, "/create", &create).await? {
        Told::Made => success(&json!({ "taskId": id, "recordId": id, "events": EVENTS })),
        Told::Refused(code, words, wait) => refused(code, &words, wait),
        Told::Conflict(sentence) => refusal(422, &sentence),
    }
}

/// Answers `GET recordInfo`.
pub(crate) async fn record(env: &Env, request: &Request, caller: &Caller) -> Result<Response> {
    let id = request.url()?.query_pairs().find(|(name, _)| name == "taskId").map(|(_, id)| id.into_owned());
    let Some(id) = id else { return refusal(400, "Say which task: recordInfo?taskId=…") };
    Response::from_json(&job_object::record(env, &id, &caller.name).await?)
}
