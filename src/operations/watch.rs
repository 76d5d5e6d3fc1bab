//! Watches a task to its end.

use crisp_upscale_core::api::Response;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::result::UpscaleResult;
use crisp_upscale_core::schedule::Durations;
use crisp_upscale_core::task::TaskSuccess;
use crisp_upscale_core::task::watch::{Input, Output, Watch};
use crisp_upscale_core::validate;
use js_sys::Date;
use wasm_bindgen::prelude::*;

use super::range_probe::describe;
use crate::call::{Call, numbers};
use crate::error::CallError;
use crate::http::{Request, send};
use crate::js::{JsonValue, Notification, NotificationKind, Subscription, now};

/// Waits for the end of a task that was created at `created_at` (Unix milliseconds; 0 where that is not known), and
/// notifies the caller of its states.
pub(crate) async fn watch_task(
    call: &Call,
    task_id: &str,
    created_at: f64,
) -> Result<UpscaleResult, CallError> {
    call.check(validate::task_id(task_id))?;
    let success = play(call, task_id, created_at).await?;
    describe(call, success).await
}

async fn play(call: &Call, task_id: &str, created_at: f64) -> Result<TaskSuccess, CallError> {
    let age = (Date::now() - created_at).max(0.0) as u64;
    let mut machine = Watch::new(task_id.to_owned(), now().saturating_sub(age), call.deadline);
    let mut cause = JsValue::UNDEFINED;
    let mut subscription = subscribe(call, task_id);
    let pushed = subscription.as_ref().and_then(|subscription| subscription.0.take());
    let mut input = pushed.map_or(Input::Started, |pushed| notified(&pushed, &mut cause));
    loop {
        // Read anew each time, since other jobs of the same Upscaler learn meanwhile.
        let shared = call.settings.durations();
        let mut durations: Durations = numbers(&shared).collect();
        let step = machine.handle(input, now(), &mut durations);
        if let Some(state) = step.state {
            call.notify(state.as_str(), task_id);
        }
        input = match step.output {
            Output::Poll { until } => {
                let (response, said) = send(call, &Request::RecordInfo(task_id), until).await?.into_result();
                cause = said;
                response.map_or_else(Input::NetworkError, Input::Response)
            }
            Output::Sleep { until } => {
                subscription = subscription.or_else(|| subscribe(call, task_id));
                let subscription = subscription.as_ref().map(|subscription| &subscription.0);
                match call.sleep_unless_notified(until, subscription).await? {
                    Some(pushed) => notified(&pushed, &mut cause),
                    None => Input::TimerFired,
                }
            }
            Output::Succeeded(success) => {
                for (nth, duration) in (0..).zip(durations.iter()) {
                    shared.set(nth, duration.into());
                }
                return Ok(*success);
            }
            Output::Failed(failure) => return Err(call.error(failure, &cause)),
        };
    }
}

/// A subscription that ends when it is dropped.
struct Subscribed(Subscription);

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.0.unsubscribe();
    }
}

/// Subscribes to the task, where the server pushes.
fn subscribe(call: &Call, task_id: &str) -> Option<Subscribed> {
    call.settings.subscribers()?.subscribe(task_id).map(Subscribed)
}

/// What the machine is given of a notification. A message is the cause of an error that comes of it.
fn notified(notification: &Notification, cause: &mut JsValue) -> Input<JsonValue> {
    match notification.kind() {
        NotificationKind::Message => {
            let text = notification.text().unwrap_or_default();
            *cause = JsValue::from_str(&text);
            Input::Pushed(Response { status: 200, retry_after: None, body: JsonValue::parse(&text) })
        }
        NotificationKind::Subscribed => Input::Subscribed,
        _ => Input::SubscriptionLost,
    }
}
