//! The JavaScript objects that cross the boundary, as far as we look into them.
//!
//! Every method is `catch`: an exception that nobody catches goes through the executor,
//! and the promise of the call would stay pending for ever.

use crisp_upscale_core::hosts;
use js_sys::{Array, Function, Promise, Set, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// What `npm/` made of an `Upscaler`'s options:
    /// `{ baseUrl?, uploadBaseUrl?, bearer, limiter?, fetch, durations, shared, events, fail }`.
    #[derive(Clone, Debug)]
    pub type Settings;

    /// Where the API is, where the caller says.
    #[wasm_bindgen(method, getter, js_name = baseUrl)]
    fn given_base_url(this: &Settings) -> Option<String>;

    /// Where files are uploaded to, where the caller says.
    #[wasm_bindgen(method, getter, js_name = uploadBaseUrl)]
    fn given_upload_base_url(this: &Settings) -> Option<String>;

    /// The key or token, or a function that promises a token: `(refused?: string) => Promise<string>`.
    /// Goes into the `Authorization` of requests to `baseUrl` and `uploadBaseUrl` and nowhere else.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn bearer(this: &Settings) -> JsValue;

    /// What keeps to the service's limit; absent where somebody else does.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn limiter(this: &Settings) -> Option<Limiter>;

    /// The `fetch` to use.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn fetch(this: &Settings) -> Function;

    /// How long the last tasks took, in milliseconds, the oldest first. Every job reads it, and adds to it.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn durations(this: &Settings) -> Array;

    /// What the server pushes, where it does. The Rust client is not pushed to.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn events(this: &Settings) -> Option<Events>;

    /// The signal as many calls can listen to it at once: see `npm/signal.ts`.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn shared(this: &Settings, signal: &Signal) -> Result<Signal, JsValue>;
}

impl Settings {
    /// Where the API is, with no slash at the end.
    pub(crate) fn base_url(&self) -> String {
        hosts::base_url(self.given_base_url())
    }

    /// Where files are uploaded to, with no slash at the end.
    pub(crate) fn upload_base_url(&self) -> String {
        hosts::upload_base_url(self.given_upload_base_url(), self.base_url())
    }
}

#[wasm_bindgen]
extern "C" {
    /// What one call may say: `{ signal?, timeout?, began?, attempt?, onUpdate? }`.
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

    /// The `Idempotency-Key` of every createTask of the call, where the server takes one.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn attempt(this: &Run) -> Option<String>;

    /// Called with each update.
    #[wasm_bindgen(method, getter, js_name = onUpdate)]
    pub(crate) fn on_update(this: &Run) -> Option<Function>;
}

#[wasm_bindgen]
extern "C" {
    /// What the limit counts, and the queue of those who wait: plain data, which `turn.rs` works on.
    #[derive(Clone)]
    pub(crate) type Limiter;

    #[wasm_bindgen(method, getter, js_name = underWay)]
    pub(crate) fn under_way(this: &Limiter) -> u32;

    #[wasm_bindgen(method, setter, js_name = underWay)]
    pub(crate) fn set_under_way(this: &Limiter, count: u32);

    #[wasm_bindgen(method, getter)]
    pub(crate) fn ended(this: &Limiter) -> Vec<f64>;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_ended(this: &Limiter, instants: Vec<f64>);

    /// The places of those who wait, in the order in which they came.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn queue(this: &Limiter) -> Set<Array>;
}

#[wasm_bindgen]
extern "C" {
    /// `npm/events.ts`: who waits for what the server pushes.
    pub(crate) type Events;

    /// Where the server pushes, under the base URL; absent until it has said so.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn path(this: &Events) -> Option<String>;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_path(this: &Events, path: &str);

    /// An ear for what is pushed of a task; none where the server does not push.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn join(this: &Events, task_id: &str) -> Result<Option<Ear>, JsValue>;

    /// Nobody listens with this one any more.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn leave(this: &Events, ear: &Ear) -> Result<(), JsValue>;

    pub(crate) type Ear;

    /// What was heard: a message, `true` for listening, `false` for broken; `undefined` for nothing.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn take(this: &Ear) -> Result<JsValue, JsValue>;

    /// Resolves to `true` when there is something to take.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn woken(this: &Ear) -> Result<Promise, JsValue>;

    /// The tasks that share a stream.
    #[derive(Debug)]
    pub type Line;

    /// Their ids, all that are to be asked for now.
    #[wasm_bindgen(method, catch, js_name = taskIds)]
    pub(crate) fn task_ids(this: &Line) -> Result<Array, JsValue>;

    /// Hands out a message.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn tell(this: &Line, task_id: &str, text: &str) -> Result<(), JsValue>;
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
    /// A `Blob`, which a `File` is as well.
    #[derive(Debug)]
    pub type Blob;

    /// Its size in bytes.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn size(this: &Blob) -> f64;

    /// A part of it, without a copy; also the whole of it under another type.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn slice(this: &Blob, start: f64, end: f64, media_type: &str) -> Result<Blob, JsValue>;

    #[wasm_bindgen(method, catch, js_name = arrayBuffer)]
    pub(crate) fn array_buffer(this: &Blob) -> Result<Promise, JsValue>;

    /// Fills the bytes with what nobody can guess.
    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    pub(crate) fn random(bytes: &mut [u8]) -> Result<(), JsValue>;
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

    #[wasm_bindgen(method, catch)]
    pub(crate) fn blob(this: &Response) -> Result<Promise, JsValue>;

    pub(crate) type Headers;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn get(this: &Headers, name: &str) -> Result<Option<String>, JsValue>;

    pub(crate) type Body;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    pub(crate) fn reader(this: &Body) -> Result<Reader, JsValue>;

    pub(crate) type Reader;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn read(this: &Reader) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn cancel(this: &Reader) -> Result<Promise, JsValue>;

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

    #[wasm_bindgen(method, getter)]
    pub(crate) fn syscall(this: &Rejection) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn message(this: &Rejection) -> JsValue;

    /// Of an `AggregateError`.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn errors(this: &Rejection) -> JsValue;
}
