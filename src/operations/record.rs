//! recordInfo, once.

use crisp_upscale_core::api::TaskDetail;
use crisp_upscale_core::classify::{RecordInfoResponse, record_info};
use crisp_upscale_core::failure::Charged;
use crisp_upscale_core::validate;

use crate::call::Call;
use crate::error::CallError;
use crate::http::{Request, send};

/// The record of a task.
pub(crate) async fn get_task(call: &Call, task_id: &str) -> Result<TaskDetail, CallError> {
    call.check(validate::task_id(task_id))?;
    let (response, cause) = send(call, &Request::RecordInfo(task_id), call.deadline).await?.into_result();
    let failure = match response.map(|response| record_info(&response)) {
        Ok(RecordInfoResponse::Record(detail)) => return Ok(detail),
        Ok(
            RecordInfoResponse::Missing(failure)
            | RecordInfoResponse::Retry { failure, .. }
            | RecordInfoResponse::Failed(failure),
        ) => failure,
        Err(error) => error.failure_of_read(Charged::Unknown),
    };
    Err(call.error(failure.for_task(task_id), &cause))
}
