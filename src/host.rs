//! JavaScript, as far as we look into it: `host.js`, and what `npm/` hands in.
//!
//! Nothing that is imported from `host.js` throws; see there.

use crisp_upscale_core::hosts;
use crisp_upscale_core::json::Json;
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, Request};

#[wasm_bindgen(module = "/src/host.js")]
extern "C" {
    fn get(value: &JsValue, name: &str) -> Option<JsValue>;

    fn parse(text: &str) -> Option<JsValue>;

    fn number(value: &JsValue) -> f64;

    #[wasm_bindgen(js_name = textAt)]
    fn text_at(value: &JsValue, name: &str) -> Option<String>;

    #[wasm_bindgen(js_name = numberAt)]
    fn number_at(value: &JsValue, name: &str) -> f64;

    #[wasm_bindgen(js_name = isObject)]
    fn is_object(value: &JsValue) -> bool;

    /// A text as JSON.
    pub(crate) fn quote(text: &str) -> String;

    /// A text as a part of a URL.
    pub(crate) fn encode(text: &str) -> String;

    /// 128 random bits, as letters and digits.
    pub(crate) fn random() -> String;

    pub(crate) fn form(path: &str, name: &str, media_type: &str, file: &JsValue) -> Option<JsValue>;

    /// A request has ended that the limiter counts.
    pub(crate) fn wake(limiter: &JsValue);

    /// One call, as JavaScript plays it. What its promises are settled with is said in `host.js`.
    #[wasm_bindgen(js_name = Call)]
    pub(crate) type Host;

    #[wasm_bindgen(constructor, js_class = Call)]
    pub(crate) fn new(settings: &Settings, run: &Run) -> Host;

    #[wasm_bindgen(method)]
    pub(crate) fn cut(this: &Host) -> AbortSignal;

    #[wasm_bindgen(method)]
    pub(crate) fn exchange(this: &Host, request: &Request, ms: f64, want: i32) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn chunk(this: &Host, ms: f64) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn bearer(this: &Host, refused: Option<&str>, ms: f64) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn bytes(this: &Host, file: &JsValue, from: f64, to: f64, ms: f64) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn content(this: &Host, file: &JsValue, ms: f64) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn wait(this: &Host, ms: f64, task_id: Option<&str>) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn queue(this: &Host, limiter: &JsValue, ms: f64) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn ended(this: &Host, limiter: &JsValue, ms: f64) -> Promise;

    #[wasm_bindgen(method)]
    pub(crate) fn through(this: &Host);

    /// The server said where it pushes, under the base URL.
    #[wasm_bindgen(method)]
    pub(crate) fn pushes(this: &Host, path: &str);

    #[wasm_bindgen(method)]
    pub(crate) fn tell(this: &Host, state: &str, of: &str);

    #[wasm_bindgen(method)]
    pub(crate) fn aborted(this: &Host) -> bool;

    #[wasm_bindgen(method)]
    pub(crate) fn deafen(this: &Host);

    #[wasm_bindgen(method)]
    pub(crate) fn leave(this: &Host);
}

#[wasm_bindgen]
extern "C" {
    /// What `npm/` made of an `Upscaler`'s options:
    /// `{ baseUrl?, uploadBaseUrl?, bearer, limiter?, fetch, durations, events?, listen?, fail }`.
    #[derive(Clone, Debug)]
    pub type Settings;

    /// Makes the package's `Error` of a failure and its cause.
    #[wasm_bindgen(method)]
    pub(crate) fn fail(this: &Settings, failure: JsValue, cause: &JsValue) -> JsValue;

    /// How long the last tasks took, in milliseconds, the oldest first. Every job reads it, and adds to it.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn durations(this: &Settings) -> Array;

    /// What one call may say: `{ signal?, timeout?, began?, attempt?, onUpdate? }`.
    #[derive(Debug)]
    pub type Run;

    /// What keeps to the service's limit: plain data, which `turn.rs` works on.
    #[derive(Clone)]
    pub(crate) type Limiter;

    /// How many requests are under way, and when those ended that still count.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn counts(this: &Limiter) -> Array;

    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_counts(this: &Limiter, counts: &JsValue);

    /// The tasks that share a stream: see `npm/events.ts`.
    #[derive(Debug)]
    pub type Line;

    /// Their ids, all that are to be asked for now.
    #[wasm_bindgen(method, js_name = taskIds)]
    pub(crate) fn task_ids(this: &Line) -> Array;

    /// Hands out a message.
    #[wasm_bindgen(method)]
    pub(crate) fn tell(this: &Line, task_id: &str, text: &str);

    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// When `performance.now()` began: long ago, since a task may be older than this process.
const ORIGIN: u64 = 1 << 48;

/// Milliseconds on a clock that never goes back.
pub(crate) fn now() -> u64 {
    instant(performance_now())
}

/// On the same clock, a time of `performance.now()`.
pub(crate) fn instant(time: f64) -> u64 {
    ORIGIN.saturating_add(time as u64)
}

/// How long it is to the instant, in milliseconds.
pub(crate) fn left(until: u64) -> f64 {
    until as f64 - ORIGIN as f64 - performance_now()
}

impl Settings {
    /// Where the API is, with no slash at the end.
    pub(crate) fn base_url(&self) -> String {
        hosts::base_url(text_at(self, "baseUrl"))
    }

    /// Where files are uploaded to, with no slash at the end.
    pub(crate) fn upload_base_url(&self) -> String {
        hosts::upload_base_url(text_at(self, "uploadBaseUrl"), self.base_url())
    }
}

/// What JavaScript holds, read as the rules read JSON. What is absent or null is none.
#[derive(Clone, Debug)]
pub(crate) struct Parsed(pub(crate) JsValue);

impl Json for Parsed {
    fn parse(text: &str) -> Option<Self> {
        parse(text).map(Parsed)
    }

    fn get(&self, name: &str) -> Option<Self> {
        get(&self.0, name).map(Parsed)
    }

    fn items(&self) -> Vec<Self> {
        if Array::is_array(&self.0) { Array::from(&self.0).iter().map(Parsed).collect() } else { Vec::new() }
    }

    fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    fn number(&self) -> Option<f64> {
        Some(number(&self.0)).filter(|number| !number.is_nan())
    }

    fn boolean(&self) -> Option<bool> {
        self.0.as_bool()
    }

    fn text_at(&self, name: &str) -> Option<String> {
        text_at(&self.0, name)
    }

    fn number_at(&self, name: &str) -> Option<f64> {
        Some(number_at(&self.0, name)).filter(|number| !number.is_nan())
    }

    fn is_object(&self) -> bool {
        is_object(&self.0)
    }
}
