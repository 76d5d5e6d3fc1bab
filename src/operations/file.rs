//! A file of the caller's, which stays in JavaScript: no more than a part of it enters our memory.

use crisp_upscale_core::failure::Failure;
use crisp_upscale_core::image::{HEAD_BYTES, Header};
use crisp_upscale_core::task::upload::timed_out;
use crisp_upscale_core::validate;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::Blob;

use crate::call::{Call, Waited, wait};
use crate::error::CallError;
use crate::js::{left, read_part};

/// Checks a file by its first bytes and its size.
pub(crate) async fn check(call: &Call, file: &Blob) -> Result<Header, CallError> {
    let head = read(call, file, 0.0, HEAD_BYTES as f64).await?;
    Ok(validate::file(&head, file.size() as u64)?)
}

/// Reads a part of a file.
pub(crate) async fn read(call: &Call, file: &Blob, from: f64, to: f64) -> Result<Vec<u8>, CallError> {
    let part = value(wait(read_part(&call.waits, file, from, to, left(call.deadline))).await?)?;
    Ok(Uint8Array::new(&part).to_vec())
}

/// What was read of a file.
pub(crate) fn value(waited: Waited) -> Result<JsValue, CallError> {
    match waited {
        Waited::Value(value) => Ok(value),
        Waited::Failed(error) => Err(CallError::Failed(unreadable(), error)),
        Waited::TimedOut => Err(timed_out().into()),
    }
}

pub(crate) fn unreadable() -> Box<Failure> {
    Failure::invalid("The file cannot be read: it may have been changed, moved or deleted. Choose it again.")
}

/// Notifies the caller of what is unwise in an image.
pub(crate) fn warn(call: &Call, header: Header) {
    if let Some(warning) = header.warning() {
        call.notify("warning", &warning);
    }
}
