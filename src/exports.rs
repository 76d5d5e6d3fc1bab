//! What JavaScript calls. Every function rejects with the caller's own abort reason or
//! with what `settings.fail` made of a failure, and with nothing else.

use crisp_upscale_core::failure::{Charged, Failure};
use crisp_upscale_core::input;
use crisp_upscale_core::job::{Job, Request};
use crisp_upscale_core::verdict::{Looked, balance, looked};
use crisp_upscale_core::wire::CreateTask;
use wasm_bindgen::prelude::*;

use crate::clock;
use crate::drive::{Call, to_js};
use crate::exchange::{Ask, Came};
use crate::js::{Run, Settings};

/// `createTask`: makes a task for the image, once. Resolves to the update
/// `{ state: "submitted", taskId }`.
///
/// # Errors
/// A failure before anything was sent, a refusal, or `outcome-unknown`.
#[wasm_bindgen(js_name = createTask)]
pub async fn create_task(
    settings: Settings,
    model: String,
    image: String,
    call_back_url: Option<String>,
    run: Run,
) -> Result<JsValue, JsValue> {
    let call = Call::begin(settings, run)?;
    call.check(|| {
        input::model(&model)?;
        input::image_url(&image)?;
        call_back_url.as_deref().map_or(Ok(()), input::call_back_url)
    })?;
    let request = CreateTask::upscale(image, call_back_url);
    let job = if call.run.attempt().is_some() {
        Job::create_idempotent(request, call.deadline)
    } else {
        Job::create(request, call.deadline)
    };
    call.play(job, None).await
}

/// Waits for the end of a task that was made at `created_at` (Unix milliseconds); resolves to
/// `{ taskId, url, type, width, height, credits, createTime, completeTime, expiresAt }`.
///
/// # Errors
/// How the task failed, or why nobody could wait for it any longer; with the task's id.
#[wasm_bindgen]
pub async fn follow(
    settings: Settings,
    task_id: String,
    created_at: f64,
    run: Run,
) -> Result<JsValue, JsValue> {
    let call = Call::begin(settings, run)?;
    call.check(|| input::task_id(&task_id))?;
    let age = (js_sys::Date::now() - created_at).max(0.0) as u64;
    let job = Job::follow(task_id.clone(), clock::now().saturating_sub(age), call.deadline);
    call.play(job, Some(&task_id)).await
}

/// `recordInfo`, once: resolves to the task's record.
///
/// # Errors
/// Why there is no record.
#[wasm_bindgen(js_name = getTask)]
pub async fn get_task(settings: Settings, task_id: String, run: Run) -> Result<JsValue, JsValue> {
    let call = Call::begin(settings, run)?;
    call.check(|| input::task_id(&task_id))?;
    let (failure, cause) = match call.send(&Ask::Job(&Request::Look(task_id.clone())), call.deadline).await? {
        Came::Reply(reply, text) => match looked(&reply) {
            Looked::Record(detail) => return to_js(&detail),
            Looked::Missing(failure) | Looked::Again(_, failure) | Looked::Failed(failure) => {
                (failure, text.into())
            }
        },
        Came::Fault(fault, error) => (fault.of_read(), error),
    };
    Err(call.error(failure.of_task(&task_id), &cause))
}

/// `credit`, once: resolves to the account's balance in credits.
///
/// # Errors
/// Why it is not known.
#[wasm_bindgen]
pub async fn credits(settings: Settings, run: Run) -> Result<f64, JsValue> {
    let call = Call::begin(settings, run)?;
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
