//! The JavaScript objects that cross the boundary, as far as we look into them.
//!
//! Every method is `catch`: an exception that nobody catches goes through the executor,
//! and the promise of the call would stay pending for ever.

use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// What `npm/` made of an `Upscaler`'s options: `{ baseUrl, bearer, fetch, durations, fail }`.
    #[derive(Debug)]
    pub type Settings;

    /// Where the API is, with no slash at the end.
    #[wasm_bindgen(method, getter, js_name = baseUrl)]
    pub(crate) fn base_url(this: &Settings) -> String;

    /// The key or token; goes into the `Authorization` of requests to `baseUrl` and nowhere else.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn bearer(this: &Settings) -> String;

    /// The `fetch` to use.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn fetch(this: &Settings) -> Function;

    /// How long the last tasks took, in milliseconds, the oldest first. Every job reads it, and adds to it.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn durations(this: &Settings) -> Array;

    /// Makes the package's `Error` of a failure and its cause.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn fail(this: &Settings, failure: JsValue, cause: &JsValue) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// What one call may say: `{ signal?, timeout?, began?, onUpdate? }`.
    #[derive(Debug)]
    pub type Run;

    /// The caller's own signal. Never handed to `fetch`: see `stop.rs`.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn signal(this: &Run) -> Option<Signal>;

    /// The caller's patience in milliseconds.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn timeout(this: &Run) -> Option<f64>;

    /// When that patience began, on the clock of `performance.now()`; now, where absent.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn began(this: &Run) -> Option<f64>;

    /// Called with each update.
    #[wasm_bindgen(method, getter, js_name = onUpdate)]
    pub(crate) fn on_update(this: &Run) -> Option<Function>;
}

#[wasm_bindgen]
extern "C" {
    /// An `AbortSignal`.
    #[derive(Clone, Debug)]
    pub(crate) type Signal;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn aborted(this: &Signal) -> bool;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn reason(this: &Signal) -> JsValue;

    #[wasm_bindgen(method, catch, js_name = addEventListener)]
    pub(crate) fn add_listener(this: &Signal, event: &str, listener: &Function) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = removeEventListener)]
    pub(crate) fn remove_listener(this: &Signal, event: &str, listener: &Function) -> Result<(), JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// A `Response`, whoever made it: a caller's `fetch` may be a mock, or of another realm.
    pub(crate) type Response;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn status(this: &Response) -> u16;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn headers(this: &Response) -> Option<Headers>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &Response) -> Option<Body>;

    pub(crate) type Headers;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn get(this: &Headers, name: &str) -> Result<Option<String>, JsValue>;

    pub(crate) type Body;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    pub(crate) fn reader(this: &Body) -> Result<Reader, JsValue>;

    pub(crate) type Reader;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn read(this: &Reader) -> Result<Promise, JsValue>;

    pub(crate) type Chunk;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn done(this: &Chunk) -> bool;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn value(this: &Chunk) -> Option<Uint8Array>;
}

#[wasm_bindgen]
extern "C" {
    /// What `fetch` rejects with, as far as it tells what happened.
    pub(crate) type Rejection;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn cause(this: &Rejection) -> Option<Rejection>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn code(this: &Rejection) -> JsValue;
}
