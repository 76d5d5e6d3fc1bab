//! Fetches the file of a result.

use crisp_upscale_core::result::not_fetched;
use wasm_bindgen::JsValue;
use web_sys::Blob;

use crate::call::Call;
use crate::error::CallError;
use crate::http::{Exchange, Request, send};

/// The file, as a `Blob`. It is fetched without the key.
pub(crate) async fn download(call: &Call, task_id: &str, url: &str) -> Result<Blob, CallError> {
    let (outcome, cause) = match send(call, &Request::File(url), call.deadline).await? {
        Exchange::Response(responded) => match responded.received.blob() {
            Some(blob) => return Ok(blob),
            None => (Ok(responded.response.status), JsValue::UNDEFINED),
        },
        Exchange::NetworkError(error, cause) => (Err(error), cause),
    };
    Err(call.error(not_fetched(task_id, outcome), &cause))
}
