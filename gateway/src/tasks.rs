//! createTask and recordInfo.

use crisp_upscale_core::gateway::ids;
use crisp_upscale_core::gateway::job::Order;
use crisp_upscale_core::gateway::token::Caller;
use serde_json::{Value, json};
use worker::{Env, Request, Response, Result};

use crate::events::EVENTS;
use crate::job_object::{self, Create, Told};
use crate::reply::{refusal, refused, success};
use crate::settings::Settings;
use crate::{body, random};

/// No createTask is longer, in bytes.
const MAX_BODY: u32 = 64 * 1024;

/// How long its body may take, in milliseconds.
const BODY_PATIENCE: u64 = 10_000;

/// How long an `Idempotency-Key` may be, in characters.
const MAX_KEY: usize = 200;

/// Makes a task, or finds the one that the same `Idempotency-Key` made.
pub(crate) async fn create(
    settings: &Settings,
    env: &Env,
    request: &Request,
    caller: Caller,
) -> Result<Response> {
    let key = request.headers().get("idempotency-key")?;
    if key.as_ref().is_some_and(|key| !is_key(key)) {
        return refusal(400, "The Idempotency-Key must be 1 to 200 visible ASCII characters.");
    }
    let body = match body::read(request.inner().body(), MAX_BODY, BODY_PATIENCE).await {
        Ok(body) => body,
        Err(trouble) => return trouble.refusal(),
    };
    let order = match order(settings, &caller.name, body.json()) {
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

fn order(
    settings: &Settings,
    caller: &str,
    body: Option<Value>,
) -> std::result::Result<Order, (u16, String)> {
    let body = body.filter(Value::is_object).ok_or((400, "The body is not a JSON object.".to_owned()))?;
    let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
    if !settings.models.iter().any(|allowed| allowed == model) {
        return Err((422, format!("This model is not served. Ask for {}.", settings.models.join(" or "))));
    }
    let image = body.pointer("/input/image").and_then(Value::as_str);
    let image = image.ok_or((422, "input.image is required: the URL of an image.".to_owned()))?;
    let call_back_url = match body.get("callBackUrl") {
        None | Some(Value::Null) => None,
        Some(url) => Some(url.as_str().ok_or((422, "callBackUrl is not a string.".to_owned()))?),
    };
    let check = |name: &str, url: &str| match settings.addresses.check(url) {
        Ok(url) => Ok(url.to_string()),
        Err(failure) => Err((422, format!("{name}: {}", failure.message))),
    };
    Ok(Order {
        caller: caller.to_owned(),
        model: model.to_owned(),
        image: check("input.image", image)?,
        call_back_url: call_back_url
            .filter(|url| !url.is_empty())
            .map(|url| check("callBackUrl", url))
            .transpose()?,
    })
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}
