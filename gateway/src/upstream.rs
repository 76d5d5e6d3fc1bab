//! Requests to the service. Only here does the key leave the gateway.

use std::pin::pin;
use std::time::Duration;

use crisp_upscale_core::api::{CREATE_TASK, CREDIT, RECORD_INFO, Response as ApiResponse, TASK_ID};
use crisp_upscale_core::backoff;
use crisp_upscale_core::failure::redact;
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_gateway_core::UpstreamResult;
use futures_util::future::{Either, select};
use js_sys::encode_uri_component;
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, RequestInit, RequestRedirect, Response};
use worker::Delay;

use crate::body;
use crate::settings::Settings;

/// No reply of the service is longer, in bytes; what is longer is read no further.
const MAX_REPLY: u32 = 1024 * 1024;

/// How long a reply to a request that reads may take, in milliseconds.
const READ_TIMEOUT: u64 = 30_000;

/// How long the reply to an upload may take, in milliseconds.
const UPLOAD_TIMEOUT: u64 = 120_000;

/// Makes a task. The body is JSON.
pub(crate) async fn create(settings: &Settings, body: &str, timeout: u64) -> UpstreamResult {
    post(settings, &format!("{}{CREATE_TASK}", settings.base_url), body, timeout).await
}

/// Reads a task's record.
pub(crate) async fn poll(settings: &Settings, task: &str) -> UpstreamResult {
    let task = String::from(encode_uri_component(task));
    let url = format!("{}{RECORD_INFO}?{TASK_ID}={task}", settings.base_url);
    exchange(settings, &url, &RequestInit::new(), None, READ_TIMEOUT).await
}

/// Reads the balance.
pub(crate) async fn credit(settings: &Settings) -> UpstreamResult {
    let url = format!("{}{CREDIT}", settings.base_url);
    exchange(settings, &url, &RequestInit::new(), None, READ_TIMEOUT).await
}

/// Posts JSON to an endpoint for uploads.
pub(crate) async fn upload_json(settings: &Settings, path: &str, body: &Value) -> UpstreamResult {
    post(settings, &format!("{}{path}", settings.upload_base_url), &body.to_string(), UPLOAD_TIMEOUT).await
}

/// Posts a form to an endpoint for uploads.
pub(crate) async fn upload_form(settings: &Settings, path: &str, form: &web_sys::FormData) -> UpstreamResult {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(form);
    exchange(settings, &format!("{}{path}", settings.upload_base_url), &init, None, UPLOAD_TIMEOUT).await
}

async fn post(settings: &Settings, url: &str, body: &str, timeout: u64) -> UpstreamResult {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(body));
    exchange(settings, url, &init, Some("application/json"), timeout).await
}

async fn exchange(
    settings: &Settings,
    url: &str,
    init: &RequestInit,
    content_type: Option<&str>,
    timeout: u64,
) -> UpstreamResult {
    let headers = web_sys::Headers::new().map_err(|_| NetworkError::NoConnection)?;
    let bearer = format!("Bearer {}", settings.key);
    let content_type = content_type.map(|value| ("content-type", value));
    for (name, value) in [("authorization", bearer.as_str())].into_iter().chain(content_type) {
        headers.set(name, value).map_err(|_| NetworkError::NoConnection)?;
    }
    init.set_headers(&headers);
    // The key goes to no other host.
    init.set_redirect(RequestRedirect::Manual);
    exchange_with(url, init, timeout, async |response| {
        let retry_after = response.headers().get("retry-after").ok().flatten();
        // What the service says is passed on in parts: it may echo anything but the key.
        let body = body::of_response(&response, MAX_REPLY).await;
        let text = body.ok().map(|body| redact(&body.text(), &settings.key));
        ApiResponse {
            status: response.status(),
            retry_after: retry_after.as_deref().and_then(backoff::retry_after),
            body: text.and_then(|text| serde_json::from_str(&text).ok()),
        }
    })
    .await
}

/// The beginning of a response, within so many milliseconds.
pub(crate) async fn fetch(url: &str, init: &RequestInit, timeout: u64) -> Result<Response, NetworkError> {
    exchange_with(url, init, timeout, async |response| response).await
}

/// Sends a request and does something with its response, both together within so many milliseconds.
async fn exchange_with<T>(
    url: &str,
    init: &RequestInit,
    timeout: u64,
    read: impl AsyncFnOnce(Response) -> T,
) -> Result<T, NetworkError> {
    let controller = AbortController::new().map_err(|_| NetworkError::NoConnection)?;
    init.set_signal(Some(&controller.signal()));
    let global: web_sys::WorkerGlobalScope = js_sys::global().unchecked_into();
    let exchanged = async {
        let response = JsFuture::from(global.fetch_with_str_and_init(url, init)).await;
        // What Workers say does not tell whether a connection was made.
        Ok(read(response.map_err(|_| NetworkError::Lost)?.unchecked_into()).await)
    };
    match select(pin!(exchanged), pin!(Delay::from(Duration::from_millis(timeout)))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => {
            controller.abort();
            Err(NetworkError::TimedOut)
        }
    }
}
