//! Files on other hosts than the API: images before they are sent, and results. The key goes to
//! none of them, so redirects may be followed.

use crisp_upscale_core::head::{Head, PREFLIGHT_PATIENCE, RANGE, RESULT_PATIENCE, total_bytes};
use crisp_upscale_core::image::HEAD_BYTES;
use crisp_upscale_core::input;
use crisp_upscale_core::job::{Fault, Upscaled};
use crisp_upscale_core::result::{UpscaleResult, not_fetched};
use gloo_net::http::Request as Http;
use js_sys::Date;
use wasm_bindgen::prelude::*;

use crate::clock::{self, Timer};
use crate::drive::Call;
use crate::error::Halt;
use crate::exchange::{Cut, fault, read, respond};
use crate::js::Response;
use crate::stop::Instead;
use crate::upload::tell_warning;

/// A look at an image before anything is sent to the API. Where it cannot be seen from here, nobody
/// can say anything against it.
///
/// # Errors
/// `invalid-input`: its host refuses, or the file is not one that the service takes.
pub(crate) async fn preflight(call: &Call, image: &str) -> Result<(), Halt> {
    call.check(|| input::image_url(image))?;
    let Some(head) = head(call, image, PREFLIGHT_PATIENCE).await? else { return Ok(()) };
    match head.preflight() {
        Ok(header) => Ok(header.map_or(Ok(()), |header| tell_warning(call, header))?),
        Err(failure) => Err(call.error(failure, &JsValue::UNDEFINED)),
    }
}

/// A result's file, as a `Blob`.
///
/// # Errors
/// Why it could not be fetched; with the task's id.
pub(crate) async fn download(call: &Call, task_id: &str, url: &str) -> Result<JsValue, Halt> {
    let timer = Timer::until(call.deadline);
    let came = async {
        let cut = Cut::new().map_err(Instead::Rejected)?;
        let request = get(url, None, &cut).map_err(Instead::Rejected)?;
        let response = respond(&call.settings, &call.stop, &timer, &request).await?;
        let status = response.status();
        if !(200..300).contains(&status) {
            return Ok(Err(status));
        }
        let blob = response.blob().map_err(Instead::Rejected)?;
        call.stop.race(&blob, &timer).await.map(Ok)
    };
    let came = came.await;
    if let Some(reason) = call.stop.reason() {
        return Err(reason.into());
    }
    let (came, cause) = match came {
        Ok(Ok(blob)) => return Ok(blob),
        Ok(Err(status)) => (Ok(status), JsValue::UNDEFINED),
        Err(Instead::Stopped) => (Err(Fault::TimedOut), JsValue::UNDEFINED),
        Err(Instead::Rejected(error)) => (Err(fault(&error)), error),
    };
    Err(call.error(not_fetched(task_id, came), &cause))
}

/// What a job ended with, and what its file's first bytes say of it.
///
/// # Errors
/// The caller's abort reason, and nothing else: the result is there, whatever its host does.
pub(crate) async fn described(call: &Call, upscaled: Upscaled) -> Result<UpscaleResult, JsValue> {
    let head = head(call, &upscaled.url, RESULT_PATIENCE).await?;
    Ok(UpscaleResult::of(upscaled, head.and_then(|head| head.header()), Date::now()))
}

/// A file's first bytes; `None` where they cannot be had from here, or not in `patience` milliseconds.
///
/// # Errors
/// The caller's abort reason.
async fn head(call: &Call, url: &str, patience: u64) -> Result<Option<Head>, JsValue> {
    let timer = Timer::until(call.deadline.min(clock::now().saturating_add(patience)));
    let came = async {
        // Nothing beyond the head is loaded.
        let cut = Cut::new().map_err(Instead::Rejected)?;
        let request = get(url, Some(RANGE), &cut).map_err(Instead::Rejected)?;
        let response = respond(&call.settings, &call.stop, &timer, &request).await?;
        let (bytes, _) = read(&response, &call.stop, &timer, HEAD_BYTES).await?;
        Ok::<Head, Instead>(Head { status: response.status(), total_bytes: size_of(&response), bytes })
    };
    let came = came.await.ok();
    call.stop.reason().map_or(Ok(came), Err)
}

fn size_of(response: &Response) -> Option<u64> {
    let headers = response.headers()?;
    let header = |name| headers.get(name).ok().flatten();
    total_bytes(response.status(), header("content-range").as_deref(), header("content-length").as_deref())
}

fn get(url: &str, range: Option<&str>, cut: &Cut) -> Result<web_sys::Request, JsValue> {
    let request = Http::get(url).abort_signal(Some(&cut.signal()));
    let request = match range {
        Some(range) => request.header("Range", range),
        None => request,
    };
    request.build().map(Into::into).map_err(|error| JsError::new(&error.to_string()).into())
}
