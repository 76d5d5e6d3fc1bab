//! Asks a gateway what became of an attempt that was cut off.

use crisp_upscale_core::endpoints;
use crisp_upscale_core::idempotency;
use crisp_upscale_core::task::recover::{Input, Output, Recover};
use js_sys::Date;
use wasm_bindgen::JsValue;

use crate::call::Call;
use crate::error::CallError;
use crate::http::{Request, send};
use crate::js::now;

/// The entry of an attempt in a store.
pub(crate) struct Entry {
    /// Its name: an `idempotencyKey`, or an id of the package's own.
    pub(crate) attempt: String,
    /// When it was written, in Unix milliseconds.
    pub(crate) created_at: f64,
    /// Until when its createTask may have left, in Unix milliseconds.
    pub(crate) sends_until: Option<f64>,
    /// The base URL that it was sent to.
    pub(crate) server: Option<String>,
}

/// The task of the attempt; `None` where its request never arrived and cannot arrive any more.
pub(crate) async fn recover(call: &Call, entry: Entry) -> Result<Option<String>, CallError> {
    call.check(Ok(()))?;
    let key = idempotency::header(&entry.attempt)?;
    let same_server = entry.server.is_some() && endpoints::base_url(entry.server) == call.settings.base_url();
    let mut machine = Recover::new(entry.created_at, entry.sends_until, same_server, call.deadline);
    let mut cause = JsValue::UNDEFINED;
    let mut input = Input::Started;
    loop {
        input = match machine.handle(input, now(), Date::now()) {
            Output::Ask { until } => {
                let (response, said) = send(call, &Request::Attempt(&key), until).await?.into_result();
                cause = said;
                response.map_or_else(Input::NetworkError, Input::Response)
            }
            Output::Sleep { until } => {
                call.sleep(until).await?;
                Input::TimerFired
            }
            Output::Created(task_id) => return Ok(Some(task_id)),
            Output::NeverArrived => return Ok(None),
            Output::Failed(failure) => return Err(call.error(failure, &cause)),
        };
    }
}
