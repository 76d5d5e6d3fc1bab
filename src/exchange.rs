//! One request and its reply.

use crisp_upscale_core::job::{Fault, Request};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::pace;
use crisp_upscale_core::verdict::proves_no_connection;
use crisp_upscale_core::wire::{CREATE_TASK, CREDIT, FILE_STREAM_UPLOAD, RECORD_INFO, Reply, TASK_ID};
use gloo_net::http::{Request as Http, RequestBuilder};
use js_sys::{Date, JSON, Promise};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, AbortSignal, FormData, RequestCache, RequestRedirect};

use crate::clock::Timer;
use crate::js::{Chunk, Rejection, Response, Settings};
use crate::parsed::Parsed;
use crate::stop::{Instead, Stop};

/// No reply of the API is longer, in bytes; what is longer is read no further.
const MAX_REPLY: usize = 1024 * 1024;

/// What is asked of the API.
pub(crate) enum Ask<'a> {
    /// What a job wants to send.
    Job(&'a Request),
    /// An upload, whose form is none of Rust's concern.
    Upload(&'a FormData),
    /// The balance.
    Credit,
}

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
    ask: &Ask<'_>,
    give_up: u64,
) -> Result<Came, JsValue> {
    let timer = Timer::until(give_up);
    let controller = AbortController::new()?;
    let request = build(settings, ask, &controller.signal())?;
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
    let response = respond(settings, stop, timer, request).await?;
    let (bytes, whole) = read(&response, stop, timer, MAX_REPLY).await?;
    let text = whole.then(|| String::from_utf8_lossy(&bytes).into_owned());
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

/// Calls the `fetch`; resolves to the response's beginning.
pub(crate) async fn respond(
    settings: &Settings,
    stop: &Stop,
    timer: &Timer,
    request: &web_sys::Request,
) -> Result<Response, Instead> {
    let promise = settings.fetch().call1(&JsValue::UNDEFINED, request).map_err(Instead::Rejected)?;
    // A caller's `fetch` may return anything.
    let promise = Promise::resolve(&promise);
    Ok(stop.race(&promise, timer).await?.unchecked_into())
}

/// The body's first bytes, `limit` at most, and whether they are all of it.
pub(crate) async fn read(
    response: &Response,
    stop: &Stop,
    timer: &Timer,
    limit: usize,
) -> Result<(Vec<u8>, bool), Instead> {
    let mut bytes = Vec::new();
    let Some(body) = response.body() else { return Ok((bytes, true)) };
    let reader = body.reader().map_err(Instead::Rejected)?;
    loop {
        let promise = reader.read().map_err(Instead::Rejected)?;
        let chunk: Chunk = stop.race(&promise, timer).await?.unchecked_into();
        if chunk.done() {
            return Ok((bytes, true));
        }
        let Some(value) = chunk.value() else { continue };
        let room = limit - bytes.len();
        if value.length() as usize > room {
            bytes.extend_from_slice(&value.subarray(0, room as u32).to_vec());
            return Ok((bytes, false));
        }
        bytes.extend_from_slice(&value.to_vec());
    }
}

fn build(settings: &Settings, ask: &Ask<'_>, signal: &AbortSignal) -> Result<web_sys::Request, JsValue> {
    // A framework's cache must not answer a read; some versions of workerd throw on the option.
    let fresh = |read: &dyn Fn() -> RequestBuilder| {
        read().cache(RequestCache::NoStore).build().or_else(|_| read().build())
    };
    let built = match ask {
        Ask::Job(Request::Create(body)) => {
            let body = body.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?;
            let body = JSON::stringify(&body)?;
            prepare(Http::post(&url(settings, CREATE_TASK)), settings, signal)
                .header("Content-Type", "application/json")
                .body(body)
        }
        Ask::Job(Request::Look(task_id)) => fresh(&|| {
            prepare(Http::get(&url(settings, RECORD_INFO)), settings, signal).query([(TASK_ID, task_id)])
        }),
        Ask::Credit => fresh(&|| prepare(Http::get(&url(settings, CREDIT)), settings, signal)),
        // The runtime adds the form's own `Content-Type`, which names the boundary.
        Ask::Upload(form) => {
            let url = settings.upload_base_url() + FILE_STREAM_UPLOAD;
            prepare(Http::post(&url), settings, signal).body(*form)
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
pub(crate) fn fault(error: &JsValue) -> Fault {
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
