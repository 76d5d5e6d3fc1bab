//! A file of the caller's: looked at, and uploaded to where the service can fetch it.

use crisp_upscale_core::failure::Failure;
use crisp_upscale_core::image::{HEAD_BYTES, Header};
use crisp_upscale_core::input;
use crisp_upscale_core::job::Event;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::upload::{Next, Upload as Rule};
use crisp_upscale_core::wire::UPLOAD_PATH;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do, error_of};
use crate::host::{form, left, now, random};
use crate::request::Ask;

/// Checks a file and uploads it. Tells the updates `warning`, `uploading` and `uploaded`.
/// The file stays in JavaScript: no more than its head enters our memory.
pub(crate) struct Upload {
    file: JsValue,
    /// Nothing until the file was looked at.
    begun: Option<(Header, Rule)>,
    /// Where the file can be fetched.
    pub(crate) url: String,
}

impl Upload {
    pub(crate) fn new(file: JsValue) -> Self {
        Upload { file, begun: None, url: String::new() }
    }

    fn look(&mut self, call: &Call, came: Came) -> Result<Option<Do<'static>>, (Box<Failure>, JsValue)> {
        let failed = |failure| (failure, JsValue::UNDEFINED);
        let Came::Waited(head) = came else {
            call.check(input::upload_base_url(&call.settings.upload_base_url())).map_err(failed)?;
            return Ok(Some(Do::Wait(call.host.head(&self.file, HEAD_BYTES as u32, left(call.deadline)))));
        };
        if head.get("byteLength").is_none() {
            return Err((unreadable(), error_of(&head)));
        }
        let size = crate::host::Parsed(self.file.clone()).number_at("size").unwrap_or_default();
        let header = input::file(&Uint8Array::new(&head.0).to_vec(), size as u64).map_err(failed)?;
        tell_warning(call, header);
        call.host.tell("uploading", "");
        self.begun = Some((header, Rule::new(call.deadline)));
        Ok(None)
    }
}

impl Act for Upload {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        let (mut event, mut cause) = (Event::Start, JsValue::UNDEFINED);
        if self.begun.is_some() {
            (event, cause) = came.into_event();
        } else {
            match self.look(call, came) {
                Ok(None) => {}
                Ok(Some(next)) => return next,
                Err((failure, cause)) => return Do::Fail(failure, cause),
            }
        }
        let Some((header, rule)) = &mut self.begun else { return Do::Done };
        match rule.handle(event, now()) {
            Next::Finish(Ok(url)) => {
                call.host.tell("uploaded", &url);
                self.url = url;
                Do::Done
            }
            Next::Finish(Err(failure)) => Do::Fail(failure, cause),
            Next::WaitUntil(instant) => Do::Wait(call.host.wait(left(instant), None)),
            Next::Send(give_up) => {
                // A name of its own: one used twice would overwrite the first file, and who could guess it could fetch it.
                let mut name = random();
                name.push('.');
                name.push_str(header.format.extension());
                match form(UPLOAD_PATH, &name, header.format.mime(), &self.file) {
                    Some(form) => Do::Send(Ask::Upload(form), give_up),
                    None => Do::Fail(unreadable(), JsValue::UNDEFINED),
                }
            }
        }
    }

    #[cfg(feature = "exports")]
    fn value(&mut self) -> JsValue {
        self.url.as_str().into()
    }
}

fn unreadable() -> Box<Failure> {
    Failure::invalid("The file cannot be read. Choose it again.")
}

pub(crate) fn tell_warning(call: &Call, header: Header) {
    if let Some(warning) = header.warning() {
        call.host.tell("warning", &warning);
    }
}
