//! Listens to what the server pushes, by the rules of [`crisp_upscale_core::event_stream`]. Who waits for what,
//! and with whom on one stream, is kept by `npm/events.ts`.

use crisp_upscale_core::event_stream::{self, is_stream};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::sse::Frames;

use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do};
use crate::error::Halt;
use crate::host::{Line, left, now};
use crate::request::Ask;

/// Opens one stream for all of a line and tells it what comes, until the stream ends or breaks or the call is
/// aborted. After `failures` streams in a row that came to nothing it waits first.
pub(crate) struct Listen {
    line: Line,
    failures: u32,
    ids: Vec<String>,
    /// When the stream's request left.
    begun: Option<u64>,
    /// Whether something came.
    heard: bool,
    frames: Option<Frames>,
}

impl Listen {
    pub(crate) fn new(line: Line, failures: u32) -> Self {
        Listen { line, failures, ids: Vec::new(), begun: None, heard: false, frames: None }
    }

    /// How many streams in a row have come to nothing now; `left`: nobody needed it any more.
    fn failures(&self, left: bool) -> u32 {
        let Some(begun) = self.begun else { return self.failures };
        event_stream::failures(self.failures, now().saturating_sub(begun), self.heard, left)
    }
}

impl Act for Listen {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        let opening = self.begun.map(|begun| begun.saturating_add(event_stream::OPENING));
        match (came, opening) {
            // At least a moment: whoever begins to wait meanwhile shares the stream.
            (Came::Nothing, _) => {
                Do::Wait(call.host.wait(event_stream::wait(self.failures).max(1) as f64, None))
            }
            (Came::Waited(_), None) => {
                self.ids = self.line.task_ids().iter().filter_map(|id| id.as_string()).collect();
                let begun = *self.begun.insert(now());
                Do::Send(Ask::Events(&self.ids), begun.saturating_add(event_stream::OPENING))
            }
            (Came::Reply(reply, came), Some(opening))
                if is_stream(reply.status, &came.text_at("type").unwrap_or_default()) =>
            {
                self.frames = Some(Frames::default());
                Do::Wait(call.host.chunk(left(opening)))
            }
            (Came::Waited(chunk), Some(opening)) => {
                let messages =
                    chunk.text().zip(self.frames.as_mut()).and_then(|(text, frames)| frames.feed(&text).ok());
                // However it ended: there is nothing more to hear.
                let Some(messages) = messages else { return Do::Done };
                for message in messages {
                    self.heard = true;
                    self.line.tell(&message.event, &message.data);
                }
                let until = if self.heard { now().saturating_add(event_stream::SILENCE) } else { opening };
                Do::Wait(call.host.chunk(left(until)))
            }
            _ => Do::Done,
        }
    }

    fn value(&mut self) -> JsValue {
        JsValue::UNDEFINED
    }

    /// How many streams in a row have come to nothing now. How it ended says enough; and nobody is told of an abort who
    /// asked for it.
    fn end(&mut self, call: &Call, _: Result<(), Halt>) -> Result<JsValue, Halt> {
        Ok(self.failures(call.host.aborted()).into())
    }
}
