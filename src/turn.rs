//! Waits for a turn to make a task, by the limiter that Upscalers may share.

use crisp_upscale_core::json::Json;
use crisp_upscale_core::rate_limit::{Limiter as Rule, Rate};
use wasm_bindgen::JsCast;

use crate::call::{Call, to_js, wait};
use crate::error::Halt;
use crate::host::{Limiter, Parsed, left, now, wake};

/// A turn that was taken. It ends when it is dropped, however the request ended.
pub(crate) struct Turn(Limiter);

impl Turn {
    /// Waits until a task may be made; `None` where the instant `until` comes first, or nobody keeps to a limit.
    ///
    /// # Errors
    /// The caller's abort reason.
    pub(crate) async fn take(call: &Call, until: u64) -> Result<Option<Self>, Halt> {
        let Some(limiter) = Parsed(call.settings.clone().into()).get("limiter") else { return Ok(None) };
        let limiter: Limiter = limiter.0.unchecked_into();
        let waited = wait(call.host.queue(&limiter, left(until))).await?;
        let mut turn = None;
        while !waited.0.is_undefined() && now() < until {
            let again = match with(&limiter, |rule| rule.start(Rate::DOCUMENTED, now())) {
                Ok(()) => {
                    turn = Some(Turn(limiter.clone()));
                    break;
                }
                Err(free) => free.map_or(until, |free| free.min(until)),
            };
            wait(call.host.ended(&limiter, left(again))).await?;
        }
        call.host.through();
        Ok(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        with(&self.0, |rule| rule.end(now()));
        wake(&self.0);
    }
}

/// The rule, over what the JavaScript object holds.
fn with<T>(limiter: &Limiter, rule: impl FnOnce(&mut Rule) -> T) -> T {
    let counts = limiter.counts();
    let mut counts = counts.iter().filter_map(|count| count.as_f64()).map(|count| count as u64);
    let under_way = counts.next().unwrap_or_default() as u32;
    let mut state = Rule { under_way, ended: counts.collect() };
    let value = rule(&mut state);
    let counts = [u64::from(state.under_way)].into_iter().chain(state.ended).map(|count| count as f64);
    limiter.set_counts(&to_js(&counts.collect::<Vec<_>>()));
    value
}
