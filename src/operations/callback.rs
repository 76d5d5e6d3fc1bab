//! Verifies a callback by the record of its task, by the rules of [`webhook`].

use crisp_upscale_core::failure::{Charged, Failure};
use crisp_upscale_core::result::UpscaleResult;
use crisp_upscale_core::webhook::{Refusal, TIMEOUT, Verified};
use wasm_bindgen::JsValue;

use super::range_probe::describe;
use crate::call::Call;
use crate::error::CallError;
use crate::http::{Request, send};
use crate::js::now;

/// What a callback means.
pub(crate) enum CallbackMeaning {
    /// The task has succeeded.
    Success(UpscaleResult),
    /// The task has failed.
    Failed(Box<Failure>, JsValue),
    /// It cannot be said now; the service is to call again.
    Later(Box<Failure>, JsValue),
    /// It is not accepted.
    Refused(Refusal),
}

/// Reads the record of a callback's task.
pub(crate) async fn verify_callback(call: &Call, task_id: &str) -> Result<CallbackMeaning, CallError> {
    call.check(Ok(()))?;
    let until = now().saturating_add(TIMEOUT);
    let (response, cause) = send(call, &Request::RecordInfo(task_id), until).await?.into_result();
    let verified = match response {
        Ok(response) => Verified::from_response(task_id, &response),
        Err(error) => Verified::Later(error.failure_of_read(Charged::Unknown).for_task(task_id)),
    };
    Ok(match verified {
        Verified::Success(success) => CallbackMeaning::Success(describe(call, *success).await?),
        Verified::Failed(failure) => {
            let (failure, cause) = call.redacted(failure, &cause);
            CallbackMeaning::Failed(failure, cause)
        }
        Verified::Later(failure) => {
            let (failure, cause) = call.redacted(failure, &cause);
            CallbackMeaning::Later(failure, cause)
        }
        Verified::Refused(refusal) => CallbackMeaning::Refused(refusal),
    })
}
