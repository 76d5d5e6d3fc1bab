//! Waits for a turn to make a task, by the limiter that Upscalers may share.

use crisp_upscale_core::limiter::{Limiter as Rule, Rate};
use js_sys::{Array, Function, Promise};
use wasm_bindgen::{JsCast, JsValue};

use crate::clock::{self, Timer};
use crate::js::Limiter;
use crate::stop::Stop;

/// A turn that was taken. It ends when it is dropped, however the request ended.
pub(crate) struct Turn(Limiter);

impl Turn {
    /// Waits until a task may be made; `None` where the instant `until` or the caller's signal comes first.
    pub(crate) async fn take(limiter: Limiter, stop: &Stop, until: u64) -> Option<Self> {
        let place = Place::join(&limiter);
        loop {
            let now = clock::now();
            if now >= until || stop.reason().is_some() {
                return None;
            }
            // Whoever is not the first is woken when it is.
            let again = if place.is_first() {
                match with(&limiter, |rule| rule.start(Rate::DOCUMENTED, now)) {
                    Ok(()) => return Some(Turn(limiter.clone())),
                    Err(free) => free.map_or(until, |free| free.min(until)),
                }
            } else {
                until
            };
            let woken = place.woken();
            let timer = Timer::until(again);
            let _ = stop.race(&woken, &timer).await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        with(&self.0, |rule| rule.end(clock::now()));
        wake_first(&self.0);
    }
}

/// A place in the queue, given up when it is dropped.
struct Place<'a> {
    limiter: &'a Limiter,
    /// Holds what wakes whoever waits here.
    waker: Array,
}

impl<'a> Place<'a> {
    fn join(limiter: &'a Limiter) -> Self {
        let waker = Array::new();
        limiter.queue().add(&waker);
        Place { limiter, waker }
    }

    fn is_first(&self) -> bool {
        first(self.limiter).as_ref() == Some(&self.waker)
    }

    /// Resolves when the place is to be looked at again.
    fn woken(&self) -> Promise {
        Promise::new(&mut |resolve, _| self.waker.set(0, resolve.into()))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let first = self.is_first();
        self.limiter.queue().delete(&self.waker);
        if first {
            wake_first(self.limiter);
        }
    }
}

/// The waker of whoever came first.
fn first(limiter: &Limiter) -> Option<Array> {
    let first = limiter.queue().values().next().ok()?;
    (!first.done()).then(|| first.value())
}

fn wake_first(limiter: &Limiter) {
    let waker = first(limiter).map(|waker| waker.get(0));
    if let Some(wake) = waker.as_ref().and_then(|waker| waker.dyn_ref::<Function>()) {
        let _ = wake.call0(&JsValue::UNDEFINED);
    }
}

/// The rule, over what the JavaScript object holds.
fn with<T>(limiter: &Limiter, rule: impl FnOnce(&mut Rule) -> T) -> T {
    let ended = limiter.ended().into_iter().map(|instant| instant as u64).collect();
    let mut state = Rule { under_way: limiter.under_way(), ended };
    let value = rule(&mut state);
    limiter.set_under_way(state.under_way);
    limiter.set_ended(state.ended.into_iter().map(|instant| instant as f64).collect());
    value
}
