//! One call: its settings, its deadline, and how it waits.

use core::cell::{Cell, RefCell};

use crisp_upscale_core::failure::{Failure, redact};
use crisp_upscale_core::rate_limit::{Limiter as Rule, Rate};
use crisp_upscale_core::task::{DEFAULT_TIMEOUT, Instant};
use crisp_upscale_core::validate;
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::error::CallError;
use crate::js::{
    CallContext, Limiter, Notification, Place, Settings, Subscription, Waits, enqueue, instant, left, now,
    release, released,
};

/// How much of a response is kept in the cause of an error, in characters.
const MAX_CAUSE: usize = 1024;

/// One call. Dropping it ends whatever it waits for.
pub(crate) struct Call {
    pub(crate) settings: Settings,
    pub(crate) context: CallContext,
    pub(crate) waits: Waits,
    pub(crate) deadline: Instant,
    /// The key, or the tokens that were sent, several where one was renewed: no error repeats them.
    pub(crate) bearers: RefCell<Vec<String>>,
    /// Whether a request that changes something has left.
    pub(crate) has_sent: Cell<bool>,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.waits.end();
    }
}

impl Call {
    pub(crate) fn new(settings: Settings, context: CallContext) -> Self {
        let waits = Waits::new(context.signal().as_ref(), &settings.listen());
        let began = context.began().map_or_else(now, instant);
        let timeout = context.timeout().map_or(DEFAULT_TIMEOUT, |timeout| timeout as u64);
        let deadline = began.saturating_add(timeout);
        Call { settings, context, waits, deadline, bearers: RefCell::default(), has_sent: Cell::new(false) }
    }

    /// Checks the settings, and what the caller has given: before anything is sent.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn check(&self, given: Result<(), Box<Failure>>) -> Result<(), Box<Failure>> {
        validate::base_url(&self.settings.base_url())?;
        // A token that is asked for is checked when it has come.
        if let Some(key) = self.settings.bearer().as_string() {
            validate::key(&key)?;
        }
        given
    }

    /// Tells the caller's listener.
    pub(crate) fn notify(&self, state: &str, detail: &str) {
        if let Some(on_update) = self.context.on_update() {
            // It is a function of npm/, which does not throw.
            drop(on_update.call2(&JsValue::UNDEFINED, &state.into(), &detail.into()));
        }
    }

    /// Sleeps.
    ///
    /// # Errors
    /// The caller's abort.
    pub(crate) async fn sleep(&self, until: Instant) -> Result<(), CallError> {
        self.sleep_unless_notified(until, None).await.map(drop)
    }

    /// Sleeps, unless there is a notification before.
    ///
    /// # Errors
    /// The caller's abort.
    pub(crate) async fn sleep_unless_notified(
        &self,
        until: Instant,
        subscription: Option<&Subscription>,
    ) -> Result<Option<Notification>, CallError> {
        loop {
            let notification = subscription.and_then(Subscription::take);
            let ms = left(until);
            // Several times where a timer fires early, as in Node, or cannot go so far.
            if notification.is_some() || ms <= 0.0 {
                return Ok(notification);
            }
            wait(self.waits.sleep(ms, subscription.map(Subscription::notified))).await?;
        }
    }

    /// Acquires a lease of the rate limit; `None` where the instant comes first.
    ///
    /// # Errors
    /// The caller's abort.
    pub(crate) async fn acquire_lease(&self, until: Instant) -> Result<Option<Lease>, CallError> {
        let Some(limiter) = self.settings.limiter() else { return Ok(Some(Lease(None))) };
        let place = PlaceInQueue(enqueue(&limiter));
        if let Waited::TimedOut = wait(self.waits.sleep(left(until), Some(place.0.turn()))).await? {
            return Ok(None);
        }
        while now() < until {
            match with_rule(&limiter, |rule| rule.acquire(Rate::DOCUMENTED, now())) {
                Ok(()) => return Ok(Some(Lease(Some(limiter)))),
                Err(free_at) => {
                    let ms = left(free_at.map_or(until, |free_at| free_at.min(until)));
                    wait(self.waits.sleep(ms, Some(released(&limiter)))).await?;
                }
            }
        }
        Ok(None)
    }

    /// The error of a failure.
    pub(crate) fn error(&self, failure: Box<Failure>, cause: &JsValue) -> CallError {
        let (failure, cause) = self.redacted(failure, cause);
        CallError::Failed(failure, cause)
    }

    /// A failure and its cause without the key, wherever a server has echoed it.
    pub(crate) fn redacted(&self, mut failure: Box<Failure>, cause: &JsValue) -> (Box<Failure>, JsValue) {
        let mut text = cause.as_string();
        for bearer in self.bearers.borrow().iter() {
            failure = failure.without(bearer);
            text = text.map(|text| redact(&text, bearer));
        }
        let cause = match text {
            Some(mut text) => {
                let end = text.char_indices().nth(MAX_CAUSE).map_or(text.len(), |(at, _)| at);
                text.truncate(end);
                text.into()
            }
            None => cause.clone(),
        };
        (failure, cause)
    }
}

/// A lease of the rate limit, where there is one. It is released when it is dropped, however the request ended.
pub(crate) struct Lease(Option<Limiter>);

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(limiter) = &self.0 {
            with_rule(limiter, |rule| rule.release(now()));
            release(limiter);
        }
    }
}

/// A place in the queue of a limiter. The next call has its turn when it is dropped.
struct PlaceInQueue(Place);

impl Drop for PlaceInQueue {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Applies the rule to the state that the JavaScript object holds.
fn with_rule<T>(limiter: &Limiter, apply: impl FnOnce(&mut Rule) -> T) -> T {
    let mut counts = numbers(&limiter.counts()).map(|count| count as u64).collect::<Vec<_>>().into_iter();
    let in_flight = counts.next().unwrap_or_default() as u32;
    let mut rule = Rule { in_flight, ended: counts.collect() };
    let value = apply(&mut rule);
    let counts = Array::of1(&rule.in_flight.into());
    for ended in rule.ended {
        counts.push(&(ended as f64).into());
    }
    limiter.set_counts(&counts);
    value
}

/// The numbers of an array.
pub(crate) fn numbers(array: &Array) -> impl Iterator<Item = f64> {
    array.iter().filter_map(|number| number.as_f64())
}

/// What a wait ended with.
pub(crate) enum Waited {
    /// The value.
    Value(JsValue),
    /// What was thrown in its place.
    Failed(JsValue),
    /// The time was over first.
    TimedOut,
}

/// Waits for a promise of `waits.js`.
///
/// # Errors
/// The caller's abort.
pub(crate) async fn wait(promise: Promise) -> Result<Waited, CallError> {
    let waited: JsWaited = JsFuture::from(promise).await.map_err(CallError::aborted)?.unchecked_into();
    Ok(match (waited.timed_out(), waited.failed()) {
        (Some(_), _) => Waited::TimedOut,
        (_, Some(_)) => Waited::Failed(waited.error()),
        _ => Waited::Value(waited.value()),
    })
}

#[wasm_bindgen]
extern "C" {
    type JsWaited;

    #[wasm_bindgen(method, getter, js_name = timedOut)]
    fn timed_out(this: &JsWaited) -> Option<bool>;

    #[wasm_bindgen(method, getter)]
    fn failed(this: &JsWaited) -> Option<bool>;

    #[wasm_bindgen(method, getter)]
    fn error(this: &JsWaited) -> JsValue;

    #[wasm_bindgen(method, getter)]
    fn value(this: &JsWaited) -> JsValue;
}
