//! createTask, recordInfo, and the read of an attempt.

use crisp_upscale_gateway_core::protocol::{self, Reply};
use crisp_upscale_gateway_core::record::missing;
use crisp_upscale_gateway_core::token::Caller;
use crisp_upscale_gateway_core::{ids, order};
use worker::{Env, Response, Result};

use crate::reply::{refusal, refused, unexpected};
use crate::request::Request;
use crate::settings::Settings;
use crate::{account, body, platform};

/// No createTask is longer, in bytes.
pub(crate) const MAX_BODY: u32 = 64 * 1024;

/// The header that names an attempt.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What an `Idempotency-Key` must be.
const KEY_RULE: &str = "The Idempotency-Key must be 1 to 200 visible ASCII characters.";

/// Makes a task, or finds the one that the same `Idempotency-Key` made.
pub(crate) async fn create(
    settings: &Settings,
    env: &Env,
    request: &Request,
    caller: Caller,
) -> Result<Response> {
    let key = request.header(IDEMPOTENCY_KEY);
    if key.as_ref().is_some_and(|key| !order::is_key(key)) {
        return refusal(400, KEY_RULE);
    }
    let body = match body::of_request(request, MAX_BODY, body::TIMEOUT).await {
        Ok(body) => body,
        Err(error) => return error.refusal(),
    };
    let order = match order::read(&caller.name, body.json(), &settings.models, &settings.addresses) {
        Ok(order) => order,
        Err((status, message)) => return refusal(status, &message),
    };
    let job = match &key {
        Some(key) => ids::keyed_job_id(&caller.name, key),
        None => ids::random_job_id(platform::random()?),
    };
    let asked = protocol::Request::CreateTask {
        job,
        key_hash: key.as_deref().map(ids::key_hash),
        order,
        base: request.origin().to_owned(),
        tasks_per_hour: caller.tasks_per_hour.or(settings.tasks_per_hour),
    };
    match account::ask(env, asked).await? {
        Reply::Created(body) => Response::from_json(&body),
        Reply::Refused { code, message, retry_after } => refused(code, &message, retry_after),
        Reply::Conflict(sentence) => refusal(422, &sentence),
        _ => unexpected(),
    }
}

/// Answers `GET recordInfo?taskId=…`.
pub(crate) async fn record(env: &Env, request: &Request, caller: Caller) -> Result<Response> {
    let id = request.url().query_pairs().find(|(name, _)| name == "taskId").map(|(_, id)| id.into_owned());
    let Some(job) = id else { return refusal(400, "Say which task: recordInfo?taskId=…") };
    if !ids::is_job_id(&job) {
        return Response::from_json(&missing());
    }
    match account::ask(env, protocol::Request::RecordInfo { caller: caller.name, job }).await? {
        Reply::Record(body) => Response::from_json(&body),
        _ => unexpected(),
    }
}

/// Answers `GET attempt`: what became of the createTask with this `Idempotency-Key`.
pub(crate) async fn attempt(env: &Env, request: &Request, caller: &Caller) -> Result<Response> {
    let key = request.header(IDEMPOTENCY_KEY);
    let Some(key) = key.filter(|key| order::is_key(key)) else { return refusal(400, KEY_RULE) };
    let job = ids::keyed_job_id(&caller.name, &key);
    match account::ask(env, protocol::Request::FindAttempt { job, key_hash: ids::key_hash(&key) }).await? {
        Reply::Attempt(body) => Response::from_json(&body),
        _ => unexpected(),
    }
}
