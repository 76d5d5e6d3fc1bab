//! One request and its reply.

use crisp_upscale_core::job::{Fault, Request};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::pace;
use crisp_upscale_core::verdict::proves_no_connection;
use crisp_upscale_core::wire::{CREATE_TASK, RECORD_INFO, Reply, TASK_ID};
use gloo_net::http::{Request as Http, RequestBuilder};
use js_sys::{Date, JSON, Promise};
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

/// Sends a request and reads its reply, until the instant `give_up`.
///
/// # Errors
/// What the runtime says where the request cannot even be built; nothing was sent then.
pub(crate) async fn exchange(
    settings: &Settings,
    stop: &Stop,
    request: &Request,
    give_up: u64,
) -> Result<Came, JsValue> {
    let timer = Timer::until(give_up);
    let controller = AbortController::new()?;
    let request = build(settings, request, &controller.signal())?;
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

fn build(settings: &Settings, request: &Request, signal: &AbortSignal) -> Result<web_sys::Request, JsValue> {
    let built = match request {
        Request::Create(body) => {
            let body = body.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?;
            let body = JSON::stringify(&body)?;
            prepare(Http::post(&url(settings, CREATE_TASK)), settings, signal)
                .header("Content-Type", "application/json")
                .body(body)
        }
        Request::Look(task_id) => {
            let look = || {
                prepare(Http::get(&url(settings, RECORD_INFO)), settings, signal).query([(TASK_ID, task_id)])
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
fn prepare(builder: RequestBuilder, settings: &Settings, signal: &AbortSignal) -> RequestBuilder {
    builder
        .header("Authorization", &format!("Bearer {}", settings.bearer()))
        .redirect(RequestRedirect::Manual)
        .abort_signal(Some(signal))
}

/// Node and its like tell in `code`, of the error or of its cause, what the system said.
fn fault(error: &JsValue) -> Fault {
    if !error.is_object() {
        return Fault::Lost;
    }
    let error: &Rejection = error.unchecked_ref();
    let codes = [error.cause().map(|cause| cause.code()), Some(error.code())];
    let proven = codes
        .into_iter()
        .flatten()
        .filter_map(|code| code.as_string())
        .any(|code| proves_no_connection(&code));
    if proven { Fault::NoConnection } else { Fault::Lost }
}
