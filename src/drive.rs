//! Plays a job: does what it says and tells it what came of it.

use std::cell::RefCell;

use crisp_upscale_core::failure::{Failure, redact};
use crisp_upscale_core::input;
use crisp_upscale_core::job::{Event, Fault, Job, Next, PATIENCE, Update, Upscaled};
use crisp_upscale_core::result::UpscaleResult;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::bearer::bearer;
use crate::clock;
use crate::error::{Halt, UpscaleError};
use crate::exchange::{Ask, Came, Headers, exchange};
use crate::file;
use crate::js::{Run, Settings};
use crate::listen::Ear;
use crate::parsed::Parsed;
use crate::stop::Stop;
use crate::turn::Turn;

/// How much of a reply that nobody understood goes along in an error's cause, in characters.
const QUOTE: usize = 1024;

/// One call: whom it asks, and when it must stop.
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

    /// Plays the job to its end, and tells each update on the way. `task_id`: the task that it follows from its
    /// beginning on, of which the server may push news.
    ///
    /// # Errors
    /// As [`Call::news`], or what the listener threw.
    pub(crate) async fn ended(&self, job: Job, task_id: Option<String>) -> Result<UpscaleResult, Halt> {
        let mut play = Play::of(job, task_id);
        loop {
            match self.news(&mut play).await? {
                News::Update(update) => {
                    if let Some(listener) = self.run.on_update() {
                        listener.call1(&JsValue::UNDEFINED, &to_js(&update)?)?;
                    }
                }
                News::End(upscaled) => {
                    // The result's first bytes are no concern of the stream's.
                    drop(play);
                    return Ok(file::described(self, upscaled).await?);
                }
            }
        }
    }

    /// Plays the job to where its task is made; gives the task's id.
    ///
    /// # Errors
    /// As [`Call::news`].
    pub(crate) async fn made(&self, job: Job) -> Result<String, Halt> {
        Ok(match self.news(&mut Play::of(job, None)).await? {
            News::Update(update) => update.task_id,
            News::End(upscaled) => upscaled.task_id,
        })
    }

    /// Plays the job to its next news.
    ///
    /// # Errors
    /// The caller's abort reason, or how the job failed.
    async fn news(&self, play: &mut Play) -> Result<News, Halt> {
        // Held while a create is under way.
        let mut turn = None;
        loop {
            let event = match play.next.take() {
                // Where the server pushes there is nothing to begin with but to listen.
                None => {
                    play.listen(&self.settings);
                    let heard = play.ear.as_ref().and_then(Ear::heard);
                    heard.map_or(Event::<Parsed>::Start, |(event, _)| event)
                }
                Some(Next::Finish(end)) => {
                    return end.map(News::End).map_err(|failure| self.error(failure, &play.cause));
                }
                Some(Next::WaitUntil(instant)) => {
                    play.listen(&self.settings);
                    if let Some(ear) = &play.ear {
                        let (event, text) = ear.listen(&self.stop, instant).await?;
                        if let Some(text) = text {
                            play.cause = text;
                        }
                        event
                    } else {
                        self.stop.sleep(instant).await?;
                        Event::Woken
                    }
                }
                Some(Next::TakeTurn(until)) => {
                    if let Some(limiter) = self.settings.limiter() {
                        turn = Turn::take(limiter, &self.stop, until).await;
                    }
                    if let Some(reason) = self.stop.reason() {
                        return Err(reason.into());
                    }
                    Event::Turn
                }
                Some(Next::Send(request, give_up)) => {
                    let came = self.send(&Ask::Job(&request), give_up).await?;
                    drop(turn.take());
                    let (came, cause) = came.into_event();
                    play.cause = cause;
                    came
                }
            };
            // Read anew at each step: other jobs of the same `Upscaler` learn meanwhile.
            let seen = self.settings.durations();
            let mut durations = seen.iter().filter_map(|duration| duration.as_f64()).collect();
            let step = play.job.handle(event, clock::now(), &mut durations);
            if let Next::Finish(_) = step.next {
                for (nth, duration) in (0..).zip(durations.iter()) {
                    seen.set(nth, duration.into());
                }
            }
            play.next = Some(step.next);
            if let Some(update) = step.news {
                return Ok(News::Update(update));
            }
        }
    }

    /// Sends one request; where the token is refused and there is a new one, once more with that.
    ///
    /// # Errors
    /// As [`Call::news`].
    pub(crate) async fn send(&self, ask: &Ask<'_>, give_up: u64) -> Result<Came, Halt> {
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
        if let (Ask::Job(_), Came::Reply(reply, _), Some(events)) = (ask, &came, self.settings.events())
            && let Some(path) = reply.envelope().and_then(|envelope| envelope.events())
        {
            events.set_path(&path);
        }
        self.stop.reason().map_or(Ok(came), |reason| Err(reason.into()))
    }

    async fn send_with(&self, bearer: &str, ask: &Ask<'_>, give_up: u64) -> Result<Came, Halt> {
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
    /// What is wrong with it.
    pub(crate) fn check(&self, rule: impl FnOnce() -> Result<(), Failure>) -> Result<(), Halt> {
        input::base_url(&self.settings.base_url())
            // A token that is asked for is checked when it has come.
            .and_then(|()| self.settings.bearer().as_string().map_or(Ok(()), |key| input::key(&key)))
            .and_then(|()| rule())
            .map_err(|failure| self.error(failure, &JsValue::UNDEFINED))
    }

    /// The error of a failure. The key is taken out, wherever a server echoed it.
    pub(crate) fn error(&self, failure: Failure, cause: &JsValue) -> Halt {
        let bearers = self.bearers.borrow();
        let cause = match cause.as_string() {
            Some(reply) => {
                let reply = bearers.iter().fold(reply, |reply, key| redact(&reply, key));
                reply.chars().take(QUOTE).collect::<String>().into()
            }
            None => cause.clone(),
        };
        let failure = bearers.iter().fold(failure, |failure, key| failure.without(key));
        Halt::Failed(UpscaleError { failure, cause })
    }
}

/// A job that is played.
struct Play {
    job: Job,
    /// What it said to do next; nothing before it has begun.
    next: Option<Next>,
    /// What the runtime or the server said last, for the error's `cause`.
    cause: JsValue,
    /// The task of which the server may push news, and what hears them where it does.
    task_id: Option<String>,
    ear: Option<Ear>,
}

impl Play {
    fn of(job: Job, task_id: Option<String>) -> Self {
        Play { job, next: None, cause: JsValue::UNDEFINED, task_id, ear: None }
    }

    /// Listens to what the server pushes, once it has said that it does.
    fn listen(&mut self, settings: &Settings) {
        if let (None, Some(task_id)) = (&self.ear, &self.task_id) {
            self.ear = settings.events().and_then(|events| Ear::join(events, task_id));
        }
    }
}

/// What a job that is played tells.
enum News {
    /// It is on its way.
    Update(Update),
    /// It has ended well.
    End(Upscaled),
}

/// A plain object, as `JSON.parse` would make it.
pub(crate) fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}
