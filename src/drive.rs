//! Plays a job: does what it says and tells it what came of it.

use std::cell::RefCell;

use crisp_upscale_core::failure::{Failure, redact};
use crisp_upscale_core::input;
use crisp_upscale_core::job::{Event, Fault, Job, Next, PATIENCE};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::bearer::bearer;
use crate::clock;
use crate::exchange::{Ask, Came, Headers, exchange};
use crate::file;
use crate::js::{Run, Settings};
use crate::parsed::Parsed;
use crate::stop::Stop;
use crate::turn::Turn;

/// How much of a reply that nobody understood goes along in an error's cause, in characters.
const QUOTE: usize = 1024;

/// One call from JavaScript: whom it asks, and when it must stop.
pub(crate) struct Call {
    pub(crate) settings: Settings,
    pub(crate) run: Run,
    pub(crate) stop: Stop,
    pub(crate) deadline: u64,
    /// What was sent as Bearer, so that no error repeats it: several where a token was renewed.
    bearers: RefCell<Vec<String>>,
}

impl Call {
    pub(crate) fn begin(settings: Settings, run: Run) -> Result<Self, JsValue> {
        let signal = run.signal().map(|signal| settings.shared(&signal)).transpose()?;
        let stop = Stop::on(signal)?;
        let began = run.began().map_or_else(clock::now, clock::instant);
        let patience = run.timeout().map_or(PATIENCE, |timeout| timeout as u64);
        let deadline = began.saturating_add(patience);
        let call = Call { settings, run, stop, deadline, bearers: RefCell::default() };
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
        // Held while a create is under way.
        let mut turn = None;
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
                        Ok(upscaled) => to_js(&file::described(self, upscaled).await?),
                        Err(failure) => Err(self.error(failure, &cause)),
                    };
                }
                Next::WaitUntil(instant) => {
                    self.stop.sleep(instant).await?;
                    Event::Woken
                }
                Next::TakeTurn(until) => {
                    if let Some(limiter) = self.settings.limiter() {
                        turn = Turn::take(limiter, &self.stop, until).await;
                    }
                    if let Some(reason) = self.stop.reason() {
                        return Err(reason);
                    }
                    Event::Turn
                }
                Next::Send(request, give_up) => {
                    let came = self.send(&Ask::Job(&request), give_up).await?;
                    drop(turn.take());
                    match came {
                        Came::Reply(reply, text) => {
                            cause = text.into();
                            Event::Replied(reply)
                        }
                        Came::Fault(fault, error) => {
                            cause = error;
                            Event::Failed(fault)
                        }
                    }
                }
            };
        }
    }

    /// Sends one request; where the token is refused and there is a new one, once more with that.
    ///
    /// # Errors
    /// As [`Call::play`].
    pub(crate) async fn send(&self, ask: &Ask<'_>, give_up: u64) -> Result<Came, JsValue> {
        let came = match bearer(&self.settings, &self.stop, None, give_up).await {
            Ok(token) => {
                let came = self.send_with(&token, ask, give_up).await?;
                match self.renewed(&came, &token, give_up).await {
                    Some(token) => self.send_with(&token, ask, give_up).await?,
                    None => came,
                }
            }
            Err(error) => Came::Fault(Fault::NoToken, error),
        };
        self.stop.reason().map_or(Ok(came), Err)
    }

    async fn send_with(&self, bearer: &str, ask: &Ask<'_>, give_up: u64) -> Result<Came, JsValue> {
        if self.bearers.borrow().last().is_none_or(|last| last != bearer) {
            self.bearers.borrow_mut().push(bearer.to_owned());
        }
        let attempt = self.run.attempt();
        let headers = Headers { bearer, attempt: attempt.as_deref() };
        exchange(&self.settings, &self.stop, ask, headers, give_up).await.map_err(|error| {
            let failure = Failure::invalid("The base URL does not make a valid request. Check it.");
            self.error(failure, &error)
        })
    }

    /// Another token in place of one that the server refused. The refusal made nothing.
    async fn renewed(&self, came: &Came, refused: &str, give_up: u64) -> Option<String> {
        if !came.is_unauthorized() || self.stop.reason().is_some() {
            return None;
        }
        let token = bearer(&self.settings, &self.stop, Some(refused), give_up).await.ok()?;
        (token != refused && self.stop.reason().is_none()).then_some(token)
    }

    /// Checks what the caller handed in, before anything is sent.
    ///
    /// # Errors
    /// The package's `Error`.
    pub(crate) fn check(&self, rule: impl FnOnce() -> Result<(), Failure>) -> Result<(), JsValue> {
        input::base_url(&self.settings.base_url())
            // A token that is asked for is checked when it has come.
            .and_then(|()| self.settings.bearer().as_string().map_or(Ok(()), |key| input::key(&key)))
            .and_then(|()| rule())
            .map_err(|failure| self.error(failure, &JsValue::UNDEFINED))
    }

    /// The package's `Error` of a failure. The key is taken out, wherever a server echoed it.
    pub(crate) fn error(&self, failure: Failure, cause: &JsValue) -> JsValue {
        let bearers = self.bearers.borrow();
        let cause = match cause.as_string() {
            Some(reply) => {
                let reply = bearers.iter().fold(reply, |reply, key| redact(&reply, key));
                reply.chars().take(QUOTE).collect::<String>().into()
            }
            None => cause.clone(),
        };
        let failure = bearers.iter().fold(failure, |failure, key| failure.without(key));
        match to_js(&failure).and_then(|plain| self.settings.fail(plain, &cause)) {
            Ok(error) | Err(error) => error,
        }
    }
}

/// A plain object, as `JSON.parse` would make it.
pub(crate) fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}
