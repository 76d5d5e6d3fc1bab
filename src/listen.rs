//! Listens to what the server pushes, by the rules of [`crisp_upscale_core::push`]. Who waits for what,
//! and with whom on one stream, is kept by `npm/events.ts`.

// Rust programs are not pushed to: who shares a stream is kept by `npm/`.
#![cfg_attr(not(feature = "exports"), allow(dead_code))]

use std::cell::Cell;

use crisp_upscale_core::job::Event;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::push;
use crisp_upscale_core::sse::Frames;
use crisp_upscale_core::wire::Reply;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::clock::{self, Timer};
use crate::drive::Call;
use crate::exchange::Ask;
use crate::js::{self, Chunk, Events, Line, Reader, Response};
use crate::parsed::Parsed;
use crate::stop::{Instead, Stop};

/// Opens one stream for all of a line and tells it what comes, until the stream ends or breaks or the call is
/// aborted. After `failures` streams in a row that came to nothing it waits first; gives how many there are now.
pub(crate) async fn hear(call: &Call, line: Line, failures: u32) -> u32 {
    // Whoever begins to wait in the same moment shares the stream.
    let turn = Timer::until(0);
    let _ = call.stop.race(&turn.promise, &turn).await;
    if call.stop.sleep(clock::now().saturating_add(push::wait(failures))).await.is_err() {
        return failures;
    }
    let hearing = Hearing { line, heard: Cell::new(false) };
    let begin = clock::now();
    // However it ended: there is nothing more to hear.
    let _ = call.send(&Ask::Events(&hearing), begin.saturating_add(push::OPENING)).await;
    let time = clock::now().saturating_sub(begin);
    push::failures(failures, time, hearing.heard.get(), call.stop.reason().is_some())
}

/// One stream.
pub(crate) struct Hearing {
    /// Whom it is for.
    pub(crate) line: Line,
    /// Whether a message came.
    heard: Cell<bool>,
}

impl Hearing {
    /// Hands out what comes, until `opening` where nothing does; says why there is no more.
    pub(crate) async fn hear(&self, response: &Response, stop: &Stop, opening: &Timer) -> Instead {
        let Some(body) = response.body() else { return Instead::Stopped };
        let reader = match body.reader() {
            Ok(reader) => reader,
            Err(error) => return Instead::Rejected(error),
        };
        let end = self.read(&reader, stop, opening).await.err().unwrap_or(Instead::Stopped);
        // Also where a caller's `fetch` leaves the signal of a request alone.
        if let Ok(closed) = reader.cancel() {
            spawn_local(async {
                let _ = JsFuture::from(closed).await;
            });
        }
        end
    }

    async fn read(&self, reader: &Reader, stop: &Stop, opening: &Timer) -> Result<(), Instead> {
        let mut frames = Frames::default();
        loop {
            let promise = reader.read().map_err(Instead::Rejected)?;
            let silence = self.heard.get().then(|| Timer::until(clock::now().saturating_add(push::SILENCE)));
            let timer = silence.as_ref().unwrap_or(opening);
            let chunk: Chunk = stop.race(&promise, timer).await?.unchecked_into();
            if chunk.done() {
                return Ok(());
            }
            let Some(bytes) = chunk.value() else { continue };
            let messages = frames.feed(&bytes.to_vec()).map_err(|_| Instead::Stopped)?;
            for message in messages {
                self.heard.set(true);
                self.line.tell(&message.event, &message.data).map_err(Instead::Rejected)?;
            }
        }
    }
}

/// Hears what is pushed of one task, until it is dropped.
pub(crate) struct Ear {
    events: Events,
    ear: js::Ear,
}

impl Ear {
    /// None where the server does not push.
    pub(crate) fn join(events: Events, task_id: &str) -> Option<Self> {
        let ear = events.join(task_id).ok()??;
        Some(Ear { events, ear })
    }

    /// What was heard meanwhile, and its text where it is a message.
    pub(crate) fn heard(&self) -> Option<(Event<Parsed>, Option<JsValue>)> {
        let heard = self.ear.take().ok()?;
        if let Some(text) = heard.as_string() {
            let body = Parsed::parse(&text);
            return Some((Event::Pushed(Reply { status: 200, retry_after: None, body }), Some(heard)));
        }
        heard.as_bool().map(|listening| (if listening { Event::Listening } else { Event::Broken }, None))
    }

    /// The same, waited for until the instant.
    ///
    /// # Errors
    /// The caller's abort reason.
    pub(crate) async fn listen(
        &self,
        stop: &Stop,
        until: u64,
    ) -> Result<(Event<Parsed>, Option<JsValue>), JsValue> {
        loop {
            if let Some(reason) = stop.reason() {
                return Err(reason);
            }
            if let Some(heard) = self.heard() {
                return Ok(heard);
            }
            if clock::now() >= until {
                return Ok((Event::Woken, None));
            }
            let woken: Promise = self.ear.woken()?;
            let timer = Timer::until(until);
            let _ = stop.race(&woken, &timer).await;
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = self.events.leave(&self.ear);
    }
}
