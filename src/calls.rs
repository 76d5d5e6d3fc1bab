//! What can be asked of the API, each thing once for both who ask: JavaScript and Rust.

use crisp_upscale_core::failure::{Charged, Failure};
use crisp_upscale_core::input;
use crisp_upscale_core::job::{Job, Request};
use crisp_upscale_core::result::UpscaleResult;
use crisp_upscale_core::verdict::{Looked, balance, looked};
use crisp_upscale_core::wire::{CreateTask, TaskDetail};

use crate::clock;
use crate::drive::Call;
use crate::error::Halt;
use crate::exchange::{Ask, Came};

/// A job that makes a task for the image, once.
///
/// # Errors
/// What is wrong with what the caller handed in; nothing was sent.
pub(crate) fn create(
    call: &Call,
    model: &str,
    image: String,
    call_back_url: Option<String>,
) -> Result<Job, Halt> {
    call.check(|| {
        input::model(model)?;
        input::image_url(&image)?;
        call_back_url.as_deref().map_or(Ok(()), input::call_back_url)
    })?;
    let request = CreateTask::upscale(image, call_back_url);
    Ok(if call.run.attempt().is_some() {
        Job::create_idempotent(request, call.deadline)
    } else {
        Job::create(request, call.deadline)
    })
}

/// Waits for the end of a task that was made at `created_at` (Unix milliseconds).
///
/// # Errors
/// How the task failed, or why nobody could wait for it any longer; with the task's id.
pub(crate) async fn follow(call: &Call, task_id: String, created_at: f64) -> Result<UpscaleResult, Halt> {
    call.check(|| input::task_id(&task_id))?;
    let age = (js_sys::Date::now() - created_at).max(0.0) as u64;
    let job = Job::follow(task_id.clone(), clock::now().saturating_sub(age), call.deadline);
    call.ended(job, Some(task_id)).await
}

/// `recordInfo`, once.
///
/// # Errors
/// Why there is no record.
pub(crate) async fn record(call: &Call, task_id: String) -> Result<TaskDetail, Halt> {
    call.check(|| input::task_id(&task_id))?;
    let (failure, cause) = match call.send(&Ask::Job(&Request::Look(task_id.clone())), call.deadline).await? {
        Came::Reply(reply, text) => match looked(&reply) {
            Looked::Record(detail) => return Ok(detail),
            Looked::Missing(failure) | Looked::Again(_, failure) | Looked::Failed(failure) => {
                (failure, text.into())
            }
        },
        Came::Fault(fault, error) => (fault.of_read(), error),
    };
    Err(call.error(failure.of_task(&task_id), &cause))
}

/// `credit`, once: the account's balance in credits.
///
/// # Errors
/// Why it is not known.
pub(crate) async fn credits(call: &Call) -> Result<f64, Halt> {
    call.check(|| Ok(()))?;
    let (failure, cause) = match call.send(&Ask::Credit, call.deadline).await? {
        Came::Reply(reply, text) => match balance(&reply) {
            Ok(credits) => return Ok(credits),
            Err(failure) => (failure, text.into()),
        },
        Came::Fault(fault, error) => (fault.of_read(), error),
    };
    Err(call.error(Failure { charged: Charged::No, ..failure }, &cause))
}
