//! Time and timers of the runtime.

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    // Browsers give a number, Node an object.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, ms: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);
}

/// The longest time that `setTimeout` takes, in milliseconds.
const LONGEST: u64 = i32::MAX as u64;

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

/// A running timer, which is cleared when it is dropped.
pub(crate) struct Timer {
    /// Resolves to `undefined` when the time has come, or the timer is dropped: what Rust keeps for a
    /// promise is freed no sooner than that settles, and a caller in Rust may drop a call in mid-wait.
    pub(crate) promise: Promise,
    resolve: Option<Function>,
    id: JsValue,
}

impl Timer {
    /// A timer to the instant, or as far towards it as a timer can go.
    pub(crate) fn until(instant: u64) -> Self {
        let wait = instant.saturating_sub(now()).min(LONGEST);
        let mut id = JsValue::UNDEFINED;
        let mut settle = None;
        let promise = Promise::new(&mut |resolve, _| {
            id = set_timeout(&resolve, wait as f64);
            settle = Some(resolve);
        });
        Timer { promise, resolve: settle, id }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id);
        if let Some(resolve) = &self.resolve {
            let _ = resolve.call0(&JsValue::UNDEFINED);
        }
    }
}
