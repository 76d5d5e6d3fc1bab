//! Reads the record of a callback's task, by the rules of [`webhook`]. Signatures are verified in `npm/webhook.ts`.

use crisp_upscale_core::failure::{Charged, Failure};
use crisp_upscale_core::result::UpscaleResult;
use crisp_upscale_core::webhook::{Meaning, Refusal, TIMEOUT};
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

/// Reads the record of a callback's task: what the callback means.
pub(crate) async fn read_record(call: &Call, task_id: &str) -> Result<CallbackMeaning, CallError> {
    call.check(Ok(()))?;
    let until = now().saturating_add(TIMEOUT);
    let (response, cause) = send(call, &Request::RecordInfo(task_id), until).await?.into_result();
    let meaning = match response {
        Ok(response) => Meaning::from_response(task_id, &response),
        Err(error) => Meaning::Later(error.failure_of_read(Charged::Unknown).for_task(task_id)),
    };
    Ok(match meaning {
        Meaning::Success(success) => CallbackMeaning::Success(describe(call, *success).await?),
        Meaning::Failed(failure) => {
            let (failure, cause) = call.redacted(failure, &cause);
            CallbackMeaning::Failed(failure, cause)
        }
        Meaning::Later(failure) => {
            let (failure, cause) = call.redacted(failure, &cause);
            CallbackMeaning::Later(failure, cause)
        }
        Meaning::Refused(refusal) => CallbackMeaning::Refused(refusal),
    })
}
