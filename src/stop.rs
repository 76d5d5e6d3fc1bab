//! A caller's `AbortSignal`, which settles a call at once.
//!
//! It is not handed to `fetch`: what `fetch` rejects with is then the caller's reason on
//! some runtimes and another error on others, and gloo-net cannot take every reason.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::clock::{self, Timer};
use crate::js::Signal;

/// Listens to a signal until it is dropped.
pub(crate) struct Stop {
    listening: Option<Listening>,
}

struct Listening {
    signal: Signal,
    /// Resolves to `undefined` when the signal fires. It never rejects, so it may stay unheard.
    fired: Promise,
    listener: Function,
}

/// Why [`Stop::race`] has no value.
pub(crate) enum Instead {
    /// The timer or the signal won.
    Stopped,
    /// The promise was rejected.
    Rejected(JsValue),
}

impl Stop {
    pub(crate) fn on(signal: Option<Signal>) -> Result<Self, JsValue> {
        let Some(signal) = signal else { return Ok(Stop { listening: None }) };
        let mut listener = None;
        let fired = Promise::new(&mut |resolve, _| listener = Some(resolve));
        let Some(listener) = listener else { return Ok(Stop { listening: None }) };
        // Without an argument, so that it resolves to `undefined` and not to the event.
        let listener: Function = listener.bind1(&JsValue::NULL, &JsValue::UNDEFINED).unchecked_into();
        signal.add_listener("abort", &listener)?;
        Ok(Stop { listening: Some(Listening { signal, fired, listener }) })
    }

    /// The caller's reason, once there is one.
    pub(crate) fn reason(&self) -> Option<JsValue> {
        let signal = &self.listening.as_ref()?.signal;
        signal.aborted().then(|| signal.reason())
    }

    /// Waits for the promise, but no longer than the timer and the signal.
    pub(crate) async fn race(&self, promise: &Promise, timer: &Timer) -> Result<JsValue, Instead> {
        let entries = Array::of2(promise, &timer.promise);
        if let Some(listening) = &self.listening {
            entries.push(&listening.fired);
        }
        let value = JsFuture::from(Promise::race(&entries)).await.map_err(Instead::Rejected)?;
        if value.is_undefined() { Err(Instead::Stopped) } else { Ok(value) }
    }

    /// Waits until the instant; `Err` with the caller's reason where it aborts.
    pub(crate) async fn sleep(&self, until: u64) -> Result<(), JsValue> {
        // More than once where a timer fires early, as Node's may, or cannot go so far.
        while clock::now() < until {
            let timer = Timer::until(until);
            let _ = self.race(&timer.promise, &timer).await;
            if let Some(reason) = self.reason() {
                return Err(reason);
            }
        }
        Ok(())
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some(Listening { signal, listener, .. }) = &self.listening {
            let _ = signal.remove_listener("abort", listener);
        }
    }
}
