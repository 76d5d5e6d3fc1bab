//! Plays a job: does what it says and tells it what came of it.

use crisp_upscale_core::job::{Event, Job, Next, Request, Upscaled};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::wire::Reply;
use wasm_bindgen::prelude::*;

use crate::call::{Call, Came, wait};
use crate::error::Halt;
use crate::host::{Parsed, left, now};
use crate::request::Ask;
use crate::turn::Turn;

/// How far a job is to be played.
pub(crate) enum Played {
    /// Its task is made; this is its id.
    Made(String),
    /// It has ended well.
    Ended(Upscaled),
}

impl Call {
    /// Plays the job to where its task is made, or, where it follows the task `task_id`, to its end, and tells
    /// each update on the way.
    ///
    /// # Errors
    /// The caller's abort reason, or how the job failed.
    pub(crate) async fn play(&self, job: &mut Job, task_id: Option<&str>) -> Result<Played, Halt> {
        // What the runtime or the server said last, for the error's `cause`.
        let mut cause = JsValue::UNDEFINED;
        // Held while a create is under way.
        let mut turn = None;
        // Where the server pushes there is nothing to begin with but to listen.
        let mut next = Next::WaitUntil(0);
        let mut event = Event::Start;
        loop {
            match next {
                Next::Finish(end) => {
                    return end.map(Played::Ended).map_err(|failure| self.error(failure, &cause));
                }
                Next::WaitUntil(instant) => {
                    let heard = wait(self.host.wait(left(instant), task_id)).await?;
                    if let Some(text) = heard.text() {
                        let body = Parsed::parse(&text);
                        event = Event::Pushed(Reply { status: 200, retry_after: None, body });
                        cause = heard.0;
                    } else if let Some(listening) = heard.0.as_bool() {
                        event = if listening { Event::Listening } else { Event::Broken };
                    }
                }
                Next::TakeTurn(until) => {
                    turn = Turn::take(self, until).await?;
                    event = Event::Turn;
                }
                Next::Send(request, give_up) => {
                    let ask = match &request {
                        Request::Create(task) => Ask::Create(task),
                        Request::Look(task_id) => Ask::Look(task_id),
                    };
                    let came = self.send(ask, give_up).await?;
                    drop(turn.take());
                    if let Came::Reply(reply, _) = &came
                        && let Some(path) = reply.envelope().and_then(|envelope| envelope.events())
                    {
                        self.settings.set_path(&path);
                    }
                    (event, cause) = came.into_event();
                }
            }
            // Read anew at each step: other jobs of the same `Upscaler` learn meanwhile.
            let seen = self.settings.durations();
            let mut durations = seen.iter().filter_map(|duration| duration.as_f64()).collect();
            let step = job.handle(event, now(), &mut durations);
            if let Next::Finish(_) = step.next {
                for (nth, duration) in (0..).zip(durations.iter()) {
                    seen.set(nth, duration.into());
                }
            }
            if let Some(update) = step.news {
                if task_id.is_none() {
                    return Ok(Played::Made(update.task_id));
                }
                self.host.tell(&update.state, &update.task_id);
            }
            event = Event::Woken;
            next = step.next;
        }
    }
}
