//! Creates a task, once.

use crisp_upscale_core::api::CreateTask;
use crisp_upscale_core::failure::Charged;
use crisp_upscale_core::task::create::{Create, Input, Output};
use crisp_upscale_core::validate;
use wasm_bindgen::JsValue;

use crate::call::Call;
use crate::error::CallError;
use crate::http::{Request, send};
use crate::js::now;

/// Creates a task for the image; returns its id.
pub(crate) async fn create_task(
    call: &Call,
    model: &str,
    image: String,
    call_back_url: Option<String>,
) -> Result<String, CallError> {
    let given = validate::model(model)
        .and_then(|()| validate::image_url(&image))
        .and_then(|()| call_back_url.as_deref().map_or(Ok(()), validate::call_back_url));
    call.check(given)?;
    let task = CreateTask::upscale(image, call_back_url);
    let mut machine = Create::new(call.deadline, call.context.idempotency_key().is_some());
    play(call, &mut machine, &task).await.map_err(|error| {
        error.with_charged(if call.has_sent.get() { machine.charged() } else { Charged::No })
    })
}

async fn play(call: &Call, machine: &mut Create, task: &CreateTask) -> Result<String, CallError> {
    let mut cause = JsValue::UNDEFINED;
    // Held while the request is in flight.
    let mut lease = None;
    let mut input = Input::Started;
    loop {
        input = match machine.handle(input, now()) {
            Output::AcquireLease { until } => {
                lease = call.acquire_lease(until).await?;
                if lease.is_some() { Input::LeaseAcquired } else { Input::LeaseTimedOut }
            }
            Output::Send { until } => {
                let (response, said) = send(call, &Request::CreateTask(task), until).await?.into_result();
                drop(lease.take());
                cause = said;
                response.map_or_else(Input::NetworkError, Input::Response)
            }
            Output::Sleep { until } => {
                call.sleep(until).await?;
                Input::TimerFired
            }
            Output::Created(task_id) => return Ok(task_id),
            Output::Failed(failure) => return Err(call.error(failure, &cause)),
        };
    }
}
