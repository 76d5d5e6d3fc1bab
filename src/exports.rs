//! What JavaScript calls: free functions over plain data, so that nobody has to free Rust memory
//! there. Every promise is rejected with the caller's own abort reason or with what `settings.fail`
//! made of a failure, and with nothing else.
//!
//! All promises are of one type of future: an exported `async fn` would have one of its own each.

use crisp_upscale_core::attempt::{self, Recovery};
use crisp_upscale_core::failure::Failure;
use crisp_upscale_core::hosts;
use crisp_upscale_core::repeat;
use crisp_upscale_core::result::UpscaleResult;
use crisp_upscale_core::wire::TaskDetail;
use js_sys::{Date, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::call::{Act, Call, to_js};
use crate::calls::{Credits, Record};
use crate::error::{Halt, bare};
use crate::file::{Download, Preflight};
use crate::fingerprint::Fingerprint;
use crate::host::{Line, Run, Settings};
use crate::listen::Listen;
use crate::play::Play;
use crate::recover::Recover;
use crate::upload::Upload;

/// Makes a promise of a call that does what `act` makes, which may refuse what the caller handed in.
pub(crate) fn promise(
    settings: Settings,
    run: Run,
    act: impl FnOnce(&Call) -> Result<Box<dyn Act>, Box<Failure>>,
) -> Promise {
    let call = Call::begin(settings, run);
    let act = act(&call);
    settle(call, act)
}

fn settle(call: Call, act: Result<Box<dyn Act>, Box<Failure>>) -> Promise {
    let settings = call.settings.clone();
    future_to_promise(async move {
        let end = match act {
            Ok(mut act) => {
                let end = call.drive(&mut *act).await;
                act.end(&call, end)
            }
            Err(failure) => Err(bare(failure)),
        };
        // Before anybody hears of it.
        drop(call);
        end.map_err(|halt| thrown(&settings, halt))
    })
}

/// `createTask`: makes a task for the image, once. Resolves to the task's id.
///
/// # Errors
/// A failure before anything was sent, a refusal, or `outcome-unknown`.
#[wasm_bindgen(js_name = createTask)]
pub fn create_task(
    settings: Settings,
    run: Run,
    model: String,
    image: String,
    call_back_url: Option<String>,
) -> Promise {
    promise(settings, run, |call| Ok(Box::new(Play::create(call, &model, image, call_back_url)?)))
}

/// Waits for the end of a task that was made at `created_at` (Unix milliseconds); resolves to
/// `[taskId, url, type, width, height, credits, createTime, completeTime, expiresAt]`.
///
/// # Errors
/// How the task failed, or why nobody could wait for it any longer; with the task's id.
#[wasm_bindgen]
pub fn follow(settings: Settings, run: Run, task_id: String, created_at: f64) -> Promise {
    promise(settings, run, |call| Ok(Box::new(Play::follow(call, task_id, created_at)?)))
}

/// Asks the gateway what became of the createTask of an entry in the store: see [`crisp_upscale_core::attempt`]. It makes
/// nothing. Resolves to the task's id, or to undefined where no request arrived or can arrive.
///
/// `attempt` is the entry's name: an `idempotencyKey`, or an id of this package's own. `server` is the base URL that its
/// request was sent to; `created_at` and `sends_until` are Unix milliseconds.
///
/// # Errors
/// Why it is still unknown.
#[wasm_bindgen]
pub fn recover(
    settings: Settings,
    run: Run,
    attempt: String,
    created_at: f64,
    sends_until: Option<f64>,
    server: Option<String>,
) -> Promise {
    promise(settings, run, |call| {
        let key = repeat::header(&attempt)?;
        let same_server = server.is_some() && hosts::base_url(server) == call.settings.base_url();
        Ok(Box::new(Recover::new(key, Recovery::new(created_at, sends_until, same_server))))
    })
}

/// Until when a createTask may leave that is about to leave now, in Unix milliseconds, where its entry says another time,
/// `until`; undefined where it may stay as it is. See [`attempt::renewed`].
#[wasm_bindgen(js_name = sendsUntil)]
pub fn sends_until(until: f64) -> Option<f64> {
    attempt::renewed(until, Date::now())
}

/// `recordInfo`, once: resolves to the task's record, `[taskId, model, state, image, resultUrls, failCode, failMsg,
/// createTime, completeTime, creditsConsumed]`.
///
/// # Errors
/// Why there is no record.
#[wasm_bindgen(js_name = getTask)]
pub fn get_task(settings: Settings, run: Run, task_id: String) -> Promise {
    promise(settings, run, |_| Ok(Box::new(Record { task_id, detail: None })))
}

/// `credit`, once: resolves to the account's balance in credits.
///
/// # Errors
/// Why it is not known.
#[wasm_bindgen]
pub fn credits(settings: Settings, run: Run) -> Promise {
    promise(settings, run, |_| Ok(Box::new(Credits::default())))
}

/// Checks a file and uploads it; resolves to its URL. Tells the updates `warning`, `uploading` and `uploaded`.
///
/// # Errors
/// What is wrong with the file, before anything is sent; or why it could not be uploaded. Nothing
/// is charged either way.
#[wasm_bindgen]
pub fn upload(settings: Settings, run: Run, file: JsValue) -> Promise {
    promise(settings, run, |_| Ok(Box::new(Upload::new(file))))
}

/// Checks a file; resolves to a digest of its content, which tells it from another one.
///
/// # Errors
/// What is wrong with the file.
#[wasm_bindgen]
pub fn fingerprint(settings: Settings, run: Run, file: JsValue) -> Promise {
    promise(settings, run, |_| Ok(Box::new(Fingerprint::new(file))))
}

/// A look at an image before anything is sent to the API. Where it cannot be seen from here, nobody
/// can say anything against it.
///
/// # Errors
/// `invalid-input`: its host refuses, or the file is not one that the service takes.
#[wasm_bindgen]
pub fn preflight(settings: Settings, run: Run, image: String) -> Promise {
    promise(settings, run, |_| Ok(Box::new(Preflight::of(image))))
}

/// A result's file, as a `Blob`.
///
/// # Errors
/// Why it could not be fetched; with the task's id.
#[wasm_bindgen]
pub fn download(settings: Settings, run: Run, task_id: String, url: String) -> Promise {
    promise(settings, run, |_| Ok(Box::new(Download { task_id, url, blob: JsValue::UNDEFINED })))
}

/// Opens one stream for all of a line and tells it what comes, until the stream ends or breaks, or the
/// signal of `run` says that nobody listens any more. After `failures` streams in a row that came to
/// nothing it waits first; resolves to how many there are now.
#[wasm_bindgen]
pub fn listen(settings: Settings, run: Run, line: Line, failures: u32) -> Promise {
    promise(settings, run, |_| Ok(Box::new(Listen::new(line, failures))))
}

/// Whether an `idempotencyKey` that was first used at `created_at` (Unix milliseconds) is forgotten.
#[wasm_bindgen(js_name = isKeyOver)]
pub fn is_key_over(created_at: f64) -> bool {
    repeat::is_over(created_at, Date::now())
}

/// The `Idempotency-Key` header for an `idempotencyKey`; see [`repeat::header`]. Gives the package's `Error` where the
/// key is none.
#[wasm_bindgen(js_name = keyHeader)]
pub fn key_header(settings: &Settings, key: &str) -> JsValue {
    match repeat::header(key) {
        Ok(header) => header.into(),
        Err(failure) => thrown(settings, bare(failure)),
    }
}

/// Checks that a call for `image` may go on with what an earlier one with its `idempotencyKey` began, for
/// the image `earlier`; see [`repeat::goes_on`]. Gives the package's `Error` of why it may not.
#[wasm_bindgen(js_name = checkRepeat)]
pub fn check_repeat(settings: &Settings, image: &str, earlier: &str, has_task: bool) -> JsValue {
    match repeat::goes_on(image, earlier, has_task) {
        Ok(()) => JsValue::UNDEFINED,
        Err(failure) => thrown(settings, bare(failure)),
    }
}

/// A record, as [`get_task`] resolves to it.
pub(crate) fn record(task: TaskDetail) -> JsValue {
    to_js(&(
        task.task_id,
        task.model,
        task.state.as_str(),
        task.image,
        task.result_urls,
        task.fail_code,
        task.fail_msg,
        task.create_time,
        task.complete_time,
        task.credits_consumed,
    ))
}

/// A result, as [`follow`] resolves to it.
pub(crate) fn result(result: UpscaleResult) -> JsValue {
    to_js(&(
        result.task_id,
        result.url,
        result.media_type,
        result.width,
        result.height,
        result.credits,
        result.create_time,
        result.complete_time,
        result.expires_at,
    ))
}

/// What a call that stopped rejects with: of a failure, what `npm/` makes of
/// `[kind, code, failCode, status, message, taskId, charged, retryable, resumable]`.
#[expect(clippy::boxed_local, reason = "it comes in its box, from which most of it is moved out")]
pub(crate) fn thrown(settings: &Settings, halt: Halt) -> JsValue {
    let Some(failure) = halt.failure else { return halt.cause };
    let code = failure.code.map(|code| code as f64);
    let failure = to_js(&(
        failure.kind.as_str(),
        code,
        failure.fail_code,
        failure.status,
        failure.message,
        failure.task_id,
        failure.charged.as_str(),
        failure.retryable,
        failure.resumable,
    ));
    settings.fail(failure, &halt.cause)
}
