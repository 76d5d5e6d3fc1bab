//! The event stream: the present record of several tasks, and every change until all have ended.

use std::collections::BTreeSet;

use crisp_upscale_gateway_core::token::Caller;
use worker::{Env, Response, ResponseBody, Result};

use crate::account;
use crate::reply::refusal;
use crate::request::Request;

/// How many tasks one stream is of, at most.
const MAX_TASKS: usize = 50;

/// Answers `GET events?taskId=…&taskId=…`.
pub(crate) async fn answer(env: &Env, request: &Request, caller: Caller) -> Result<Response> {
    let url = request.url();
    let tasks: BTreeSet<String> =
        url.query_pairs().filter(|(name, _)| name == "taskId").map(|(_, id)| id.into_owned()).collect();
    if tasks.is_empty() || tasks.len() > MAX_TASKS {
        return refusal(400, &format!("Name 1 to {MAX_TASKS} tasks: events?taskId=…&taskId=…"));
    }
    let body = if request.method() == "HEAD" {
        ResponseBody::Empty
    } else {
        account::subscribe(env, caller.name, tasks.into_iter().collect()).await?
    };
    let response = Response::from_body(body)?;
    response.headers().set("content-type", "text/event-stream")?;
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}
