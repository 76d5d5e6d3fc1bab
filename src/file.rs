//! Files on other hosts than the API: images before they are sent, and results. The key goes to
//! none of them, so redirects may be followed.

use crisp_upscale_core::head::{Head, PREFLIGHT_PATIENCE, RESULT_PATIENCE, total_bytes};
use crisp_upscale_core::input;
use crisp_upscale_core::job::{Upscaled};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::result::{UpscaleResult, not_fetched};
use js_sys::{Date, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::call::{Call, Came};
use crate::error::Halt;
use crate::host::now;
use crate::request::Ask;
use crate::upload::tell_warning;

/// A look at an image before anything is sent to the API. Where it cannot be seen from here, nobody
/// can say anything against it.
///
/// # Errors
/// `invalid-input`: its host refuses, or the file is not one that the service takes.
pub(crate) async fn preflight(call: &Call, image: &str) -> Result<(), Halt> {
    call.check(input::image_url(image))?;
    if let Some(head) = head(call, image, PREFLIGHT_PATIENCE).await? {
        match head.preflight() {
            Ok(Some(header)) => tell_warning(call, header),
            Ok(None) => {}
            Err(failure) => return Err(call.error(failure, &JsValue::UNDEFINED)),
        }
    }
    Ok(())
}

/// A result's file, as a `Blob`.
///
/// # Errors
/// Why it could not be fetched; with the task's id.
pub(crate) async fn download(call: &Call, task_id: &str, url: &str) -> Result<JsValue, Halt> {
    let (came, cause) = match call.exchange(&Ask::File(url), None, call.deadline).await? {
        Came::Reply(reply, came) => match came.get("blob") {
            Some(blob) if blob.is_object() => return Ok(blob.0),
            _ => (Ok(reply.status), JsValue::UNDEFINED),
        },
        Came::Fault(fault, error) => (Err(fault), error),
    };
    Err(call.error(not_fetched(task_id, came), &cause))
}

/// What a job ended with, and what its file's first bytes say of it.
///
/// # Errors
/// The caller's abort reason, and nothing else: the result is there, whatever its host does.
pub(crate) async fn described(call: &Call, upscaled: Upscaled) -> Result<UpscaleResult, Halt> {
    let head = head(call, &upscaled.url, RESULT_PATIENCE).await?;
    Ok(UpscaleResult::of(upscaled, head.and_then(|head| head.header()), Date::now()))
}

/// A file's first bytes; `None` where they cannot be had from here, or not in `patience` milliseconds.
///
/// # Errors
/// The caller's abort reason.
async fn head(call: &Call, url: &str, patience: u64) -> Result<Option<Head>, Halt> {
    let give_up = call.deadline.min(now().saturating_add(patience));
    let came = match call.exchange(&Ask::Head(url), None, give_up).await {
        Ok(Came::Reply(reply, came)) => (reply.status, came),
        Err(Halt::Thrown(reason)) => return Err(Halt::Thrown(reason)),
        // No request can be made of such a URL, or nothing came.
        _ => return Ok(None),
    };
    let (status, came) = came;
    let text = |name| came.get(name)?.text();
    let bytes = came.get("bytes").map(|bytes| Uint8Array::new(&bytes.0).to_vec()).unwrap_or_default();
    let total_bytes = total_bytes(status, text("range").as_deref(), text("length").as_deref());
    Ok(Some(Head { status, total_bytes, bytes }))
}
