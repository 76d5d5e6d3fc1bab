//! A file of the caller's: looked at, and uploaded to where the service can fetch it.

use crisp_upscale_core::failure::Failure;
use crisp_upscale_core::image::{Format, HEAD_BYTES, Header};
use crisp_upscale_core::input;
use crisp_upscale_core::job::Event;
use crisp_upscale_core::upload::{Next, Upload};
use crisp_upscale_core::wire::UPLOAD_PATH;
use js_sys::Uint8Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::FormData;

use crate::clock::{self, Timer};
use crate::drive::{Call, to_js};
use crate::error::Halt;
use crate::exchange::Ask;
use crate::js::{Blob, random};
use crate::parsed::Parsed;
use crate::stop::Instead;

/// Checks a file and uploads it; resolves to its URL. Tells the updates `warning`, `uploading` and `uploaded`.
///
/// # Errors
/// What is wrong with the file, before anything is sent; or why it could not be uploaded. Nothing
/// is charged either way.
pub(crate) async fn upload(call: &Call, file: &Blob) -> Result<String, Halt> {
    call.check(|| input::upload_base_url(&call.settings.upload_base_url()))?;
    let header = look(call, file).await?;
    tell_warning(call, header)?;
    tell(call, &News { state: "uploading", ..News::default() })?;
    let mut upload = Upload::new(call.deadline);
    let mut event = Event::<Parsed>::Start;
    let mut cause = JsValue::UNDEFINED;
    loop {
        event = match upload.handle(event, clock::now()) {
            Next::Finish(Ok(url)) => {
                tell(call, &News { state: "uploaded", url: Some(&url), ..News::default() })?;
                return Ok(url);
            }
            Next::Finish(Err(failure)) => return Err(call.error(failure, &cause)),
            Next::WaitUntil(instant) => {
                call.stop.sleep(instant).await?;
                Event::Woken
            }
            Next::Send(give_up) => {
                let form = form(file, header.format).map_err(|error| unreadable(call, &error))?;
                let (came, said) = call.send(&Ask::Upload(&form), give_up).await?.into_event();
                cause = said;
                came
            }
        };
    }
}

/// Checks a file by its head; the rest of it never enters our memory.
async fn look(call: &Call, file: &Blob) -> Result<Header, Halt> {
    let timer = Timer::until(call.deadline);
    let head = async {
        let part = file.slice(0.0, HEAD_BYTES as f64, "").map_err(Instead::Rejected)?;
        let bytes = part.array_buffer().map_err(Instead::Rejected)?;
        call.stop.race(&bytes, &timer).await
    };
    let head = head.await;
    if let Some(reason) = call.stop.reason() {
        return Err(reason.into());
    }
    match head {
        Ok(buffer) => input::file(&Uint8Array::new(&buffer).to_vec(), file.size() as u64)
            .map_err(|failure| call.error(failure, &JsValue::UNDEFINED)),
        Err(Instead::Rejected(error)) => Err(unreadable(call, &error)),
        Err(Instead::Stopped) => Err(unreadable(call, &JsValue::UNDEFINED)),
    }
}

fn unreadable(call: &Call, cause: &JsValue) -> Halt {
    call.error(Failure::invalid("The file cannot be read. Choose it again."), cause)
}

/// A form with the file under a name of its own: a name used twice would overwrite the first file,
/// and who could guess it could fetch it.
fn form(file: &Blob, format: Format) -> Result<FormData, JsValue> {
    let mut name = random_name()?;
    name.push('.');
    name.push_str(format.extension());
    let form = FormData::new()?;
    form.append_with_str("uploadPath", UPLOAD_PATH)?;
    form.append_with_str("fileName", &name)?;
    // Named and typed by what it is, and not by what the caller's file claims to be.
    let file = file.slice(0.0, file.size(), format.mime())?;
    form.append_with_blob_and_filename("file", file.unchecked_ref(), &name)?;
    Ok(form)
}

/// 128 random bits, as letters.
pub(crate) fn random_name() -> Result<String, JsValue> {
    let mut bytes = [0; 16];
    random(&mut bytes)?;
    let letters = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|part| char::from(b'a' + part));
    Ok(String::from_iter(letters))
}

/// What happens before there is a task.
#[derive(Default, Serialize)]
struct News<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

pub(crate) fn tell_warning(call: &Call, header: Header) -> Result<(), JsValue> {
    match header.warning() {
        Some(warning) => tell(call, &News { state: "warning", warning: Some(&warning), ..News::default() }),
        None => Ok(()),
    }
}

fn tell(call: &Call, news: &News<'_>) -> Result<(), JsValue> {
    if let Some(listener) = call.run.on_update() {
        listener.call1(&JsValue::UNDEFINED, &to_js(news)?)?;
    }
    Ok(())
}
