//! What the service sends, and the hosts of images and results.

use crisp_upscale_core::api::{Response, TaskDetail};
use crisp_upscale_core::backoff;
use crisp_upscale_core::classify::{
    CreateTaskResponse, RecordInfoResponse, create_task, failed_task, record_info,
};
use crisp_upscale_core::failure::{Charged, Failure};
use crisp_upscale_core::image::{HEAD_BYTES, check, identify};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::range_probe::{Head, total_bytes};
use crisp_upscale_core::schedule::Durations;
use crisp_upscale_core::sse::{Frames, MAX_MESSAGE, Message, TooLong};
use crisp_upscale_core::task::{Upload, Watch, upload, watch};
use crisp_upscale_core::webhook::{self, Meaning, Posted};
use crisp_upscale_core::{event_stream, validate};
use crisp_upscale_gateway_core::ids;
use serde_json::Value;

use crate::{gateway, lines};

/// What the service may have echoed.
const KEY: &str = "5ecret";

/// The caller's timeout, in milliseconds: ten minutes.
const TIMEOUT: u64 = 600_000;

/// What the clocks show. A task may be older than the process that follows it.
const NOW: u64 = 1_786_878_073_451;

/// `Retry-After`, and the body of a response to a recordInfo or createTask.
pub fn detail(data: &[u8]) {
    let (retry_after, body) = lines(data);
    let body = Value::parse(&body);
    for status in [200, 429, 502] {
        let response =
            Response { status, retry_after: backoff::retry_after(&retry_after), body: body.clone() };
        judge(&response);
        follow(&response);
        gateway::follow(&response, NOW);
    }
    let record = body.as_ref().and_then(|body| Json::get(body, "data"));
    if let Some(record) = record.as_ref().or(body.as_ref()) {
        assert_eq!(TaskDetail::read(record), TaskDetail::read(&other_form(record)), "{record}");
    }
}

/// What a response means, to everybody who asks.
fn judge(response: &Response<Value>) {
    match create_task(response) {
        CreateTaskResponse::Created(task) => assert!(!task.is_empty()),
        CreateTaskResponse::RateLimited { failure, .. } => {
            assert!(failure.retryable && failure.charged == Charged::No);
            keeps_the_key(failure);
        }
        CreateTaskResponse::Failed(failure) => {
            assert!(!failure.retryable || failure.charged == Charged::No, "{failure:?}");
            keeps_the_key(failure);
        }
    }
    match record_info(response) {
        RecordInfoResponse::Record(detail) => keeps_the_key(failed_task(&detail)),
        RecordInfoResponse::Missing(failure) | RecordInfoResponse::Failed(failure) => keeps_the_key(failure),
        RecordInfoResponse::Retry { failure, .. } => {
            assert!(failure.retryable);
            keeps_the_key(failure);
        }
    }
    match Meaning::from_response("5f48", response) {
        Meaning::Success(upscaled) => assert!(!upscaled.url.is_empty() && upscaled.task_id == "5f48"),
        Meaning::Failed(failure) | Meaning::Later(failure) => {
            assert_eq!(failure.task_id.as_deref(), Some("5f48"));
            keeps_the_key(failure);
        }
        Meaning::Refused(_) => {}
    }
    if let Some(path) = response.envelope().and_then(|envelope| envelope.events()) {
        assert!(event_stream::is_path(&path));
    }
}

fn keeps_the_key(failure: Box<Failure>) {
    let failure = failure.without(KEY);
    assert!(!failure.message.contains(KEY), "{}", failure.message);
}

/// A task of which each poll is answered so: the watch ends, and no later than its deadline.
fn follow(response: &Response<Value>) {
    let (mut watch, mut now, mut durations) =
        (Watch::new("5f48".to_owned(), NOW, NOW + TIMEOUT), NOW, Durations::default());
    let mut input = watch::Input::Started;
    // At one poll a quarter of a second, and a sleep and a poll each.
    for _ in 0..2 * 4 * TIMEOUT / 1_000 {
        input = match watch.handle(input, now, &mut durations).output {
            watch::Output::Poll { until } => {
                assert!(until <= NOW + TIMEOUT);
                now += 1;
                watch::Input::Response(response.clone())
            }
            watch::Output::Sleep { until } => {
                assert!(now <= until && until <= NOW + TIMEOUT, "{now} {until}");
                now = until;
                watch::Input::TimerFired
            }
            watch::Output::Succeeded(_) => return,
            watch::Output::Failed(failure) => {
                assert!(failure.task_id.is_some(), "{failure:?}");
                keeps_the_key(failure);
                return;
            }
        };
    }
    panic!("The watch does not end.");
}

/// The same record with each object that may come as text in the other form.
fn other_form(record: &Value) -> Value {
    let mut record = record.clone();
    if let Some(fields) = record.as_object_mut() {
        for name in ["param", "resultJson"] {
            if let Some(value) = fields.get_mut(name) {
                turn(value);
            }
        }
        if let Some(Value::Object(param)) = fields.get_mut("param")
            && let Some(input) = param.get_mut("input")
        {
            turn(input);
        }
    }
    record
}

fn turn(value: &mut Value) {
    let other = match &*value {
        Value::Object(_) => Value::String(value.to_string()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(object @ Value::Object(_)) => object,
            _ => return,
        },
        _ => return,
    };
    *value = other;
}

/// `X-Webhook-Timestamp`, a space and `X-Webhook-Signature`, and the body of a callback.
pub fn callback(data: &[u8]) {
    let (headers, body) = lines(data);
    let (timestamp, signature) = headers.split_once(' ').unwrap_or((&headers, ""));
    let posted =
        Posted { method: "POST", timestamp: Some(timestamp), signature: Some(signature), body: Some(&body) };
    let unsigned = webhook::open::<Value>(posted, None, NOW);
    let signed = webhook::open::<Value>(posted, Some(300_000), NOW);
    if let Ok(opened) = &unsigned {
        let ids: Vec<&str> = opened.claims.iter().map(|claim| claim.task_id.as_str()).collect();
        assert!((1..=4).contains(&ids.len()) && ids.iter().all(|id| !id.is_empty()));
        assert!((1..ids.len()).all(|n| !ids[..n].contains(&ids[n])), "named twice: {ids:?}");
        assert!(opened.claims.iter().all(|claim| claim.message.is_none()));
        for id in ids {
            let _ = ids::is_job_id(id);
        }
    }
    if let Ok(opened) = signed {
        let seconds: u64 = timestamp.parse().expect("a timestamp that was taken is a number");
        assert!((seconds * 1000).abs_diff(NOW) <= 300_000);
        assert_eq!(opened.signature.map(|bytes| bytes.len()), Some(32));
        let unsigned = unsigned.expect("what is taken signed is taken unsigned");
        assert_eq!(unsigned.claims.len(), opened.claims.len());
        for (claim, same) in opened.claims.iter().zip(&unsigned.claims) {
            assert_eq!(claim.task_id, same.task_id);
            assert_eq!(claim.message, Some(format!("{}.{timestamp}", claim.task_id)));
        }
    }
}

/// `Retry-After`, and the body of a response to an upload.
pub fn upload(data: &[u8]) {
    let (retry_after, body) = lines(data);
    let body = Value::parse(&body);
    for status in [200, 404, 429, 503] {
        let response =
            Response { status, retry_after: backoff::retry_after(&retry_after), body: body.clone() };
        let (mut upload, mut now, mut input) = (Upload::new(NOW + TIMEOUT), NOW, upload::Input::Started);
        let mut sent = 0;
        let ended = loop {
            input = match upload.handle(input, now) {
                upload::Output::Send { until } => {
                    assert!(now < until && until <= NOW + TIMEOUT);
                    sent += 1;
                    upload::Input::Response(response.clone())
                }
                upload::Output::Sleep { until } => {
                    assert!(now < until && until < NOW + TIMEOUT);
                    now = until;
                    upload::Input::TimerFired
                }
                upload::Output::Uploaded(url) => break Ok(url),
                upload::Output::Failed(failure) => break Err(failure),
            };
        };
        assert!((1..=3).contains(&sent), "{sent}");
        match ended {
            Ok(url) => assert!(validate::image_url(&url).is_ok(), "{url}"),
            Err(failure) => {
                assert_eq!(failure.charged, Charged::No);
                keeps_the_key(failure);
            }
        }
    }
}

/// A file's first bytes. What its first part says, no longer part takes back.
pub fn image(data: &[u8]) {
    let whole = identify(data);
    if let Ok(header) = &whole {
        let _ = header.warning();
        assert!(header.size.is_none_or(|(width, height)| width > 0 && height > 0));
    }
    let part = identify(&data[..data.len() / 2]);
    if let (Ok(part), Ok(whole)) = (&part, &whole) {
        assert_eq!(part.format, whole.format);
        assert!(part.size.is_none() || part.size == whole.size);
    }
    assert!(part.is_err() || whole.is_ok(), "{part:?} {whole:?}");
    for total in [0, data.len() as u64, u64::MAX] {
        if let Err(problem) = check(data, total) {
            assert!(!problem.to_string().is_empty());
        }
    }
    // The same bytes as the headers of an answer, whose numbers only say what they say.
    let text = String::from_utf8_lossy(&data[..data.len().min(100)]);
    for status in [200, 206] {
        let told = total_bytes(status, Some(&text), Some(&text));
        assert!(told.is_none_or(|told| text.contains(told.to_string().trim_start_matches('0'))));
        let bytes = data[..data.len().min(HEAD_BYTES)].to_vec();
        let head = Head { status, total_bytes: told, bytes };
        assert_eq!(head.header().is_some(), identify(&head.bytes).is_ok());
        let _ = head.preflight();
    }
}

/// How long the chunks are, as its first byte, and an event stream as a runtime decodes it. It is read the same however
/// it is cut.
pub fn events(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let stream = String::from_utf8_lossy(stream);
    let whole = read(&stream, stream.len());
    let parts = read(&stream, usize::from(cut));
    match (whole, parts) {
        (Ok(whole), Ok(parts)) => {
            assert_eq!(whole, parts);
            for Message { event, data } in &whole {
                assert!(!event.is_empty() && event.len() <= MAX_MESSAGE && data.len() <= MAX_MESSAGE);
            }
            assert!(whole.len() <= stream.len() / 5, "each has a line of data and an empty one");
        }
        (whole, parts) => assert_eq!(whole.is_err(), parts.is_err()),
    }
}

fn read(stream: &str, length: usize) -> Result<Vec<Message>, TooLong> {
    let (mut frames, mut rest, mut messages) = (Frames::default(), stream, Vec::new());
    while !rest.is_empty() {
        // A character at least, of up to four bytes.
        let (chunk, left) = rest.split_at(rest.floor_char_boundary(length.max(4)));
        messages.extend(frames.feed(chunk)?);
        rest = left;
    }
    Ok(messages)
}
