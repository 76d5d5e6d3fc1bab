//! What JavaScript calls: free functions over plain data, so that nobody has to free Rust memory
//! there. Every promise is rejected with the caller's own abort reason or with what `settings.fail`
//! made of a failure, and with nothing else.
//!
//! All promises are of one type of future, which halves the size: an exported `async fn` would have one of its own each.

use core::pin::Pin;

use crisp_upscale_core::repeat;
use crisp_upscale_core::result::UpscaleResult;
use js_sys::{Date, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use crate::call::{Call, to_js};
use crate::calls::{Credits, Record};
use crate::error::{Halt, bare};
use crate::file::{Download, Preflight};
use crate::host::{Line, Run, Settings};
use crate::listen::Listen;
use crate::play::Play;
use crate::upload::Upload;

/// Makes a promise of a call's work, which is over when that is.
pub(crate) fn promise<F>(settings: Settings, run: Run, work: impl FnOnce(Call) -> F) -> Promise
where
    F: Future<Output = Result<JsValue, Halt>> + 'static,
{
    fn settle(settings: Settings, work: Pin<Box<dyn Future<Output = Result<JsValue, Halt>>>>) -> Promise {
        future_to_promise(async move { work.await.map_err(|halt| thrown(&settings, halt)) })
    }
    settle(settings.clone(), Box::pin(work(Call::begin(settings, run))))
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
    promise(settings, run, async move |call| {
        let mut play = Play::create(&call, &model, image, call_back_url).map_err(bare)?;
        call.drive(&mut play).await?;
        Ok(play.task_id.into())
    })
}

/// Waits for the end of a task that was made at `created_at` (Unix milliseconds); resolves to
/// `[taskId, url, type, width, height, credits, createTime, completeTime, expiresAt]`.
///
/// # Errors
/// How the task failed, or why nobody could wait for it any longer; with the task's id.
#[wasm_bindgen]
pub fn follow(settings: Settings, run: Run, task_id: String, created_at: f64) -> Promise {
    promise(settings, run, async move |call| {
        let mut play = Play::follow(&call, task_id, created_at).map_err(bare)?;
        call.drive(&mut play).await?;
        Ok(play.result.map(result).unwrap_or_default())
    })
}

/// `recordInfo`, once: resolves to the task's record, `[taskId, model, state, image, resultUrls, failCode, failMsg,
/// createTime, completeTime, creditsConsumed]`.
///
/// # Errors
/// Why there is no record.
#[wasm_bindgen(js_name = getTask)]
pub fn get_task(settings: Settings, run: Run, task_id: String) -> Promise {
    promise(settings, run, async move |call| {
        let mut record = Record { task_id, detail: None };
        call.drive(&mut record).await?;
        let Some(task) = record.detail else { return Ok(JsValue::UNDEFINED) };
        Ok(to_js(&(
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
        )))
    })
}

/// `credit`, once: resolves to the account's balance in credits.
///
/// # Errors
/// Why it is not known.
#[wasm_bindgen]
pub fn credits(settings: Settings, run: Run) -> Promise {
    promise(settings, run, async move |call| {
        let mut credits = Credits::default();
        call.drive(&mut credits).await?;
        Ok(credits.0.into())
    })
}

/// Checks a file and uploads it; resolves to its URL. Tells the updates `warning`, `uploading` and `uploaded`.
///
/// # Errors
/// What is wrong with the file, before anything is sent; or why it could not be uploaded. Nothing
/// is charged either way.
#[wasm_bindgen]
pub fn upload(settings: Settings, run: Run, file: JsValue) -> Promise {
    promise(settings, run, async move |call| {
        let mut upload = Upload::new(file);
        call.drive(&mut upload).await?;
        Ok(upload.url.into())
    })
}

/// A look at an image before anything is sent to the API. Where it cannot be seen from here, nobody
/// can say anything against it.
///
/// # Errors
/// `invalid-input`: its host refuses, or the file is not one that the service takes.
#[wasm_bindgen]
pub fn preflight(settings: Settings, run: Run, image: String) -> Promise {
    promise(settings, run, async move |call| {
        call.drive(&mut Preflight(image)).await?;
        Ok(JsValue::UNDEFINED)
    })
}

/// A result's file, as a `Blob`.
///
/// # Errors
/// Why it could not be fetched; with the task's id.
#[wasm_bindgen]
pub fn download(settings: Settings, run: Run, task_id: String, url: String) -> Promise {
    promise(settings, run, async move |call| {
        let mut download = Download { task_id, url, blob: JsValue::UNDEFINED };
        call.drive(&mut download).await?;
        Ok(download.blob)
    })
}

/// Opens one stream for all of a line and tells it what comes, until the stream ends or breaks, or the
/// signal of `run` says that nobody listens any more. After `failures` streams in a row that came to
/// nothing it waits first; resolves to how many there are now.
#[wasm_bindgen]
pub fn listen(settings: Settings, run: Run, line: Line, failures: u32) -> Promise {
    promise(settings, run, async move |call| {
        let mut listen = Listen::new(line, failures);
        // How it ended says enough; and nobody is told of an abort who asked for it.
        let _ = call.drive(&mut listen).await;
        Ok(listen.failures(call.host.aborted()).into())
    })
}

/// Whether an `idempotencyKey` that was first used at `created_at` (Unix milliseconds) is forgotten.
#[wasm_bindgen(js_name = isKeyOver)]
pub fn is_key_over(created_at: f64) -> bool {
    repeat::is_over(created_at, Date::now())
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
/// `[kind, code, status, message, taskId, charged, retryable, resumable]`.
#[expect(clippy::boxed_local, reason = "it comes in its box, from which most of it is moved out")]
pub(crate) fn thrown(settings: &Settings, halt: Halt) -> JsValue {
    let Some(failure) = halt.failure else { return halt.cause };
    let code = failure.code.map(|code| code as f64);
    let failure = to_js(&(
        failure.kind.as_str(),
        code,
        failure.status,
        failure.message,
        failure.task_id,
        failure.charged.as_str(),
        failure.retryable,
        failure.resumable,
    ));
    settings.fail(failure, &halt.cause)
}
