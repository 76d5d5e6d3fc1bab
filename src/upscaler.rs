//! What Rust calls.

use core::fmt;
use core::time::Duration;

use crisp_upscale_core::api::{MODEL, TaskDetail};
use crisp_upscale_core::result::UpscaleResult;
use js_sys::{Array, Date, Function, Object, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::call::Call;
use crate::error::UpscaleError;
use crate::js::{CallContext, Limiter, Settings, random_id};
use crate::operations;

/// Enlarges images with Recraft's crisp upscale, in a Rust program that is compiled to WebAssembly.
///
/// Its clones share what it has learned about how long tasks take, and the limit of 20 new tasks in 10 s. So have
/// one for each account.
///
/// **Dropping a future ends the call at once.** A task that was made goes on and is charged, and whether one was
/// made nobody can say of an [`upscale`](Self::upscale) or [`submit`](Self::submit) that was dropped. Keep what
/// `submit` gives, and [`resume`](Self::resume) can be dropped and called again as often as you like.
///
/// ```no_run
/// use crisp_upscale::{UpscaleError, Upscaler};
///
/// # async fn example() -> Result<(), UpscaleError> {
/// let upscaler = Upscaler::new("the key");
/// let result = upscaler.upscale("https://host.example/photo.jpg").await?;
/// let url = result.url;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Upscaler {
    settings: Settings,
    /// Whether a gateway is asked, which knows a request by its `Idempotency-Key`.
    gateway: bool,
    timeout: Option<Duration>,
}

/// What to keep of a task so that it can be resumed: here or elsewhere, at any time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// The task.
    pub task_id: String,
    /// When it was made, in Unix milliseconds on this machine's clock; 0 where it is not known. A task that
    /// is just made may be unknown to the service for a while, and its age tells that from a wrong id.
    pub created_at: f64,
}

impl Upscaler {
    /// With a key of the API. Every visitor of a web page could read it there: have the page ask a
    /// [`gateway`](Self::gateway).
    #[must_use]
    pub fn new(key: &str) -> Self {
        let upscaler = Upscaler { settings: settings(key), gateway: false, timeout: None };
        upscaler.settings.set_limiter(&limiter());
        upscaler
    }

    /// With a gateway at `base_url`, a server of yours that keeps the key, and a token for it.
    ///
    /// Each call has an `Idempotency-Key` and is sent again with the same one when no readable answer came: of all
    /// requests with one key the gateway must make one task. It has to keep to the service's limit, too.
    #[must_use]
    pub fn gateway(base_url: &str, token: &str) -> Self {
        Upscaler { settings: settings(token), gateway: true, timeout: None }.base_url(base_url)
    }

    /// Asks another server than the API, for instance the sandbox. Files go there as well.
    #[must_use]
    pub fn base_url(self, url: &str) -> Self {
        // A copy, since clones hold the same object; what it learned and the limit stay shared.
        let settings: Settings =
            Object::assign(&Object::new(), self.settings.unchecked_ref()).unchecked_into();
        settings.set_base_url(url);
        Upscaler { settings, ..self }
    }

    /// How long a call may take; ten minutes unless told.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Upscaler { timeout: Some(timeout), ..self }
    }

    /// Enlarges an image and waits for the result.
    ///
    /// `image` is the public URL of a jpeg, png or webp of at most 10 MB; of a file, what
    /// [`upload`](Self::upload) gives.
    ///
    /// # Errors
    /// What went wrong, whether it was charged, and the task where one was made.
    pub async fn upscale(&self, image: &str) -> Result<UpscaleResult, UpscaleError> {
        let call = self.creating();
        let task_id = operations::create_task(&call, MODEL, image.to_owned(), None).await?;
        Ok(operations::watch_task(&call, &task_id, Date::now()).await?)
    }

    /// Makes the task, once, and does not wait for its end. `image` is as for [`upscale`](Self::upscale).
    ///
    /// # Errors
    /// As [`upscale`](Self::upscale).
    pub async fn submit(&self, image: &str) -> Result<Ticket, UpscaleError> {
        let task_id = operations::create_task(&self.creating(), MODEL, image.to_owned(), None).await?;
        Ok(Ticket { task_id, created_at: Date::now() })
    }

    /// Waits for the end of a task that was made earlier. Costs nothing.
    ///
    /// # Errors
    /// As [`upscale`](Self::upscale).
    pub async fn resume(&self, ticket: &Ticket) -> Result<UpscaleResult, UpscaleError> {
        Ok(operations::watch_task(&self.call(), &ticket.task_id, ticket.created_at).await?)
    }

    /// How a task stands: one look, without waiting.
    ///
    /// # Errors
    /// Why there is no record.
    pub async fn task(&self, task_id: &str) -> Result<TaskDetail, UpscaleError> {
        Ok(operations::get_task(&self.call(), task_id).await?)
    }

    /// Checks a file by its first bytes and its size, and uploads it, so that the service can fetch it for
    /// a day; gives its URL. Costs nothing.
    ///
    /// # Errors
    /// What is wrong with the file, before anything is sent; or why it could not be uploaded.
    pub async fn upload(&self, file: &web_sys::Blob) -> Result<String, UpscaleError> {
        Ok(operations::upload(&self.call(), file).await?)
    }

    /// Looks at an image by its URL before it is paid for. Where it cannot be fetched from here, as in a page whose
    /// requests its host does not allow, nothing is said against it.
    ///
    /// # Errors
    /// Its host refuses, or the file is not one that the service takes.
    pub async fn preflight(&self, image: &str) -> Result<(), UpscaleError> {
        Ok(operations::preflight(&self.call(), image).await?)
    }

    /// Fetches a result's image, without the key.
    ///
    /// # Errors
    /// Why it could not be fetched. It is paid for and may be fetched again.
    pub async fn download(&self, result: &UpscaleResult) -> Result<web_sys::Blob, UpscaleError> {
        Ok(operations::download(&self.call(), &result.task_id, &result.url).await?)
    }

    /// The account's balance, in credits.
    ///
    /// # Errors
    /// Why it is not known.
    pub async fn credits(&self) -> Result<f64, UpscaleError> {
        Ok(operations::credits(&self.call()).await?)
    }

    fn call(&self) -> Call {
        self.begin(Object::new().unchecked_into())
    }

    /// A call that makes a task.
    fn creating(&self) -> Call {
        let context: CallContext = Object::new().unchecked_into();
        if self.gateway {
            context.set_idempotency_key(&random_id());
        }
        self.begin(context)
    }

    fn begin(&self, context: CallContext) -> Call {
        if let Some(timeout) = self.timeout {
            context.set_timeout(timeout.as_millis() as f64);
        }
        Call::new(self.settings.clone(), context)
    }
}

impl fmt::Debug for Upscaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the settings, which hold the key.
        f.debug_struct("Upscaler").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

fn settings(bearer: &str) -> Settings {
    let settings: Settings = Object::new().unchecked_into();
    settings.set_bearer(bearer);
    settings.set_durations(&Array::new());
    // Where there is none, it cannot be called, and the first call says so.
    let fetch = Reflect::get(&js_sys::global(), &JsValue::from_str("fetch")).unwrap_or_default();
    settings.set_fetch(fetch.unchecked_ref());
    settings
}

fn limiter() -> Limiter {
    let limiter: Limiter = Object::new().unchecked_into();
    limiter.set_counts(&Array::new());
    limiter
}

// The same plain objects as `npm/` hands in.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(method, setter, js_name = baseUrl)]
    fn set_base_url(this: &Settings, url: &str);

    #[wasm_bindgen(method, setter, js_name = bearer)]
    fn set_bearer(this: &Settings, key: &str);

    #[wasm_bindgen(method, setter, js_name = limiter)]
    fn set_limiter(this: &Settings, limiter: &Limiter);

    #[wasm_bindgen(method, setter, js_name = fetch)]
    fn set_fetch(this: &Settings, fetch: &Function);

    #[wasm_bindgen(method, setter, js_name = durations)]
    fn set_durations(this: &Settings, durations: &Array);

    #[wasm_bindgen(method, setter, js_name = timeout)]
    fn set_timeout(this: &CallContext, timeout: f64);

    #[wasm_bindgen(method, setter, js_name = idempotencyKey)]
    fn set_idempotency_key(this: &CallContext, key: &str);
}
