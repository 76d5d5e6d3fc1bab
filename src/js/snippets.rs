//! The JavaScript modules of this folder. None of their functions throws.

use js_sys::{Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, Blob, FormData, Request};

use super::Limiter;

#[wasm_bindgen(module = "/src/js/waits.js")]
extern "C" {
    pub(crate) type Waits;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new(signal: Option<&AbortSignal>, listen: &Function) -> Waits;

    #[wasm_bindgen(method)]
    pub(crate) fn sleep(this: &Waits, ms: f64, promise: Option<Promise>) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn aborted(this: &Waits) -> bool;

    #[wasm_bindgen(method)]
    pub(crate) fn end(this: &Waits);
}

#[wasm_bindgen(module = "/src/js/exchange.js")]
extern "C" {
    pub(crate) fn exchange(
        waits: &Waits,
        fetch: &Function,
        request: &Request,
        ms: f64,
        expected: Expected,
        limit: u32,
    ) -> Promise;

    pub(crate) fn token(waits: &Waits, bearer: &JsValue, refused: Option<&str>, ms: f64) -> Promise;

    #[derive(Clone, Debug)]
    pub(crate) type Received;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn status(this: &Received) -> u16;

    #[wasm_bindgen(method, getter, js_name = retryAfter)]
    pub(crate) fn retry_after(this: &Received) -> Option<String>;

    #[wasm_bindgen(method, getter, js_name = retryIn)]
    pub(crate) fn retry_in(this: &Received) -> f64;

    #[wasm_bindgen(method, getter, js_name = type)]
    pub(crate) fn content_type(this: &Received) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn length(this: &Received) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn range(this: &Received) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn text(this: &Received) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn reader(this: &Received) -> Option<EventReader>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn bytes(this: &Received) -> Option<Uint8Array>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn blob(this: &Received) -> Option<Blob>;

    pub(crate) type EventReader;

    #[wasm_bindgen(method)]
    pub(crate) fn read(this: &EventReader, waits: &Waits, ms: f64) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn cancel(this: &EventReader);
}

/// What of a response is wanted; see `exchange.js`.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// A text.
    Text = "text",
    /// A stream of events; of a response that is none, a text.
    Events = "events",
    /// The first bytes of a file.
    Head = "head",
    /// A file.
    File = "file",
}

#[wasm_bindgen(module = "/src/js/file.js")]
extern "C" {
    #[wasm_bindgen(js_namespace = files, js_name = readPart)]
    pub(crate) fn read_part(waits: &Waits, file: &Blob, from: f64, to: f64, ms: f64) -> Promise;

    #[wasm_bindgen(js_namespace = files)]
    pub(crate) fn sendable(waits: &Waits, file: &Blob, ms: f64) -> Promise;

    #[wasm_bindgen(js_namespace = files, js_name = uploadForm)]
    pub(crate) fn upload_form(path: &str, name: &str, media_type: &str, file: &Blob) -> Option<FormData>;
}

#[wasm_bindgen(module = "/src/js/lease.js")]
extern "C" {
    #[wasm_bindgen(js_namespace = leases)]
    pub(crate) fn enqueue(limiter: &Limiter) -> Place;

    #[wasm_bindgen(js_namespace = leases)]
    pub(crate) fn released(limiter: &Limiter) -> Promise;

    #[wasm_bindgen(js_namespace = leases)]
    pub(crate) fn release(limiter: &Limiter);

    pub(crate) type Place;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn turn(this: &Place) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn leave(this: &Place);
}

#[wasm_bindgen(module = "/src/js/random.js")]
extern "C" {
    #[wasm_bindgen(js_name = randomId)]
    pub(crate) fn random_id() -> String;
}
