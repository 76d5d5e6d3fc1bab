//! Waits for a turn to make a task, by the limiter that Upscalers may share.

use crisp_upscale_core::limiter::{Limiter as Rule, Rate};
use wasm_bindgen::JsValue;

use crate::clock::{self, Timer};
use crate::js::Limiter;
use crate::stop::Stop;

/// A turn that was taken. It ends when it is dropped, however the request ended.
pub(crate) struct Turn(Limiter);

impl Turn {
    /// Waits until a task may be made; `None` where the instant `until` or the caller's signal comes first.
    pub(crate) async fn take(limiter: Limiter, stop: &Stop, until: u64) -> Option<Self> {
        let place = Place::join(&limiter)?;
        loop {
            let now = clock::now();
            if now >= until || stop.reason().is_some() {
                return None;
            }
            // Whoever is not the first is woken when it is.
            let again = if limiter.is_first(&place.key).ok()? {
                match with(&limiter, |rule| rule.start(Rate::DOCUMENTED, now)) {
                    Ok(()) => return Some(Turn(limiter.clone())),
                    Err(free) => free.map_or(until, |free| free.min(until)),
                }
            } else {
                until
            };
            let woken = limiter.woken(&place.key).ok()?;
            let timer = Timer::until(again);
            let _ = stop.race(&woken, &timer).await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        with(&self.0, |rule| rule.end(clock::now()));
        let _ = self.0.wake();
    }
}

/// A place in the queue, given up when it is dropped.
struct Place<'a> {
    limiter: &'a Limiter,
    key: JsValue,
}

impl<'a> Place<'a> {
    fn join(limiter: &'a Limiter) -> Option<Self> {
        Some(Place { limiter, key: limiter.join().ok()? })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let _ = self.limiter.leave(&self.key);
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
