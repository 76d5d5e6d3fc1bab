//! Uploads a file of the caller's to where the service can fetch it.

use crisp_upscale_core::api::UPLOAD_PATH;
use crisp_upscale_core::image::Header;
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::task::upload::{Input, Output, Upload};
use crisp_upscale_core::validate;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, FormData};

use super::file::{check, read, unreadable, value, warn};
use crate::call::{Call, wait};
use crate::error::CallError;
use crate::http::{Request, send};
use crate::js::{left, now, random_id, sendable, upload_form};

/// Checks a file and uploads it; returns its URL. Notifies the caller: `warning`, `uploading`, `uploaded`.
pub(crate) async fn upload(call: &Call, file: &Blob) -> Result<String, CallError> {
    call.check(validate::upload_base_url(&call.settings.upload_base_url()))?;
    let header = check(call, file).await?;
    warn(call, header);
    let file: Blob = value(wait(sendable(&call.waits, file, left(call.deadline))).await?)?.unchecked_into();
    call.notify("uploading", "");
    let url = play(call, &file, header).await?;
    call.notify("uploaded", &url);
    Ok(url)
}

async fn play(call: &Call, file: &Blob, header: Header) -> Result<String, CallError> {
    let mut machine = Upload::new(call.deadline);
    let mut cause = JsValue::UNDEFINED;
    let mut input = Input::Started;
    loop {
        input = match machine.handle(input, now()) {
            Output::Send { until } => {
                let form = form(file, header).ok_or_else(unreadable)?;
                let (response, said) = send(call, &Request::Upload(form), until).await?.into_result();
                cause = said;
                if response.as_ref().is_err_and(|error| *error == NetworkError::Lost) {
                    // A browser says the same of a file that has changed and of a network that is gone.
                    read(call, file, 0.0, 1.0).await?;
                }
                response.map_or_else(Input::NetworkError, Input::Response)
            }
            Output::Sleep { until } => {
                call.sleep(until).await?;
                Input::TimerFired
            }
            Output::Uploaded(url) => return Ok(url),
            Output::Failed(failure) => return Err(call.error(failure, &cause)),
        };
    }
}

/// The form, with a name of its own each time: a name used twice would overwrite the first file, and a name that can be
/// guessed could be fetched.
fn form(file: &Blob, header: Header) -> Option<FormData> {
    let mut name = random_id();
    name.push('.');
    name.push_str(header.format.extension());
    upload_form(UPLOAD_PATH, &name, header.format.mime(), file)
}
