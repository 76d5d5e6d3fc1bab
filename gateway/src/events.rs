//! The event stream: the present state of several tasks, and every change until all have ended.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use crisp_upscale_core::gateway::token::Caller;
use crisp_upscale_core::sse;
use futures_util::future::{Either, select};
use futures_util::stream::{SelectAll, unfold};
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use worker::{ByteStream, Delay, Env, Request, Response, Result};

use crate::job_object;
use crate::record::missing;
use crate::reply::refusal;

/// How many tasks one stream is of, at most.
const MAX_TASKS: usize = 50;

/// How often the stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

type Messages = Pin<Box<dyn Stream<Item = Result<String>>>>;

/// Answers `GET events?taskId=…&taskId=…`.
pub(crate) async fn answer(env: &Env, request: &Request, caller: &Caller) -> Result<Response> {
    let url = request.url()?;
    let tasks: BTreeSet<String> =
        url.query_pairs().filter(|(name, _)| name == "taskId").map(|(_, id)| id.into_owned()).collect();
    if tasks.is_empty() || tasks.len() > MAX_TASKS {
        return refusal(400, &format!("Name 1 to {MAX_TASKS} tasks: events?taskId=…&taskId=…"));
    }
    let mut all: SelectAll<Messages> = SelectAll::new();
    for task in tasks {
        all.push(messages(env, task, &caller.name).await?);
    }
    let alive = unfold(all, |mut all| async {
        match select(all.next(), Delay::from(HEARTBEAT)).await {
            Either::Left((None, _)) => None,
            Either::Left((Some(message), _)) => Some((message, all)),
            Either::Right(_) => Some((Ok(sse::COMMENT.to_owned()), all)),
        }
    });
    let response = Response::from_stream(alive)?;
    response.headers().set("content-type", "text/event-stream")?;
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}

/// The messages of one task.
async fn messages(env: &Env, task: String, caller: &str) -> Result<Messages> {
    let Some(mut response) = job_object::events(env, &task, caller).await? else {
        let message = sse::event(&task, &missing().to_string());
        return Ok(Box::pin(futures_util::stream::iter([Ok(message)])));
    };
    Ok(Box::pin(lines(response.stream()?).map(move |line| {
        let line = line?;
        let envelope = serde_json::from_str(&line).ok().filter(|envelope: &Value| !envelope.is_null());
        Ok(sse::event(&task, &envelope.unwrap_or_else(missing).to_string()))
    })))
}

/// The lines of a stream, whatever its chunks are.
fn lines(stream: ByteStream) -> impl Stream<Item = Result<String>> {
    unfold((stream, Vec::new()), |(mut stream, mut held): (ByteStream, Vec<u8>)| async move {
        loop {
            if let Some(end) = held.iter().position(|byte| *byte == b'\n') {
                let rest = held.split_off(end + 1);
                held.truncate(end);
                return Some((Ok(String::from_utf8_lossy(&held).into_owned()), (stream, rest)));
            }
            match stream.next().await? {
                Ok(chunk) => held.extend(chunk),
                Err(error) => return Some((Err(error), (stream, held))),
            }
        }
    })
}
