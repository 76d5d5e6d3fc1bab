//! What `npm/callback.ts` asks of the rules in [`crisp_upscale_core::webhook`]. It goes the way from
//! one to the next itself, so that a page that receives no callbacks need not load that way.

use crisp_upscale_core::job::Request;
use crisp_upscale_core::webhook::{self, Claim, Opened, PATIENCE, Posted, Said};
use js_sys::{Array, Date, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::clock;
use crate::drive::{Call, to_js};
use crate::exchange::{Ask, Came};
use crate::exports::thrown;
use crate::file::described;
use crate::js::{Run, Settings};
use crate::parsed::Parsed;

/// Opens a callback: gives `[claims, signature, otherwise]` of [`webhook::Opened`], where a claim is
/// `[taskId, message]`; or the word for why it is refused; or `undefined` where the tolerance, in
/// seconds, is none. The body is left out where it is longer than is read.
#[wasm_bindgen(js_name = openCallback)]
pub fn open_callback(
    method: &str,
    timestamp: Option<String>,
    signature: Option<String>,
    body: Option<String>,
    signed: bool,
    tolerance: Option<f64>,
) -> JsValue {
    let Some(window) = webhook::window(tolerance) else { return JsValue::UNDEFINED };
    let posted = Posted {
        method,
        timestamp: timestamp.as_deref(),
        signature: signature.as_deref(),
        body: body.as_deref(),
    };
    match webhook::open::<Parsed>(posted, signed.then_some(window), Date::now() as u64) {
        Ok(Opened { claims, signature, otherwise }) => {
            let claim = |claim: Claim| Array::of2(&claim.task_id.into(), &claim.message.into());
            let claims: Array = claims.into_iter().map(claim).collect();
            let signature = signature.map(|bytes| Uint8Array::from(bytes.as_slice()));
            Array::of3(&claims, &signature.into(), &otherwise.as_str().into()).into()
        }
        Err(refusal) => refusal.as_str().into(),
    }
}

/// Reads the record of a callback's task: resolves to `[kind, what]`, where `what` is the result, the
/// package's `Error`, or the word for why it is refused.
///
/// # Errors
/// The package's `Error` where the client is set up wrongly.
#[wasm_bindgen(js_name = readCallback)]
pub async fn read_callback(settings: Settings, task_id: String, run: Run) -> Result<Array, JsValue> {
    let call = Call::begin(settings, run)?;
    call.check(|| Ok(())).map_err(|halt| thrown(&call.settings, halt))?;
    let give_up = clock::now().saturating_add(PATIENCE);
    let (said, cause) = match call
        .send(&Ask::Job(&Request::Look(task_id.clone())), give_up)
        .await
        .map_err(|halt| thrown(&call.settings, halt))?
    {
        Came::Reply(reply, text) => (Said::of_reply(&task_id, &reply), text.into()),
        Came::Fault(fault, error) => (Said::Later(fault.of_read().of_task(&task_id)), error),
    };
    let (kind, what) = match said {
        Said::Success(upscaled) => ("success", to_js(&described(&call, upscaled).await?)?),
        Said::Failed(failure) => ("failed", thrown(&call.settings, call.error(failure, &cause))),
        Said::Later(failure) => ("later", thrown(&call.settings, call.error(failure, &cause))),
        Said::Refused(refusal) => ("refused", refusal.as_str().into()),
    };
    Ok(Array::of2(&kind.into(), &what))
}

/// The HTTP status for a kind of outcome, or for the word for a refusal.
#[wasm_bindgen(js_name = callbackStatus)]
pub fn callback_status(word: &str) -> u16 {
    webhook::status(word)
}
