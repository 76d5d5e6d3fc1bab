//! Files on other hosts than the API: images before they are sent, and results. The key goes to
//! none of them, so redirects may be followed.

use crisp_upscale_core::head::{Head, PREFLIGHT_PATIENCE, RESULT_PATIENCE, total_bytes};
use crisp_upscale_core::input;
use crisp_upscale_core::job::Upscaled;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::result::{UpscaleResult, not_fetched};
use js_sys::{Date, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do};
use crate::host::now;
use crate::request::Ask;
use crate::upload::tell_warning;

/// A look at an image before anything is sent to the API. Where it cannot be seen from here, nobody
/// can say anything against it. Fails with `invalid-input` where its host refuses, or the file is not one that the
/// service takes.
pub(crate) struct Preflight(pub(crate) String);

impl Act for Preflight {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        let checked = match came {
            Came::Nothing => match call.check(input::image_url(&self.0)) {
                Ok(()) => return head(call, &self.0, PREFLIGHT_PATIENCE),
                Err(failure) => Err(failure),
            },
            came => head_of(came).map_or(Ok(None), |head| head.preflight()),
        };
        match checked {
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

/// Has a look at a result.
pub(crate) fn look_at<'a>(call: &Call, url: &'a str) -> Do<'a> {
    head(call, url, RESULT_PATIENCE)
}

/// What a job ended with, and what its file's first bytes say of it: the result is there, whatever its host does.
pub(crate) fn described(upscaled: Upscaled, came: Came) -> UpscaleResult {
    UpscaleResult::of(upscaled, head_of(came).and_then(|head| head.header()), Date::now())
}

fn head<'a>(call: &Call, url: &'a str, patience: u64) -> Do<'a> {
    Do::Fetch(Ask::Head(url), call.deadline.min(now().saturating_add(patience)))
}

/// A file's first bytes; `None` where they cannot be had from here.
fn head_of(came: Came) -> Option<Head> {
    let Came::Reply(reply, came) = came else { return None };
    let bytes = came.get("bytes").map(|bytes| Uint8Array::new(&bytes.0).to_vec()).unwrap_or_default();
    let (range, length) = (came.text_at("range"), came.text_at("length"));
    let total_bytes = total_bytes(reply.status, range.as_deref(), length.as_deref());
    Some(Head { status: reply.status, total_bytes, bytes })
}
