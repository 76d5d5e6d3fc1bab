//! What `npm/` calls: functions over plain data, so that JavaScript has no Rust memory to free. `npm/boundary.ts` has
//! the types of what crosses.
//!
//! A promise resolves to an `Outcome`, also where the call failed or was aborted, and never rejects.

use core::future::Future;
use core::pin::Pin;
use std::rc::Rc;

use crisp_upscale_core::failure::Failure;
use crisp_upscale_core::idempotency;
use crisp_upscale_core::task;
use crisp_upscale_core::webhook::{self, Posted};
use js_sys::{Date, Object, Promise, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::Blob;

use crate::call::Call;
use crate::error::CallError;
use crate::js::{CallContext, JsonValue, Settings, random_id};
use crate::operations::callback::{self, CallbackMeaning};
use crate::operations::recover::Entry;
use crate::operations::{self, EventSink};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"import type {
  CallbackMeaning, CallbackRefusal, CallContext, EventSink, OpenedCallback, Outcome, Settings, Subscribers, TaskDetail, UpscaleResult,
} from "../boundary.js";"#;

/// What an operation ends with.
type Ended = Result<JsValue, CallError>;

/// An operation of one call. All are of one type: each further type of future is code of its own.
type Operation = Pin<Box<dyn Future<Output = Ended>>>;

/// The promise of an operation.
fn outcome(
    settings: Settings,
    context: CallContext,
    operation: impl FnOnce(Rc<Call>) -> Operation,
) -> Promise {
    let call = Rc::new(Call::new(settings, context));
    resolve(operation(call))
}

fn resolve(operation: Operation) -> Promise {
    // With the operation its call is dropped, before the promise resolves.
    future_to_promise(async move { Ok(to_outcome(operation.await)) })
}

/// An `Outcome` of what a call ended with.
fn to_outcome(ended: Ended) -> JsValue {
    match ended {
        Ok(value) => object([("ok", value)]),
        Err(CallError::Failed(failure, cause)) => object([("failure", to_js(&failure)), ("cause", cause)]),
        Err(CallError::Aborted { reason, charged }) => {
            object([("aborted", reason), ("charged", charged.as_str().into())])
        }
    }
}

fn object<const N: usize>(members: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (name, value) in members {
        // A new object takes all.
        drop(Reflect::set(&object, &name.into(), &value));
    }
    object.into()
}

/// Plain data for JavaScript: what is absent is null.
fn to_js(value: &impl Serialize) -> JsValue {
    value.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).unwrap_or_default()
}

/// `createTask`: creates a task for the image, once; its id.
#[wasm_bindgen(js_name = createTask, unchecked_return_type = "Promise<Outcome<string>>")]
pub fn create_task(
    settings: Settings,
    context: CallContext,
    model: String,
    image: String,
    call_back_url: Option<String>,
) -> Promise {
    outcome(settings, context, |call| {
        Box::pin(async move {
            operations::create_task(&call, &model, image, call_back_url).await.map(JsValue::from)
        })
    })
}

/// Waits for the end of a task that was created at `created_at` (Unix milliseconds); its result.
#[wasm_bindgen(js_name = watchTask, unchecked_return_type = "Promise<Outcome<UpscaleResult>>")]
pub fn watch_task(settings: Settings, context: CallContext, task_id: String, created_at: f64) -> Promise {
    outcome(settings, context, |call| {
        Box::pin(async move {
            operations::watch_task(&call, &task_id, created_at).await.map(|result| to_js(&result))
        })
    })
}

/// Asks a gateway what became of the createTask of an entry in the store, which makes nothing: the task's id, or
/// `undefined` where no request has arrived or can arrive. `created_at` and `sends_until` are Unix milliseconds.
#[wasm_bindgen(unchecked_return_type = "Promise<Outcome<string | undefined>>")]
pub fn recover(
    settings: Settings,
    context: CallContext,
    attempt: String,
    created_at: f64,
    sends_until: Option<f64>,
    server: Option<String>,
) -> Promise {
    let entry = Entry { attempt, created_at, sends_until, server };
    outcome(settings, context, |call| {
        Box::pin(async move { operations::recover::recover(&call, entry).await.map(JsValue::from) })
    })
}

/// Until when a createTask may leave that is about to leave now, in Unix milliseconds; `undefined` where its entry, which
/// says `until`, allows it already.
#[wasm_bindgen(js_name = sendsUntil)]
pub fn sends_until(until: f64) -> Option<f64> {
    task::recover::renewed(until, Date::now())
}

/// `recordInfo`, once: the task's record.
#[wasm_bindgen(js_name = getTask, unchecked_return_type = "Promise<Outcome<TaskDetail>>")]
pub fn get_task(settings: Settings, context: CallContext, task_id: String) -> Promise {
    outcome(settings, context, |call| {
        Box::pin(async move { operations::get_task(&call, &task_id).await.map(|detail| to_js(&detail)) })
    })
}

/// `credit`, once: the account's balance in credits.
#[wasm_bindgen(unchecked_return_type = "Promise<Outcome<number>>")]
pub fn credits(settings: Settings, context: CallContext) -> Promise {
    outcome(settings, context, |call| {
        Box::pin(async move { operations::credits(&call).await.map(JsValue::from) })
    })
}

/// Checks a file and uploads it; its URL.
#[wasm_bindgen(unchecked_return_type = "Promise<Outcome<string>>")]
pub fn upload(settings: Settings, context: CallContext, file: Blob) -> Promise {
    outcome(settings, context, |call| {
        Box::pin(async move { operations::upload(&call, &file).await.map(JsValue::from) })
    })
}

/// Checks a file; a digest of its content.
#[wasm_bindgen(unchecked_return_type = "Promise<Outcome<string>>")]
pub fn fingerprint(settings: Settings, context: CallContext, file: Blob) -> Promise {
    outcome(settings, context, |call| {
        Box::pin(async move { operations::fingerprint(&call, &file).await.map(JsValue::from) })
    })
}

/// Checks an image by its URL, before anything is sent to the API.
#[wasm_bindgen(unchecked_return_type = "Promise<Outcome<void>>")]
pub fn preflight(settings: Settings, context: CallContext, image: String) -> Promise {
    outcome(settings, context, |call| {
        Box::pin(async move { operations::preflight(&call, &image).await.map(|()| JsValue::UNDEFINED) })
    })
}

/// Fetches the file of a result.
#[wasm_bindgen(unchecked_return_type = "Promise<Outcome<Blob>>")]
pub fn download(settings: Settings, context: CallContext, task_id: String, url: String) -> Promise {
    outcome(settings, context, |call| {
        Box::pin(async move { operations::download(&call, &task_id, &url).await.map(JsValue::from) })
    })
}

/// Opens one event stream for all tasks of the sink and hands out its messages, until it ends or is aborted. `failures`:
/// consecutive failed streams so far; resolves to how many there are then.
#[wasm_bindgen(js_name = streamEvents, unchecked_return_type = "Promise<Outcome<number>>")]
pub fn stream_events(settings: Settings, context: CallContext, sink: EventSink, failures: u32) -> Promise {
    outcome(settings, context, |call| {
        Box::pin(async move { Ok(operations::stream_events(&call, &sink, failures).await.into()) })
    })
}

/// Reads the record of a callback's task: what the callback means.
#[wasm_bindgen(js_name = readCallbackRecord, unchecked_return_type = "Promise<Outcome<CallbackMeaning>>")]
pub fn read_callback_record(settings: Settings, context: CallContext, task_id: String) -> Promise {
    let failed = |kind: &str, failure: Box<Failure>, cause: JsValue| {
        object([("kind", kind.into()), ("failure", to_js(&failure)), ("cause", cause)])
    };
    outcome(settings, context, |call| {
        Box::pin(async move {
            Ok(match callback::read_record(&call, &task_id).await? {
                CallbackMeaning::Success(result) => {
                    object([("kind", "success".into()), ("result", to_js(&result))])
                }
                CallbackMeaning::Failed(failure, cause) => failed("failed", failure, cause),
                CallbackMeaning::Later(failure, cause) => failed("later", failure, cause),
                CallbackMeaning::Refused(refusal) => {
                    object([("kind", "refused".into()), ("reason", refusal.as_str().into())])
                }
            })
        })
    })
}

/// Opens a callback; or why it is refused; or `undefined` where the tolerance, in seconds, is none. The body is left out
/// where it is longer than is read.
#[wasm_bindgen(js_name = openCallback, unchecked_return_type = "OpenedCallback | CallbackRefusal | undefined")]
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
    match webhook::open::<JsonValue>(posted, signed.then_some(window), Date::now() as u64) {
        Ok(opened) => to_js(&opened),
        Err(refusal) => refusal.as_str().into(),
    }
}

/// The HTTP status for the kind of a callback's outcome, or for a refusal.
#[wasm_bindgen(js_name = callbackStatus)]
pub fn callback_status(word: &str) -> u16 {
    webhook::status(word)
}

/// A new attempt's name: 128 random bits in hexadecimal.
#[wasm_bindgen(js_name = attemptId)]
pub fn attempt_id() -> String {
    random_id()
}

/// Whether an `idempotencyKey` that was first used at `created_at` (Unix milliseconds) has expired.
#[wasm_bindgen(js_name = hasExpired)]
pub fn has_expired(created_at: f64) -> bool {
    idempotency::has_expired(created_at, Date::now())
}

/// The `Idempotency-Key` header for an `idempotencyKey`.
#[wasm_bindgen(js_name = keyHeader, unchecked_return_type = "Outcome<string>")]
pub fn key_header(key: &str) -> JsValue {
    to_outcome(idempotency::header(key).map(JsValue::from).map_err(CallError::from))
}

/// Checks that a call for `image` may continue an earlier one with the same `idempotencyKey`, which was for the image
/// `earlier`.
#[wasm_bindgen(js_name = checkRepeat, unchecked_return_type = "Outcome<void>")]
pub fn check_repeat(image: &str, earlier: &str, has_task: bool) -> JsValue {
    let checked = idempotency::check_repeat(image, earlier, has_task);
    to_outcome(checked.map(|()| JsValue::UNDEFINED).map_err(CallError::from))
}
