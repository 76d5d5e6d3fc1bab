//! What can be asked of the API, each thing once for both who ask: JavaScript and Rust.

use crisp_upscale_core::failure::{Charged, Failure};
use crisp_upscale_core::input;
use crisp_upscale_core::job::{Job, Upscaled};
use crisp_upscale_core::result::UpscaleResult;
use crisp_upscale_core::verdict::{Looked, balance, looked};
use crisp_upscale_core::wire::{CreateTask, TaskDetail};
use js_sys::Date;

use crate::call::{Call, Came, text_of};
use crate::error::Halt;
use crate::file::described;
use crate::host::now;
use crate::play::Played;
use crate::request::Ask;

/// Makes a task for the image, once; gives its id, and the job to go on with.
///
/// # Errors
/// What is wrong with what the caller handed in, before anything was sent; a refusal; or that nobody knows.
pub(crate) async fn create(
    call: &Call,
    model: &str,
    image: String,
    call_back_url: Option<String>,
) -> Result<(String, Job), Halt> {
    call.check(
        input::model(model)
            .and_then(|()| input::image_url(&image))
            .and_then(|()| call_back_url.as_deref().map_or(Ok(()), input::call_back_url)),
    )?;
    let request = CreateTask::upscale(image, call_back_url);
    let mut job = if call.attempt().is_some() {
        Job::create_idempotent(request, call.deadline)
    } else {
        Job::create(request, call.deadline)
    };
    match call.play(&mut job, None).await? {
        Played::Made(task_id) | Played::Ended(Upscaled { task_id, .. }) => Ok((task_id, job)),
    }
}

/// Waits for the end of a task that was made at `created_at` (Unix milliseconds).
///
/// # Errors
/// How the task failed, or why nobody could wait for it any longer; with the task's id.
pub(crate) async fn follow(call: &Call, task_id: String, created_at: f64) -> Result<UpscaleResult, Halt> {
    call.check(input::task_id(&task_id))?;
    let age = (Date::now() - created_at).max(0.0) as u64;
    let job = Job::follow(task_id.clone(), now().saturating_sub(age), call.deadline);
    ended(call, job, &task_id).await
}

/// Plays the job of a task to its end.
///
/// # Errors
/// As [`follow`].
pub(crate) async fn ended(call: &Call, mut job: Job, task_id: &str) -> Result<UpscaleResult, Halt> {
    loop {
        if let Played::Ended(upscaled) = call.play(&mut job, Some(task_id)).await? {
            return described(call, upscaled).await;
        }
    }
}

/// `recordInfo`, once.
///
/// # Errors
/// Why there is no record.
pub(crate) async fn record(call: &Call, task_id: &str) -> Result<TaskDetail, Halt> {
    call.check(input::task_id(task_id))?;
    let (failure, cause) = match call.send(Ask::Look(task_id), call.deadline).await? {
        Came::Reply(reply, came) => match looked(&reply) {
            Looked::Record(detail) => return Ok(detail),
            Looked::Missing(failure) | Looked::Again(_, failure) | Looked::Failed(failure) => {
                (failure, text_of(&came))
            }
        },
        Came::Fault(fault, error) => (fault.of_read(), error),
    };
    Err(call.error(failure.of_task(task_id), &cause))
}

/// `credit`, once: the account's balance in credits.
///
/// # Errors
/// Why it is not known.
pub(crate) async fn credits(call: &Call) -> Result<f64, Halt> {
    call.check(Ok(()))?;
    let (failure, cause) = match call.send(Ask::Credit, call.deadline).await? {
        Came::Reply(reply, came) => match balance(&reply) {
            Ok(credits) => return Ok(credits),
            Err(failure) => (failure, text_of(&came)),
        },
        Came::Fault(fault, error) => (fault.of_read(), error),
    };
    Err(call.error(Failure { charged: Charged::No, ..failure }, &cause))
}
