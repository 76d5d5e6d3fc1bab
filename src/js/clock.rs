use crisp_upscale_core::task::Instant;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// The instant at which `performance.now()` was 0: late enough that the creation of any task has one, too, which may
/// be older than this process.
const ORIGIN: Instant = 1 << 48;

/// The present.
pub(crate) fn now() -> Instant {
    instant(performance_now())
}

/// The instant of a time of `performance.now()`.
pub(crate) fn instant(time: f64) -> Instant {
    ORIGIN.saturating_add(time as u64)
}

/// The time until an instant, in milliseconds.
pub(crate) fn left(until: Instant) -> f64 {
    until as f64 - ORIGIN as f64 - performance_now()
}
