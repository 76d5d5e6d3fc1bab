//! Files on other hosts than the API: images before they are sent, and results. The key goes to
//! none of them, so redirects may be followed.

use crisp_upscale_core::job::Upscaled;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::range_probe::{
    Head, Input, Output, PREFLIGHT_PATIENCE, RESULT_PATIENCE, RangeProbe, total_bytes,
};
use crisp_upscale_core::result::{UpscaleResult, not_fetched};
use crisp_upscale_core::validate;
use js_sys::{Date, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do};
use crate::host::{Parsed, left, now};
use crate::request::Ask;
use crate::upload::tell_warning;

/// A look at an image before anything is sent to the API. Where it cannot be seen from here, or its host is busy or
/// has a fault, nobody can say anything against it. Fails with `invalid-input` where its host refuses, or the file is
/// not one that the service takes.
pub(crate) struct Preflight {
    image: String,
    probe: Option<Probe>,
}

impl Preflight {
    pub(crate) fn of(image: String) -> Self {
        Preflight { image, probe: None }
    }
}

impl Act for Preflight {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        let probe = match &mut self.probe {
            Some(probe) => probe,
            none => match call.check(validate::image_url(&self.image)) {
                Ok(()) => none.insert(Probe::of(call, &self.image, PREFLIGHT_PATIENCE)),
                Err(failure) => return Do::Fail(failure, JsValue::UNDEFINED),
            },
        };
        let head = match probe.step(call, came) {
            Ok(head) => head,
            Err(next) => return next,
        };
        match head.map_or(Ok(None), |head| head.preflight()) {
            Ok(header) => {
                if let Some(header) = header {
                    tell_warning(call, header);
                }
                Do::Done
            }
            Err(failure) => Do::Fail(failure, JsValue::UNDEFINED),
        }
    }

    #[cfg(feature = "exports")]
    fn value(&mut self) -> JsValue {
        JsValue::UNDEFINED
    }
}

/// Fetches a result's file, as a `Blob`.
pub(crate) struct Download {
    pub(crate) task_id: String,
    pub(crate) url: String,
    pub(crate) blob: JsValue,
}

impl Act for Download {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        let (came, cause) = match came {
            Came::Reply(reply, came) => match came.get("blob") {
                Some(blob) => {
                    self.blob = blob.0;
                    return Do::Done;
                }
                None => (Ok(reply.status), JsValue::UNDEFINED),
            },
            Came::Fault(fault, error) => (Err(fault), error),
            Came::Nothing | Came::Waited(_) => return Do::Fetch(Ask::File(&self.url), call.deadline),
        };
        Do::Fail(not_fetched(&self.task_id, came), cause)
    }

    #[cfg(feature = "exports")]
    fn value(&mut self) -> JsValue {
        self.blob.clone()
    }
}

/// What a job ended with, and what its file's first bytes say of it: the result is there, whatever its host does.
pub(crate) fn described(upscaled: Upscaled, head: Option<Head>) -> UpscaleResult {
    UpscaleResult::of(upscaled, head.and_then(|head| head.header()), Date::now())
}

/// Plays a [`RangeProbe`] of a file.
pub(crate) struct Probe {
    url: String,
    probe: RangeProbe,
}

impl Probe {
    fn of(call: &Call, url: &str, patience: u64) -> Self {
        let deadline = call.deadline.min(now().saturating_add(patience));
        Probe { url: url.to_owned(), probe: RangeProbe::new(deadline) }
    }

    pub(crate) fn of_result(call: &Call, url: &str) -> Self {
        Probe::of(call, url, RESULT_PATIENCE)
    }

    /// Takes what came; gives the file's first bytes, `None` where they cannot be had from here.
    ///
    /// # Errors
    /// What to do before they are there.
    pub(crate) fn step(&mut self, call: &Call, came: Came) -> Result<Option<Head>, Do<'_>> {
        let input = match came {
            Came::Nothing => Input::Started,
            Came::Waited(_) => Input::TimerFired,
            Came::Fault(..) => Input::NetworkError,
            Came::Reply(reply, came) => Input::Response(head_of(reply.status, &came), reply.retry_after),
        };
        match self.probe.handle(input, now()) {
            Output::Send { ranged } => Err(Do::Fetch(Ask::Head(&self.url, ranged), self.probe.deadline())),
            Output::WaitUntil(instant) => Err(Do::Wait(call.host.wait(left(instant), None))),
            Output::Finish(head) => Ok(head),
        }
    }
}

/// A file's first bytes, as they came.
fn head_of(status: u16, came: &Parsed) -> Head {
    let bytes = came.get("bytes").map(|bytes| Uint8Array::new(&bytes.0).to_vec()).unwrap_or_default();
    let (range, length) = (came.text_at("range"), came.text_at("length"));
    let total_bytes = total_bytes(status, range.as_deref(), length.as_deref());
    Head { status, total_bytes, bytes }
}
