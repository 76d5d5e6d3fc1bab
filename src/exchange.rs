//! One request and its reply.

use crisp_upscale_core::job::{Fault, Request};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::pace;
use crisp_upscale_core::verdict::{proves_no_connection, says_no_connection};
use crisp_upscale_core::wire::{CREATE_TASK, RECORD_INFO, Reply, TASK_ID};
use gloo_net::http::{Request as Http, RequestBuilder};
use js_sys::{Array, Date, JSON, Promise};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, AbortSignal, RequestCache, RequestRedirect};

use crate::clock::Timer;
use crate::js::{Chunk, Rejection, Response, Settings};
use crate::parsed::Parsed;
use crate::stop::{Instead, Stop};

/// No reply of the API is longer, in bytes; what is longer is read no further.
const MAX_REPLY: usize = 1024 * 1024;

/// What came of a request.
pub(crate) enum Came {
    /// A reply, and its text as it came.
    Reply(Reply<Parsed>, String),
    /// None, and what the runtime said of it.
    Fault(Fault, JsValue),
}

impl Came {
    /// Whether the server refused the key or token.
    pub(crate) fn is_unauthorized(&self) -> bool {
        let Came::Reply(reply, _) = self else { return false };
        reply.envelope().map_or(reply.status == 401, |envelope| envelope.code == 401)
    }
}

/// What goes along in a request's headers.
pub(crate) struct Headers<'a> {
    /// The key or token.
    pub(crate) bearer: &'a str,
    /// The `Idempotency-Key` of a createTask, where the server takes one.
    pub(crate) attempt: Option<&'a str>,
}

/// Sends a request and reads its reply, until the instant `give_up`.
///
/// # Errors
/// What the runtime says where the request cannot even be built; nothing was sent then.
pub(crate) async fn exchange(
    settings: &Settings,
    stop: &Stop,
    request: &Request,
    headers: Headers<'_>,
    give_up: u64,
) -> Result<Came, JsValue> {
    let timer = Timer::until(give_up);
    let controller = AbortController::new()?;
    let request = build(settings, request, &headers, &controller.signal())?;
    let came = match converse(settings, stop, &timer, &request).await {
        Ok((reply, text)) => Came::Reply(reply, text),
        // After an abort nobody asks what came of it.
        Err(Instead::Stopped) => Came::Fault(Fault::TimedOut, JsValue::UNDEFINED),
        Err(Instead::Rejected(error)) => Came::Fault(fault(&error), error),
    };
    // Frees the connection of a request that was left early; after the end it does nothing.
    controller.abort();
    Ok(came)
}

async fn converse(
    settings: &Settings,
    stop: &Stop,
    timer: &Timer,
    request: &web_sys::Request,
) -> Result<(Reply<Parsed>, String), Instead> {
    let promise = settings.fetch().call1(&JsValue::UNDEFINED, request).map_err(Instead::Rejected)?;
    // A caller's `fetch` may return anything.
    let promise = Promise::resolve(&promise);
    let response: Response = stop.race(&promise, timer).await?.unchecked_into();
    let text = read(&response, stop, timer).await?;
    let body = text.as_deref().and_then(Parsed::parse);
    let retry_after = response.headers().and_then(|headers| headers.get("retry-after").ok().flatten());
    let reply =
        Reply { status: response.status(), retry_after: retry_after.as_deref().and_then(wait_of), body };
    Ok((reply, text.unwrap_or_default()))
}

/// `Retry-After` in milliseconds, in both its forms.
fn wait_of(header: &str) -> Option<u64> {
    pace::retry_after(header).or_else(|| {
        let wait = Date::parse(header) - Date::now();
        (wait > 0.0).then_some(wait as u64)
    })
}

/// The body's text; `None` where it is longer than [`MAX_REPLY`].
async fn read(response: &Response, stop: &Stop, timer: &Timer) -> Result<Option<String>, Instead> {
    let Some(body) = response.body() else { return Ok(Some(String::new())) };
    let reader = body.reader().map_err(Instead::Rejected)?;
    let mut bytes = Vec::new();
    loop {
        let promise = reader.read().map_err(Instead::Rejected)?;
        let chunk: Chunk = stop.race(&promise, timer).await?.unchecked_into();
        if chunk.done() {
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
        let Some(value) = chunk.value() else { continue };
        if bytes.len() + value.length() as usize > MAX_REPLY {
            return Ok(None);
        }
        bytes.extend_from_slice(&value.to_vec());
    }
}

fn build(
    settings: &Settings,
    request: &Request,
    headers: &Headers<'_>,
    signal: &AbortSignal,
) -> Result<web_sys::Request, JsValue> {
    let built = match request {
        Request::Create(body) => {
            let body = body.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?;
            let body = JSON::stringify(&body)?;
            let post = prepare(Http::post(&url(settings, CREATE_TASK)), headers, signal)
                .header("Content-Type", "application/json");
            match headers.attempt {
                Some(attempt) => post.header("Idempotency-Key", attempt),
                None => post,
            }
            .body(body)
        }
        Request::Look(task_id) => {
            let look = || {
                prepare(Http::get(&url(settings, RECORD_INFO)), headers, signal).query([(TASK_ID, task_id)])
            };
            // A framework's cache must not answer a poll; some versions of workerd throw on the option.
            look().cache(RequestCache::NoStore).build().or_else(|_| look().build())
        }
    };
    built.map(Into::into).map_err(|error| JsError::new(&error.to_string()).into())
}

fn url(settings: &Settings, path: &str) -> String {
    settings.base_url() + path
}

/// No redirect is followed: it would take the key to another host.
fn prepare(builder: RequestBuilder, headers: &Headers<'_>, signal: &AbortSignal) -> RequestBuilder {
    builder
        .header("Authorization", &format!("Bearer {}", headers.bearer))
        .redirect(RequestRedirect::Manual)
        .abort_signal(Some(signal))
}

/// Bun tells in the error what the system said, Deno in the error or its cause, Node in the cause.
fn fault(error: &JsValue) -> Fault {
    if !error.is_object() {
        return Fault::Lost;
    }
    let error: &Rejection = error.unchecked_ref();
    let proven = proves(error) || error.cause().is_some_and(|cause| proves(&cause));
    if proven { Fault::NoConnection } else { Fault::Lost }
}

fn proves(error: &Rejection) -> bool {
    // Node dials several addresses of a host: its error has the code of the first, and each has to have failed.
    if let Some(errors) = error.errors().dyn_ref::<Array>() {
        return errors.length() > 0
            && errors.iter().all(|error| error.is_object() && proves(error.unchecked_ref()));
    }
    let syscall = error.syscall().as_string();
    error.code().as_string().is_some_and(|code| proves_no_connection(&code, syscall.as_deref()))
        || error.message().as_string().is_some_and(|message| says_no_connection(&message))
}
