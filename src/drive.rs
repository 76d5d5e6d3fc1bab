//! Plays a job: does what it says and tells it what came of it.

use crisp_upscale_core::failure::{Failure, redact};
use crisp_upscale_core::input;
use crisp_upscale_core::job::{Event, Job, Next, PATIENCE, Request};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::clock;
use crate::exchange::{Came, exchange};
use crate::js::{Run, Settings};
use crate::parsed::Parsed;
use crate::stop::Stop;

/// How much of a reply that nobody understood goes along in an error's cause, in characters.
const QUOTE: usize = 1024;

/// One call from JavaScript: whom it asks, and when it must stop.
pub(crate) struct Call {
    pub(crate) settings: Settings,
    pub(crate) run: Run,
    pub(crate) stop: Stop,
    pub(crate) deadline: u64,
}

impl Call {
    pub(crate) fn begin(settings: Settings, run: Run) -> Result<Self, JsValue> {
        let stop = Stop::on(run.signal())?;
        let began = run.began().map_or_else(clock::now, clock::instant);
        let patience = run.timeout().map_or(PATIENCE, |timeout| timeout as u64);
        let deadline = began.saturating_add(patience);
        let call = Call { settings, run, stop, deadline };
        match call.stop.reason() {
            Some(reason) => Err(reason),
            None => Ok(call),
        }
    }

    /// Plays the job to its end, or, where the caller wants no more, to its first news;
    /// resolves to either as a plain object.
    ///
    /// # Errors
    /// The caller's abort reason, or the package's `Error`.
    pub(crate) async fn play(&self, mut job: Job, until_news: bool) -> Result<JsValue, JsValue> {
        let mut event = Event::<Parsed>::Start;
        // What the runtime or the server said last, for the error's `cause`.
        let mut cause = JsValue::UNDEFINED;
        loop {
            // Read anew at each step: other jobs of the same `Upscaler` learn meanwhile.
            let seen = self.settings.durations();
            let mut durations = seen.iter().filter_map(|duration| duration.as_f64()).collect();
            let step = job.handle(event, clock::now(), &mut durations);
            if let Some(news) = step.news {
                let news = to_js(&news)?;
                if until_news {
                    return Ok(news);
                }
                if let Some(listener) = self.run.on_update() {
                    listener.call1(&JsValue::UNDEFINED, &news)?;
                }
            }
            event = match step.next {
                Next::Finish(end) => {
                    for (nth, duration) in (0..).zip(durations.iter()) {
                        seen.set(nth, duration.into());
                    }
                    return match *end {
                        Ok(upscaled) => to_js(&upscaled),
                        Err(failure) => Err(self.error(failure, &cause)),
                    };
                }
                Next::WaitUntil(instant) => {
                    self.stop.sleep(instant).await?;
                    Event::Woken
                }
                Next::Send(request, give_up) => match self.send(&request, give_up).await? {
                    Came::Reply(reply, text) => {
                        cause = text.into();
                        Event::Replied(reply)
                    }
                    Came::Fault(fault, error) => {
                        cause = error;
                        Event::Failed(fault)
                    }
                },
            };
        }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// As [`Call::play`].
    pub(crate) async fn send(&self, request: &Request, give_up: u64) -> Result<Came, JsValue> {
        match exchange(&self.settings, &self.stop, request, give_up).await {
            Ok(came) => self.stop.reason().map_or(Ok(came), Err),
            Err(error) => {
                let failure = Failure::invalid("The base URL does not make a valid request. Check it.");
                Err(self.error(failure, &error))
            }
        }
    }

    /// Checks what the caller handed in, before anything is sent.
    ///
    /// # Errors
    /// The package's `Error`.
    pub(crate) fn check(&self, rule: impl FnOnce() -> Result<(), Failure>) -> Result<(), JsValue> {
        input::base_url(&self.settings.base_url())
            .and_then(|()| input::key(&self.settings.bearer()))
            .and_then(|()| rule())
            .map_err(|failure| self.error(failure, &JsValue::UNDEFINED))
    }

    /// The package's `Error` of a failure. The key is taken out, wherever a server echoed it.
    pub(crate) fn error(&self, failure: Failure, cause: &JsValue) -> JsValue {
        let key = self.settings.bearer();
        let cause = match cause.as_string() {
            Some(reply) => redact(&reply, &key).chars().take(QUOTE).collect::<String>().into(),
            None => cause.clone(),
        };
        match to_js(&failure.without(&key)).and_then(|plain| self.settings.fail(plain, &cause)) {
            Ok(error) | Err(error) => error,
        }
    }
}

/// A plain object, as `JSON.parse` would make it.
pub(crate) fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}
