//! One request and its reply.

use crisp_upscale_core::job::{Event, Fault, Request};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::pace;
use crisp_upscale_core::push::is_stream;
use crisp_upscale_core::verdict::{proves_no_connection, says_no_connection};
use crisp_upscale_core::wire::{CREATE_TASK, CREDIT, FILE_STREAM_UPLOAD, RECORD_INFO, Reply, TASK_ID};
use gloo_net::http::{Request as Http, RequestBuilder};
use js_sys::{Array, Date, JSON, Promise};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, AbortSignal, FormData, RequestCache, RequestRedirect};

use crate::clock::Timer;
use crate::js::{Chunk, Rejection, Response, Settings};
use crate::listen::Hearing;
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
    /// What it pushes, until the stream ends.
    Events(&'a Hearing),
}

/// What came of a request.
pub(crate) enum Came {
    /// A reply, and its text as it came.
    Reply(Reply<Parsed>, String),
    /// None, and what the runtime said of it.
    Fault(Fault, JsValue),
}

impl Came {
    /// What it is to a job, and what an error's `cause` says of it.
    pub(crate) fn into_event(self) -> (Event<Parsed>, JsValue) {
        match self {
            Came::Reply(reply, text) => (Event::Replied(reply), text.into()),
            Came::Fault(fault, error) => (Event::Failed(fault), error),
        }
    }

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
    ask: &Ask<'_>,
    headers: Headers<'_>,
    give_up: u64,
) -> Result<Came, JsValue> {
    let timer = Timer::until(give_up);
    let cut = Cut::new()?;
    let request = build(settings, ask, &headers, &cut.signal())?;
    Ok(match converse(settings, stop, &timer, ask, &request).await {
        Ok((reply, text)) => Came::Reply(reply, text),
        // After an abort nobody asks what came of it.
        Err(Instead::Stopped) => Came::Fault(Fault::TimedOut, JsValue::UNDEFINED),
        Err(Instead::Rejected(error)) => Came::Fault(fault(&error), error),
    })
}

/// Ends its request when it is dropped, so that one that is left early keeps no connection. After
/// the request's own end it does nothing.
pub(crate) struct Cut(AbortController);

impl Cut {
    pub(crate) fn new() -> Result<Self, JsValue> {
        AbortController::new().map(Cut)
    }

    pub(crate) fn signal(&self) -> AbortSignal {
        self.0.signal()
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn converse(
    settings: &Settings,
    stop: &Stop,
    timer: &Timer,
    ask: &Ask<'_>,
    request: &web_sys::Request,
) -> Result<(Reply<Parsed>, String), Instead> {
    let response = respond(settings, stop, timer, request).await?;
    if let Ask::Events(hearing) = ask
        && is_stream(response.status(), &header(&response, "content-type").unwrap_or_default())
    {
        return Err(hearing.hear(&response, stop, timer).await);
    }
    let (bytes, whole) = read(&response, stop, timer, MAX_REPLY).await?;
    let text = whole.then(|| String::from_utf8_lossy(&bytes).into_owned());
    let body = text.as_deref().and_then(Parsed::parse);
    let retry_after = header(&response, "retry-after");
    let reply =
        Reply { status: response.status(), retry_after: retry_after.as_deref().and_then(wait_of), body };
    Ok((reply, text.unwrap_or_default()))
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers()?.get(name).ok().flatten()
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

fn build(
    settings: &Settings,
    ask: &Ask<'_>,
    headers: &Headers<'_>,
    signal: &AbortSignal,
) -> Result<web_sys::Request, JsValue> {
    // A framework's cache must not answer a read; some versions of workerd throw on the option.
    let fresh = |read: &dyn Fn() -> RequestBuilder| {
        read().cache(RequestCache::NoStore).build().or_else(|_| read().build())
    };
    let built = match ask {
        Ask::Job(Request::Create(body)) => {
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
        Ask::Job(Request::Look(task_id)) => fresh(&|| {
            let ids = std::slice::from_ref(task_id);
            of_tasks(prepare(Http::get(&url(settings, RECORD_INFO)), headers, signal), ids)
        }),
        Ask::Credit => fresh(&|| prepare(Http::get(&url(settings, CREDIT)), headers, signal)),
        Ask::Events(hearing) => {
            let path = settings.events().and_then(|events| events.path()).unwrap_or_default();
            let ids = hearing.line.task_ids()?;
            let ids: Vec<String> = ids.iter().filter_map(|id| id.as_string()).collect();
            fresh(&|| {
                let get = prepare(Http::get(&url(settings, &path)), headers, signal);
                of_tasks(get.header("Accept", "text/event-stream"), &ids)
            })
        }
        // The runtime adds the form's own `Content-Type`, which names the boundary.
        Ask::Upload(form) => {
            let url = settings.upload_base_url() + FILE_STREAM_UPLOAD;
            prepare(Http::post(&url), headers, signal).body(*form)
        }
    };
    built.map(Into::into).map_err(|error| JsError::new(&error.to_string()).into())
}

fn of_tasks(builder: RequestBuilder, ids: &[String]) -> RequestBuilder {
    builder.query(ids.iter().map(|id| (TASK_ID, id)))
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
pub(crate) fn fault(error: &JsValue) -> Fault {
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
