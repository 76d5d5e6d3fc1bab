//! Requests and responses. gloo-net builds the headers and does not send: it would turn what `fetch` rejects with into a
//! string, and that error's `cause.code` is the only proof that nothing was sent.

use crisp_upscale_core::api::{
    CREATE_TASK, CREDIT, CreateTask, FILE_STREAM_UPLOAD, RECORD_INFO, Response, TASK_ID,
};
use crisp_upscale_core::backoff;
use crisp_upscale_core::failure::{Charged, Failure};
use crisp_upscale_core::fetch_option::{Thrown, took_request_for_url};
use crisp_upscale_core::image::HEAD_BYTES;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::network_error::{NetworkError, by_code, by_code_of_fetch, by_message};
use crisp_upscale_core::range_probe::RANGE;
use crisp_upscale_core::task::{Instant, recover};
use crisp_upscale_core::validate;
use gloo_net::http::Headers;
use js_sys::{JSON, encode_uri_component};
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, FormData, RequestCache, RequestInit, RequestRedirect};

use crate::call::{Call, Waited, wait};
use crate::error::CallError;
use crate::js::{Expected, JsonValue, Received, exchange, left, token};

/// A request.
pub(crate) enum Request<'a> {
    /// `POST` createTask.
    CreateTask(&'a CreateTask),
    /// `GET` recordInfo.
    RecordInfo(&'a str),
    /// `GET` of what became of an `Idempotency-Key`; of a gateway. Rust programs keep no attempts.
    #[cfg_attr(not(feature = "exports"), expect(dead_code))]
    Attempt(&'a str),
    /// `GET` credit: the balance.
    Credit,
    /// `POST` of a file.
    Upload(FormData),
    /// `GET` of the event stream at a path, for these tasks. Rust programs have no subscriptions.
    #[cfg_attr(not(feature = "exports"), expect(dead_code))]
    Events(&'a str, &'a [String]),
    /// `GET` of the first bytes of a file on another host, by its URL; whether as a range.
    Head(&'a str, bool),
    /// `GET` of a file on another host, by its URL.
    File(&'a str),
}

impl Request<'_> {
    /// Whether it goes to the API, with the key. No other host gets that.
    fn has_bearer(&self) -> bool {
        !matches!(self, Request::Head(..) | Request::File(_))
    }

    fn has_body(&self) -> bool {
        matches!(self, Request::CreateTask(_) | Request::Upload(_))
    }

    fn expected(&self) -> Expected {
        match self {
            Request::CreateTask(_)
            | Request::RecordInfo(_)
            | Request::Attempt(_)
            | Request::Credit
            | Request::Upload(_) => Expected::Text,
            Request::Events(..) => Expected::Events,
            Request::Head(..) => Expected::Head,
            Request::File(_) => Expected::File,
        }
    }

    /// How caches treat it. No response may be stored or come from a cache.
    fn cache(&self) -> RequestCache {
        match self {
            // Next 14 caches a POST like a GET: a second call would get the first call's task, or its refusal.
            Request::CreateTask(_) | Request::Upload(_) => RequestCache::NoStore,
            // These change from one request to the next.
            Request::RecordInfo(_) | Request::Attempt(_) | Request::Credit | Request::Events(..) => {
                RequestCache::NoStore
            }
            // A browser caches what an `<img>` without `crossorigin` has loaded. A page may not read that response.
            Request::Head(..) | Request::File(_) => RequestCache::NoStore,
        }
    }

    fn url(&self, call: &Call) -> String {
        let base_url = call.settings.base_url();
        match self {
            Request::CreateTask(_) => base_url + CREATE_TASK,
            Request::RecordInfo(task_id) => with_tasks(base_url + RECORD_INFO, core::iter::once(*task_id)),
            Request::Attempt(_) => base_url + recover::PATH,
            Request::Credit => base_url + CREDIT,
            Request::Upload(_) => call.settings.upload_base_url() + FILE_STREAM_UPLOAD,
            Request::Events(path, task_ids) => {
                with_tasks(base_url + path, task_ids.iter().map(String::as_str))
            }
            Request::Head(url, _) | Request::File(url) => (*url).to_owned(),
        }
    }

    /// For JavaScript, with a signal that ends it.
    ///
    /// # Errors
    /// What the runtime says of a URL or a header that is none. Nothing was sent then.
    fn build(
        &self,
        call: &Call,
        bearer: Option<&str>,
        in_flight: &InFlight,
    ) -> Result<web_sys::Request, JsValue> {
        let build = |cache| self.build_with(call, bearer, in_flight, cache);
        // Some versions of workerd throw on the `cache` option.
        build(Some(self.cache())).or_else(|_| build(None))
    }

    fn build_with(
        &self,
        call: &Call,
        bearer: Option<&str>,
        in_flight: &InFlight,
        cache: Option<RequestCache>,
    ) -> Result<web_sys::Request, JsValue> {
        let headers = Headers::new();
        let init = RequestInit::new();
        init.set_signal(Some(&in_flight.0.signal()));
        if let Some(bearer) = bearer {
            headers.set("Authorization", &("Bearer ".to_owned() + bearer));
            // No redirect is followed: it would take the key to another host.
            init.set_redirect(RequestRedirect::Manual);
        }
        if let Some(cache) = cache {
            init.set_cache(cache);
        }
        match self {
            Request::CreateTask(task) => {
                init.set_method("POST");
                headers.set("Content-Type", "application/json");
                if let Some(key) = call.context.idempotency_key() {
                    headers.set("Idempotency-Key", &key);
                }
                init.set_body(&task.json(quote).into());
            }
            Request::Upload(form) => {
                init.set_method("POST");
                // The runtime adds the form's own `Content-Type`, which names the boundary.
                init.set_body(form);
            }
            Request::Attempt(key) => headers.set("Idempotency-Key", key),
            Request::Events(..) => headers.set("Accept", "text/event-stream"),
            Request::Head(_, true) => headers.set("Range", RANGE),
            Request::RecordInfo(_) | Request::Credit | Request::Head(_, false) | Request::File(_) => {}
        }
        init.set_headers(&headers.into_raw());
        web_sys::Request::new_with_str_and_init(&self.url(call), &init)
    }
}

/// A text as JSON.
fn quote(text: &str) -> String {
    JSON::stringify(&text.into()).map(String::from).unwrap_or_default()
}

/// With tasks in the query.
fn with_tasks<'a>(mut url: String, task_ids: impl Iterator<Item = &'a str>) -> String {
    let mut separator = '?';
    for task_id in task_ids {
        url.push(separator);
        url.push_str(TASK_ID);
        url.push('=');
        url.push_str(&String::from(encode_uri_component(task_id)));
        separator = '&';
    }
    url
}

/// A request that has been sent. What is left of it is given up when it is dropped: it keeps no connection.
pub(crate) struct InFlight(AbortController);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What came of a request.
pub(crate) enum Exchange {
    /// A response.
    Response(Box<Responded>),
    /// No response, and what the runtime said.
    NetworkError(NetworkError, JsValue),
}

/// A response, as the machines and as JavaScript have it.
pub(crate) struct Responded {
    pub(crate) response: Response<JsonValue>,
    pub(crate) received: Received,
    /// For a body that is still being read.
    _in_flight: InFlight,
}

impl Exchange {
    /// What a machine is given of it, and the cause of an error that comes of it.
    pub(crate) fn into_result(self) -> (Result<Response<JsonValue>, NetworkError>, JsValue) {
        match self {
            Exchange::Response(responded) => {
                let text = responded.received.text();
                (Ok(responded.response), text.into())
            }
            Exchange::NetworkError(error, cause) => (Err(error), cause),
        }
    }

    fn is_unauthorized(&self) -> bool {
        let Exchange::Response(responded) = self else { return false };
        let Responded { response, .. } = &**responded;
        response.envelope().map_or(response.status == 401, |envelope| envelope.code == 401)
    }
}

/// `Retry-After` in either form, in milliseconds.
fn retry_after(received: &Received) -> Option<u64> {
    let seconds = received.retry_after().as_deref().and_then(backoff::retry_after);
    let until_date = Some(received.retry_in()).filter(|ms| *ms > 0.0).map(|ms| ms as u64);
    seconds.or(until_date)
}

/// Sends a request, to the API with the key. Where a token is refused and there is a new one, it is sent once more.
///
/// # Errors
/// The caller's abort; or that the base URL makes no request.
pub(crate) async fn send(call: &Call, request: &Request<'_>, until: Instant) -> Result<Exchange, CallError> {
    if !request.has_bearer() {
        return Ok(match send_once(call, request, None, until).await {
            Err(SendError::Build(error)) => Exchange::NetworkError(NetworkError::Lost, error),
            Err(SendError::Call(error)) => return Err(error),
            Ok(exchange) => exchange,
        });
    }
    let mut bearer: Option<String> = None;
    let mut refused: Option<Exchange> = None;
    loop {
        let waited =
            wait(token(&call.waits, &call.settings.bearer(), bearer.as_deref(), left(until))).await?;
        let problem = match waited {
            Waited::TimedOut => Some((NetworkError::TokenTimedOut, JsValue::UNDEFINED)),
            Waited::Failed(error) => Some((NetworkError::NoToken, error)),
            Waited::Value(value) => match value.as_string() {
                new if new == bearer => Some((NetworkError::NoToken, JsValue::UNDEFINED)),
                new => {
                    let checked = validate::key(new.as_deref().unwrap_or_default());
                    bearer = new;
                    checked
                        .err()
                        .map(|failure| (NetworkError::NoToken, JsError::new(&failure.message).into()))
                }
            },
        };
        if let Some((error, cause)) = problem {
            return Ok(refused.unwrap_or(Exchange::NetworkError(error, cause)));
        }
        call.bearers.borrow_mut().extend(bearer.clone());
        let exchange = match send_once(call, request, bearer.as_deref(), until).await {
            Err(SendError::Build(error)) => {
                let message = "The base URL does not make a valid request. Check it.";
                return Err(call.error(Failure::invalid(message), &error));
            }
            Err(SendError::Call(error)) => return Err(error),
            Ok(exchange) => exchange,
        };
        if refused.is_some() || !exchange.is_unauthorized() {
            return Ok(exchange);
        }
        refused = Some(exchange);
    }
}

enum SendError {
    /// There is no such request.
    Build(JsValue),
    /// The call is over.
    Call(CallError),
}

async fn send_once(
    call: &Call,
    request: &Request<'_>,
    bearer: Option<&str>,
    until: Instant,
) -> Result<Exchange, SendError> {
    let in_flight = InFlight(AbortController::new().map_err(SendError::Build)?);
    let built = request.build(call, bearer, &in_flight).map_err(SendError::Build)?;
    let had_sent = call.has_sent.get();
    call.has_sent.set(had_sent || request.has_body());
    let fetch = call.settings.fetch();
    let promise = exchange(&call.waits, &fetch, &built, left(until), request.expected(), HEAD_BYTES as u32);
    Ok(match wait(promise).await.map_err(SendError::Call)? {
        Waited::Value(received) => {
            let received: Received = received.unchecked_into();
            let response = Response {
                status: received.status(),
                retry_after: retry_after(&received),
                body: received.text().as_deref().and_then(JsonValue::parse),
            };
            if matches!(request, Request::CreateTask(_) | Request::RecordInfo(_)) {
                announce_events(call, &response);
            }
            Exchange::Response(Box::new(Responded { response, received, _in_flight: in_flight }))
        }
        Waited::TimedOut => Exchange::NetworkError(NetworkError::TimedOut, JsValue::UNDEFINED),
        Waited::Failed(error) if is_prerender_error(call, &error) => {
            call.has_sent.set(had_sent);
            return Err(SendError::Call(CallError::Aborted { reason: error, charged: Charged::No }));
        }
        Waited::Failed(error) => {
            let (error, cause) = network_error(JsonValue(error), request);
            Exchange::NetworkError(error, cause)
        }
    })
}

/// Remembers where the server pushes, if a response announces it.
fn announce_events(call: &Call, response: &Response<JsonValue>) {
    if let Some(subscribers) = call.settings.subscribers()
        && let Some(path) = response.envelope().and_then(|envelope| envelope.events())
    {
        subscribers.set_path(&path);
    }
}

/// Whether an error is the one by which Next.js refuses to send a request while it prerenders. Nothing was sent then,
/// and Next.js must get this very error.
fn is_prerender_error(call: &Call, error: &JsValue) -> bool {
    let check = call.settings.is_prerender_error();
    check.and_then(|check| check.call1(&JsValue::UNDEFINED, error).ok()).is_some_and(|is| is.is_truthy())
}

/// What an error of `fetch` proves. That of a caller's own may say that the request was not read: npm/fetch.ts.
fn network_error(error: JsonValue, request: &Request<'_>) -> (NetworkError, JsValue) {
    let Some(unread) = error.get("unread") else { return (proven(&error), error.0) };
    let threw_at_once = error.get("threw").is_some();
    let error = unread.get("error").unwrap_or(JsonValue(JsValue::UNDEFINED));
    let (message, code, input) = (error.text_at("message"), error.text_at("code"), error.text_at("input"));
    let thrown = Thrown { message: message.as_deref(), code: code.as_deref(), input: input.as_deref() };
    // Thrown at once, a request with a body cannot have left; one without may have.
    if took_request_for_url(thrown) || (threw_at_once && request.has_body()) {
        return (NetworkError::FetchRefused, error.0);
    }
    (proven(&error), error.0)
}

/// The proof that nothing was sent is in the error in Bun; in the error or its cause in Deno; in the cause, or the cause
/// of that, in Node.
fn proven(error: &JsonValue) -> NetworkError {
    let mut error = Some(error.clone());
    for _ in 0..3 {
        let Some(current) = error else { break };
        if let Some(proven) = proven_by(&current) {
            return proven;
        }
        let cause = current.get("cause");
        if current.text_at("message").is_some_and(|message| message == "fetch failed")
            && let Some(proven) = cause.as_ref().and_then(|cause| by_code_of_fetch(&cause.text_at("code")?))
        {
            return proven;
        }
        error = cause;
    }
    NetworkError::Lost
}

fn proven_by(error: &JsonValue) -> Option<NetworkError> {
    // Node connects to several addresses of a host: its error has the code of the first, and each has to have failed.
    if let Some(errors) = error.get("errors") {
        let errors = errors.items();
        return errors
            .iter()
            .all(|error| proven_by(error).is_some())
            .then(|| proven_by(errors.first()?))
            .flatten();
    }
    let code = error.text_at("code").and_then(|code| by_code(&code, error.text_at("syscall").as_deref()));
    code.or_else(|| by_message(&error.text_at("message")?))
}
