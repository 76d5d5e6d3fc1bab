//! Plays a job: does what it says and tells it what came of it.

use crisp_upscale_core::api::{CreateTask, Reply};
use crisp_upscale_core::failure::Failure;
use crisp_upscale_core::job::{Event, Job, Next, Request, Upscaled};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::result::UpscaleResult;
use crisp_upscale_core::validate;
use js_sys::Date;
use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do};
use crate::file::{Probe, described};
use crate::host::{Parsed, left, now};
use crate::request::Ask;

/// A job, as far as it has been played.
pub(crate) struct Play {
    job: Job,
    /// The task, which is followed to its end; where there is none, the job is played to where its task is made.
    pub(crate) task_id: Option<String>,
    follows: bool,
    next: Next,
    begun: bool,
    /// What the runtime or the server said last.
    cause: JsValue,
    ended: Option<Box<Upscaled>>,
    /// Of the result's file.
    probe: Option<Probe>,
    /// What the task's end came to.
    pub(crate) result: Option<UpscaleResult>,
}

impl Play {
    fn of(job: Job, task_id: Option<String>) -> Self {
        let follows = task_id.is_some();
        let next = Next::WaitUntil(0);
        Play {
            job,
            task_id,
            follows,
            next,
            begun: false,
            cause: JsValue::UNDEFINED,
            ended: None,
            probe: None,
            result: None,
        }
    }

    /// Makes a task for the image, once.
    ///
    /// # Errors
    /// What is wrong with what the caller handed in.
    pub(crate) fn create(
        call: &Call,
        model: &str,
        image: String,
        call_back_url: Option<String>,
    ) -> Result<Self, Box<Failure>> {
        let rule = validate::model(model)
            .and_then(|()| validate::image_url(&image))
            .and_then(|()| call_back_url.as_deref().map_or(Ok(()), validate::call_back_url));
        call.check(rule)?;
        let request = CreateTask::upscale(image, call_back_url);
        let make = if call.attempt().is_some() { Job::create_idempotent } else { Job::create };
        Ok(Play::of(make(request, call.deadline), None))
    }

    /// Waits for the end of a task that was made at `created_at` (Unix milliseconds).
    ///
    /// # Errors
    /// As [`Play::create`].
    pub(crate) fn follow(call: &Call, task_id: String, created_at: f64) -> Result<Self, Box<Failure>> {
        call.check(validate::task_id(&task_id))?;
        let age = (Date::now() - created_at).max(0.0) as u64;
        let job = Job::follow(task_id.clone(), now().saturating_sub(age), call.deadline);
        Ok(Play::of(job, Some(task_id)))
    }

    /// Goes on with the task that was made.
    #[must_use]
    pub(crate) fn on(self) -> Self {
        Play::of(self.job, self.task_id)
    }

    /// Looks at the result's file.
    fn probed(&mut self, call: &Call, came: Came) -> Do<'_> {
        let Some(probe) = &mut self.probe else { return Do::Done };
        match probe.step(call, came) {
            Ok(head) => {
                self.result = self.ended.take().map(|upscaled| described(*upscaled, head));
                Do::Done
            }
            Err(next) => next,
        }
    }

    fn event(&mut self, call: &Call, came: Came) -> Event<Parsed> {
        match came {
            Came::Nothing => Event::Turn,
            Came::Waited(heard) => match heard.text() {
                Some(text) => {
                    self.cause = heard.0;
                    Event::Pushed(Reply { status: 200, retry_after: None, body: Parsed::parse(&text) })
                }
                None => match heard.number() {
                    Some(0.0) => Event::Start,
                    Some(1.0) => Event::Listening,
                    Some(_) => Event::Broken,
                    None => Event::Woken,
                },
            },
            came => {
                if let Came::Reply(reply, _) = &came
                    && let Some(path) = reply.envelope().and_then(|envelope| envelope.events())
                {
                    call.host.pushes(&path);
                }
                let (event, cause) = came.into_event();
                self.cause = cause;
                event
            }
        }
    }
}

impl Act for Play {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        if self.probe.is_some() {
            return self.probed(call, came);
        }
        // At first no more than what the server has pushed already: where it pushes, there is nothing else to do.
        if std::mem::replace(&mut self.begun, true) {
            let event = self.event(call, came);
            // Read anew at each step: other jobs of the same `Upscaler` learn meanwhile.
            let seen = call.settings.durations();
            let mut durations = seen.iter().filter_map(|duration| duration.as_f64()).collect();
            let step = self.job.handle(event, now(), &mut durations);
            if let Some(update) = step.news {
                if !self.follows {
                    self.task_id = Some(update.task_id);
                    return Do::Done;
                }
                call.host.tell(&update.state, &update.task_id);
            }
            if let Next::Finish(end) = step.next {
                for (nth, duration) in (0..).zip(durations.iter()) {
                    seen.set(nth, duration.into());
                }
                return match end {
                    Ok(upscaled) => {
                        // The result's first bytes are no concern of the stream's.
                        call.host.deafen();
                        self.probe = Some(Probe::of_result(call, &upscaled.url));
                        self.ended = Some(upscaled);
                        self.probed(call, Came::Nothing)
                    }
                    Err(failure) => Do::Fail(failure, std::mem::take(&mut self.cause)),
                };
            }
            self.next = step.next;
        }
        match &self.next {
            Next::WaitUntil(instant) => Do::Wait(call.host.wait(left(*instant), self.task_id.as_deref())),
            Next::TakeTurn(until) => Do::Turn(*until),
            Next::Send(Request::Create(task), give_up) => Do::Send(Ask::Create(task), *give_up),
            Next::Send(Request::Look(task_id), give_up) => Do::Send(Ask::Look(task_id), *give_up),
            Next::Finish(_) => Do::Done,
        }
    }

    #[cfg(feature = "exports")]
    fn value(&mut self) -> JsValue {
        match self.result.take() {
            Some(result) => crate::exports::result(result),
            None => self.task_id.take().into(),
        }
    }
}
