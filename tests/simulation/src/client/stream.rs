//! What a client is pushed, as `src/operations/events.rs` and `npm/push.ts` receive it; each call has a stream of its own here.

use std::collections::VecDeque;

use crisp_upscale_core::api::Response;
use crisp_upscale_core::event_stream;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::sse::Frames;
use crisp_upscale_core::task::watch::Input;

use super::{Doing, Heard};
use crate::doc::Doc;
use crate::network::{Bearer, GATEWAY_HOST, Request, Sender, To};
use crate::world::{Event, World, tell};

impl World<'_> {
    /// Waits for what the server pushes, once it has said that it does.
    pub(super) fn listen(&mut self, call: usize) {
        let Doing::Watch(..) = self.calls[call].doing else { return };
        if self.calls[call].ear.is_some() || self.calls[call].task.is_none() || !self.process(call).pushes {
            return;
        }
        if self.process(call).events.is_some() {
            self.calls[call].ear = Some(VecDeque::new());
            self.open_later(call);
        }
    }

    fn open_later(&mut self, call: usize) {
        self.calls[call].stream += 1;
        let (stream, failures) = (self.calls[call].stream, self.process(call).failures);
        self.after(event_stream::delay(failures), Event::Open(call, stream));
    }

    /// Opens its stream.
    pub(crate) fn open(&mut self, call: usize, stream: u32) {
        if self.calls[call].stream != stream || self.sleeps(call, |call| Event::Open(call, stream)) {
            return;
        }
        let (Some(path), Some(task)) = (self.process(call).events.clone(), self.calls[call].task.clone())
        else {
            return;
        };
        self.leaves(&format!("{GATEWAY_HOST}{path}?taskId={task}"), Bearer::Token);
        self.calls[call].opened = self.now;
        self.calls[call].heard = false;
        let nth = self.calls[call].requests;
        self.calls[call].requests += 1;
        let give_up = self.now + event_stream::OPEN_TIMEOUT;
        let way = self.depart(call as u32, nth, give_up, true);
        match (way.instead, way.arrives) {
            (None, Some(at)) if path == crate::gateway::EVENTS => {
                let from = Sender::Call(call, stream);
                let to = To::GatewayEvents(task);
                self.at(
                    at,
                    Event::Reach(Box::new(Request { from, to, nth, silent: false, give_up, over: give_up })),
                );
            }
            (instead, _) => {
                let at = instead.map_or(give_up, |(at, _)| at.min(give_up));
                self.at(at, Event::Stream(call, stream, Heard::Broken));
            }
        }
    }

    /// Something came on its stream.
    pub(crate) fn hear(&mut self, call: usize, stream: u32, heard: Heard) {
        if self.calls[call].stream != stream {
            return;
        }
        if self.now < self.process(call).asleep_until {
            let until = self.process(call).asleep_until;
            return self.at(until, Event::Stream(call, stream, heard));
        }
        let over = matches!(heard, Heard::Broken);
        let Some(ear) = &mut self.calls[call].ear else { return };
        ear.push_back(heard);
        if over {
            let (now, opened, heard) = (self.now, self.calls[call].opened, self.calls[call].heard);
            let process = self.process(call);
            process.failures = event_stream::failures(process.failures, now - opened, heard, false);
            self.open_later(call);
        } else {
            self.calls[call].heard = true;
            self.process(call).failures = 0;
        }
        self.take_heard(call);
    }

    /// Tells the job what was heard, where it waits.
    pub(super) fn take_heard(&mut self, call: usize) {
        if self.calls[call].idle.is_none() {
            return;
        }
        let Some(heard) = self.calls[call].ear.as_mut().and_then(VecDeque::pop_front) else { return };
        self.calls[call].idle = None;
        self.calls[call].epoch += 1;
        let input = match heard {
            Heard::Text(text) => {
                // Cut where it may be cut.
                let (first, rest) = text.split_at(text.floor_char_boundary(text.len() / 2));
                let mut frames = Frames::default();
                let mut messages = frames.feed(first).unwrap_or_default();
                messages.extend(frames.feed(rest).unwrap_or_default());
                let Some(message) = messages.into_iter().next() else { return };
                tell!(self, "call {call} is pushed: {}", message.data);
                Input::Pushed(Response { status: 200, retry_after: None, body: Doc::parse(&message.data) })
            }
            Heard::Broken => Input::SubscriptionLost,
        };
        self.step_watch(call, input);
    }

    pub(super) fn leave(&mut self, call: usize) {
        self.calls[call].stream += 1;
        self.calls[call].ear = None;
        self.calls[call].idle = None;
    }
}
