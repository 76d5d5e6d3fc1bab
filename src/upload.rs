//! A file of the caller's: looked at, and uploaded to where the service can fetch it.

use crisp_upscale_core::api::UPLOAD_PATH;
use crisp_upscale_core::failure::Failure;
use crisp_upscale_core::image::{HEAD_BYTES, Header};
use crisp_upscale_core::job::{Event, Fault};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::upload::{Next, Upload as Rule, late};
use crisp_upscale_core::validate;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do, error_of};
use crate::host::{Parsed, form, left, now, random};
use crate::request::Ask;

/// Why a step failed, and what the runtime said.
type Failed = (Box<Failure>, JsValue);

/// Checks a file and uploads it. Tells the updates `warning`, `uploading` and `uploaded`.
/// The file stays in JavaScript: no more than its head enters our memory.
pub(crate) struct Upload {
    file: JsValue,
    stage: Stage,
    /// Where the file can be fetched.
    pub(crate) url: String,
}

/// How far an upload is.
enum Stage {
    /// Its head is to be read.
    Unread,
    /// Its content is to be had in a form that the runtime can send.
    Checked(Header),
    /// It is sent.
    Sending(Header, Rule),
    /// A request broke off, perhaps since the file has changed, which is being looked at.
    Doubted(Header, Rule, JsValue),
    /// Of no more use.
    Done,
}

impl Upload {
    pub(crate) fn new(file: JsValue) -> Self {
        Upload { file, stage: Stage::Unread, url: String::new() }
    }

    fn advance(&mut self, call: &Call, came: Came) -> Result<Do<'static>, Failed> {
        match (std::mem::replace(&mut self.stage, Stage::Done), came) {
            (Stage::Unread, Came::Waited(head)) => {
                let header = check_file(&self.file, &head)?;
                tell_warning(call, header);
                self.stage = Stage::Checked(header);
                Ok(Do::Wait(call.host.content(&self.file, left(call.deadline))))
            }
            (Stage::Unread, _) => {
                call.check(validate::upload_base_url(&call.settings.upload_base_url())).map_err(bare)?;
                self.stage = Stage::Unread;
                Ok(Do::Wait(read_head(call, &self.file)))
            }
            (Stage::Checked(header), Came::Waited(content)) => {
                self.file = content.get("file").ok_or_else(|| unread(&content))?.0;
                call.host.tell("uploading", "");
                self.send(call, header, Rule::new(call.deadline), Event::Start, JsValue::UNDEFINED)
            }
            // A browser says the same of a file that has changed and of a network that is gone.
            (Stage::Sending(header, rule), Came::Fault(Fault::Lost, error)) => {
                self.stage = Stage::Doubted(header, rule, error);
                Ok(Do::Wait(read_head(call, &self.file)))
            }
            (Stage::Doubted(header, rule, error), Came::Waited(head)) => {
                read(&head)?;
                self.send(call, header, rule, Event::Failed(Fault::Lost), error)
            }
            (Stage::Sending(header, rule), came) => {
                let (event, cause) = came.into_event();
                self.send(call, header, rule, event, cause)
            }
            _ => Ok(Do::Done),
        }
    }

    fn send(
        &mut self,
        call: &Call,
        header: Header,
        mut rule: Rule,
        event: Event<Parsed>,
        cause: JsValue,
    ) -> Result<Do<'static>, Failed> {
        let next = rule.handle(event, now());
        self.stage = Stage::Sending(header, rule);
        match next {
            Next::Finish(Ok(url)) => {
                call.host.tell("uploaded", &url);
                self.url = url;
                Ok(Do::Done)
            }
            Next::Finish(Err(failure)) => Err((failure, cause)),
            Next::WaitUntil(instant) => Ok(Do::Wait(call.host.wait(left(instant), None))),
            Next::Send(give_up) => {
                // A name of its own: one used twice would overwrite the first file, and who could guess it could fetch it.
                let mut name = random();
                name.push('.');
                name.push_str(header.format.extension());
                match form(UPLOAD_PATH, &name, header.format.mime(), &self.file) {
                    Some(form) => Ok(Do::Send(Ask::Upload(form), give_up)),
                    None => Err(bare(unreadable())),
                }
            }
        }
    }
}

impl Act for Upload {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        self.advance(call, came).unwrap_or_else(|(failure, cause)| Do::Fail(failure, cause))
    }

    #[cfg(feature = "exports")]
    fn value(&mut self) -> JsValue {
        self.url.as_str().into()
    }
}

/// Reads a file's first bytes.
pub(crate) fn read_head(call: &Call, file: &JsValue) -> Promise {
    call.host.bytes(file, 0.0, HEAD_BYTES as f64, left(call.deadline))
}

/// Checks a file by its first bytes, as they came of [`read_head`].
pub(crate) fn check_file(file: &JsValue, head: &Parsed) -> Result<Header, Failed> {
    let head = read(head)?;
    validate::file(&head, size(file) as u64).map_err(bare)
}

/// A file's size in bytes.
pub(crate) fn size(file: &JsValue) -> f64 {
    Parsed(file.clone()).number_at("size").unwrap_or_default()
}

/// The bytes that came of a file.
pub(crate) fn read(came: &Parsed) -> Result<Vec<u8>, Failed> {
    match came.get("byteLength") {
        Some(_) => Ok(Uint8Array::new(&came.0).to_vec()),
        None => Err(unread(came)),
    }
}

/// Why nothing came of a file.
fn unread(came: &Parsed) -> Failed {
    if came.0.is_undefined() { bare(late()) } else { (unreadable(), error_of(came)) }
}

fn bare(failure: Box<Failure>) -> Failed {
    (failure, JsValue::UNDEFINED)
}

fn unreadable() -> Box<Failure> {
    Failure::invalid("The file cannot be read: it may have been changed, moved or deleted. Choose it again.")
}

pub(crate) fn tell_warning(call: &Call, header: Header) {
    if let Some(warning) = header.warning() {
        call.host.tell("warning", &warning);
    }
}
