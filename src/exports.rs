//! What JavaScript calls: free functions over plain data, so that nobody has to free Rust memory
//! there. Every function rejects with the caller's own abort reason or with what `settings.fail`
//! made of a failure, and with nothing else.

use crisp_upscale_core::job::Update;
use crisp_upscale_core::repeat;
use js_sys::Date;
use wasm_bindgen::prelude::*;

use crate::drive::{Call, to_js};
use crate::error::{Halt, UpscaleError};
use crate::js::{Blob, Line, Run, Settings};
use crate::listen::hear;
use crate::{calls, file};

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
    let made = async { call.made(calls::create(&call, &model, image, call_back_url)?).await };
    let task_id = made.await.map_err(|halt| thrown(&call.settings, halt))?;
    to_js(&Update { state: "submitted".to_owned(), task_id })
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
    let result = calls::follow(&call, task_id, created_at).await;
    to_js(&result.map_err(|halt| thrown(&call.settings, halt))?)
}

/// `recordInfo`, once: resolves to the task's record.
///
/// # Errors
/// Why there is no record.
#[wasm_bindgen(js_name = getTask)]
pub async fn get_task(settings: Settings, task_id: String, run: Run) -> Result<JsValue, JsValue> {
    let call = Call::begin(settings, run)?;
    to_js(&calls::record(&call, task_id).await.map_err(|halt| thrown(&call.settings, halt))?)
}

/// `credit`, once: resolves to the account's balance in credits.
///
/// # Errors
/// Why it is not known.
#[wasm_bindgen]
pub async fn credits(settings: Settings, run: Run) -> Result<f64, JsValue> {
    let call = Call::begin(settings, run)?;
    calls::credits(&call).await.map_err(|halt| thrown(&call.settings, halt))
}

/// Checks a file and uploads it; resolves to its URL. Tells the updates `warning`, `uploading` and `uploaded`.
///
/// # Errors
/// What is wrong with the file, before anything is sent; or why it could not be uploaded. Nothing
/// is charged either way.
#[wasm_bindgen]
pub async fn upload(settings: Settings, file: Blob, run: Run) -> Result<String, JsValue> {
    let call = Call::begin(settings, run)?;
    crate::upload::upload(&call, &file).await.map_err(|halt| thrown(&call.settings, halt))
}

/// A look at an image before anything is sent to the API. Where it cannot be seen from here, nobody
/// can say anything against it.
///
/// # Errors
/// `invalid-input`: its host refuses, or the file is not one that the service takes.
#[wasm_bindgen]
pub async fn preflight(settings: Settings, image: String, run: Run) -> Result<(), JsValue> {
    let call = Call::begin(settings, run)?;
    file::preflight(&call, &image).await.map_err(|halt| thrown(&call.settings, halt))
}

/// A result's file, as a `Blob`.
///
/// # Errors
/// Why it could not be fetched; with the task's id.
#[wasm_bindgen]
pub async fn download(
    settings: Settings,
    task_id: String,
    url: String,
    run: Run,
) -> Result<JsValue, JsValue> {
    let call = Call::begin(settings, run)?;
    file::download(&call, &task_id, &url).await.map_err(|halt| thrown(&call.settings, halt))
}

/// Whether an `idempotencyKey` that was first used at `created_at` (Unix milliseconds) is forgotten.
#[wasm_bindgen(js_name = isKeyOver)]
pub fn is_key_over(created_at: f64) -> bool {
    repeat::is_over(created_at, Date::now())
}

/// Checks that a call for `image` may go on with what an earlier one with its `idempotencyKey` began, for
/// the image `earlier`; see [`repeat::goes_on`].
///
/// # Errors
/// Why it may not.
#[wasm_bindgen(js_name = checkRepeat)]
pub fn check_repeat(settings: &Settings, image: &str, earlier: &str, has_task: bool) -> Result<(), JsValue> {
    repeat::goes_on(image, earlier, has_task).map_err(|failure| {
        thrown(settings, Halt::Failed(UpscaleError { failure, cause: JsValue::UNDEFINED }))
    })
}

#[wasm_bindgen]
extern "C" {
    /// Makes the package's `Error` of a failure and its cause.
    #[wasm_bindgen(method, catch)]
    fn fail(this: &Settings, failure: JsValue, cause: &JsValue) -> Result<JsValue, JsValue>;
}

/// What a call that stopped rejects with.
pub(crate) fn thrown(settings: &Settings, halt: Halt) -> JsValue {
    match halt {
        Halt::Failed(UpscaleError { failure, cause }) => {
            match to_js(&failure).and_then(|plain| settings.fail(plain, &cause)) {
                Ok(error) | Err(error) => error,
            }
        }
        Halt::Thrown(reason) => reason,
    }
}

/// Opens one stream for all of a line and tells it what comes, until the stream ends or breaks, or the
/// signal of `run` says that nobody listens any more. After `failures` streams in a row that came to
/// nothing it waits first; resolves to how many there are now.
#[wasm_bindgen]
pub async fn listen(settings: Settings, line: Line, failures: u32, run: Run) -> u32 {
    match Call::begin(settings, run) {
        Ok(call) => hear(&call, line, failures).await,
        Err(_) => failures,
    }
}
