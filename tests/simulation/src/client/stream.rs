//! What a client is pushed, as `src/operations/events.rs` and `npm/push.ts` receive it; each call has a stream of its own here.

use std::collections::VecDeque;

use crisp_upscale_core::api::Response;
use crisp_upscale_core::event_stream;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::sse::Frames;
use crisp_upscale_core::task::watch::Input;

use super::{Machine, Pushed};
use crate::doc::Doc;
use crate::network::{Bearer, GATEWAY_HOST, Request, Sender, To};
use crate::world::{Event, World, trace};

impl World<'_> {
    /// Waits for what the server pushes, once it has said that it does.
    pub(super) fn subscribe(&mut self, call: usize) {
        let Machine::Watch(..) = self.calls[call].machine else { return };
        if self.calls[call].subscription.is_some()
            || self.calls[call].task.is_none()
            || !self.process(call).pushes
        {
            return;
        }
        if self.process(call).events.is_some() {
            self.calls[call].subscription = Some(VecDeque::new());
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
        self.calls[call].pushed = false;
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
                self.at(at, Event::Stream(call, stream, Pushed::Broken));
            }
        }
    }

    /// Something came on its stream.
    pub(crate) fn receive_pushed(&mut self, call: usize, stream: u32, pushed: Pushed) {
        if self.calls[call].stream != stream {
            return;
        }
        if self.now < self.process(call).asleep_until {
            let until = self.process(call).asleep_until;
            return self.at(until, Event::Stream(call, stream, pushed));
        }
        let over = matches!(pushed, Pushed::Broken);
        let Some(subscription) = &mut self.calls[call].subscription else { return };
        subscription.push_back(pushed);
        if over {
            let (now, opened, pushed) = (self.now, self.calls[call].opened, self.calls[call].pushed);
            let process = self.process(call);
            process.failures = event_stream::failures(process.failures, now - opened, pushed, false);
            self.open_later(call);
        } else {
            self.calls[call].pushed = true;
            self.process(call).failures = 0;
        }
        self.take_pushed(call);
    }

    /// Gives the watch what has arrived, where it waits.
    pub(super) fn take_pushed(&mut self, call: usize) {
        if self.calls[call].idle.is_none() {
            return;
        }
        let Some(pushed) = self.calls[call].subscription.as_mut().and_then(VecDeque::pop_front) else {
            return;
        };
        self.calls[call].idle = None;
        self.calls[call].epoch += 1;
        let input = match pushed {
            Pushed::Text(text) => {
                // Cut where it may be cut.
                let (first, rest) = text.split_at(text.floor_char_boundary(text.len() / 2));
                let mut frames = Frames::default();
                let mut messages = frames.feed(first).unwrap_or_default();
                messages.extend(frames.feed(rest).unwrap_or_default());
                let Some(message) = messages.into_iter().next() else { return };
                trace!(self, "call {call} is pushed: {}", message.data);
                Input::Pushed(Response { status: 200, retry_after: None, body: Doc::parse(&message.data) })
            }
            Pushed::Broken => Input::SubscriptionLost,
        };
        self.step_watch(call, input);
    }

    pub(super) fn unsubscribe(&mut self, call: usize) {
        self.calls[call].stream += 1;
        self.calls[call].subscription = None;
        self.calls[call].idle = None;
    }
}
