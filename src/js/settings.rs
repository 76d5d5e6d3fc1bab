//! The objects of `npm/`; `npm/boundary.ts` has their types.

use crisp_upscale_core::endpoints;
use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

#[wasm_bindgen]
extern "C" {
    /// What an `Upscaler` is set up with.
    #[wasm_bindgen(typescript_type = "Settings")]
    #[derive(Clone, Debug)]
    pub type Settings;

    #[wasm_bindgen(method, getter, js_name = baseUrl)]
    fn given_base_url(this: &Settings) -> Option<String>;

    #[wasm_bindgen(method, getter, js_name = uploadBaseUrl)]
    fn given_upload_base_url(this: &Settings) -> Option<String>;

    /// The key, or a function that gives a gateway's token.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn bearer(this: &Settings) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn fetch(this: &Settings) -> Function;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn listen(this: &Settings) -> Function;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn limiter(this: &Settings) -> Option<Limiter>;

    /// How long the last tasks took, in milliseconds, the oldest first. All jobs read it and add to it.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn durations(this: &Settings) -> Array;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn subscribers(this: &Settings) -> Option<Subscribers>;

    /// Whether an error is the one by which Next.js refuses to send a request while it prerenders.
    #[wasm_bindgen(method, getter, js_name = isPrerenderError)]
    pub(crate) fn is_prerender_error(this: &Settings) -> Option<Function>;

    /// What one call is given.
    #[wasm_bindgen(typescript_type = "CallContext")]
    #[derive(Clone, Debug)]
    pub type CallContext;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn signal(this: &CallContext) -> Option<AbortSignal>;

    /// In milliseconds.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn timeout(this: &CallContext) -> Option<f64>;

    /// When the timeout began, as a time of `performance.now()`.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn began(this: &CallContext) -> Option<f64>;

    /// The `Idempotency-Key` of all createTask requests of the call, where the server takes one.
    #[wasm_bindgen(method, getter, js_name = idempotencyKey)]
    pub(crate) fn idempotency_key(this: &CallContext) -> Option<String>;

    #[wasm_bindgen(method, getter, js_name = onUpdate)]
    pub(crate) fn on_update(this: &CallContext) -> Option<Function>;

    /// The state of the rate limit: plain data that several Upscalers may share.
    #[derive(Clone, Debug)]
    pub(crate) type Limiter;

    /// How many requests are in flight, and when those ended that still count.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn counts(this: &Limiter) -> Array;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_counts(this: &Limiter, counts: &Array);

    /// Who is notified of what the server pushes: npm/push.ts.
    #[wasm_bindgen(typescript_type = "Subscribers")]
    #[derive(Clone, Debug)]
    pub type Subscribers;

    /// The path of the event stream, once a response has announced it.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn path(this: &Subscribers) -> Option<String>;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_path(this: &Subscribers, path: &str);

    /// Subscribes to a task, where the server pushes.
    #[wasm_bindgen(method)]
    pub(crate) fn subscribe(this: &Subscribers, task_id: &str) -> Option<Subscription>;

    /// One task's subscription.
    #[derive(Debug)]
    pub(crate) type Subscription;

    /// Takes the oldest notification.
    #[wasm_bindgen(method)]
    pub(crate) fn take(this: &Subscription) -> Option<Notification>;

    /// Settles when there is one to take.
    #[wasm_bindgen(method)]
    pub(crate) fn notified(this: &Subscription) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn unsubscribe(this: &Subscription);

    pub(crate) type Notification;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn kind(this: &Notification) -> NotificationKind;

    /// Of a message.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn text(this: &Notification) -> Option<String>;
}

/// What is notified.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotificationKind {
    /// The stream is open.
    Subscribed = "subscribed",
    /// A message.
    Message = "message",
    /// The stream has ended.
    Lost = "lost",
}

impl Settings {
    /// The API's base URL, with no slash at its end.
    pub(crate) fn base_url(&self) -> String {
        endpoints::base_url(self.given_base_url())
    }

    /// The base URL of uploads, with no slash at its end.
    pub(crate) fn upload_base_url(&self) -> String {
        endpoints::upload_base_url(self.given_upload_base_url(), self.base_url())
    }
}
