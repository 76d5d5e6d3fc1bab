//! A file of the caller's: looked at, and uploaded to where the service can fetch it.

use crisp_upscale_core::failure::Failure;
use crisp_upscale_core::image::{HEAD_BYTES, Header};
use crisp_upscale_core::input;
use crisp_upscale_core::job::Event;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::upload::{Next, Upload};
use crisp_upscale_core::wire::UPLOAD_PATH;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::call::{Call, error_of, wait};
use crate::error::Halt;
use crate::host::{Parsed, form, left, now, random};
use crate::request::Ask;

/// Checks a file and uploads it; gives its URL. Tells the updates `warning`, `uploading` and `uploaded`.
/// The file stays in JavaScript: no more than its head enters our memory.
///
/// # Errors
/// What is wrong with the file, before anything is sent; or why it could not be uploaded. Nothing
/// is charged either way.
pub(crate) async fn upload(call: &Call, file: &JsValue) -> Result<String, Halt> {
    call.check(input::upload_base_url(&call.settings.upload_base_url()))?;
    let unreadable = |cause| call.error(Failure::invalid("The file cannot be read. Choose it again."), &cause);
    let head = wait(call.host.head(file, HEAD_BYTES as u32, left(call.deadline))).await?;
    if head.get("byteLength").is_none() {
        return Err(unreadable(error_of(&head)));
    }
    let size = Parsed(file.clone()).get("size").and_then(|size| size.number()).unwrap_or_default();
    let header = input::file(&Uint8Array::new(&head.0).to_vec(), size as u64)
        .map_err(|failure| call.error(failure, &JsValue::UNDEFINED))?;
    tell_warning(call, header);
    call.host.tell("uploading", "");
    let mut upload = Upload::new(call.deadline);
    let mut event = Event::<Parsed>::Start;
    let mut cause = JsValue::UNDEFINED;
    loop {
        event = match upload.handle(event, now()) {
            Next::Finish(Ok(url)) => {
                call.host.tell("uploaded", &url);
                return Ok(url);
            }
            Next::Finish(Err(failure)) => return Err(call.error(failure, &cause)),
            Next::WaitUntil(instant) => {
                wait(call.host.wait(left(instant), None)).await?;
                Event::Woken
            }
            Next::Send(give_up) => {
                // A name of its own: one used twice would overwrite the first file, and who could guess it could fetch it.
                let mut name = random();
                name.push('.');
                name.push_str(header.format.extension());
                let form = form(UPLOAD_PATH, &name, header.format.mime(), file)
                    .ok_or_else(|| unreadable(JsValue::UNDEFINED))?;
                let (came, said) = call.send(Ask::Upload(&form), give_up).await?.into_event();
                cause = said;
                came
            }
        };
    }
}

pub(crate) fn tell_warning(call: &Call, header: Header) {
    if let Some(warning) = header.warning() {
        call.host.tell("warning", &warning);
    }
}
