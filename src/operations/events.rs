//! Reads an event stream, by the rules of [`event_stream`]. Who subscribes to what is kept by `npm/push.ts`.

use crisp_upscale_core::event_stream::{self, OPEN_TIMEOUT, SILENCE_TIMEOUT, is_stream};
use crisp_upscale_core::sse::Frames;
use js_sys::Array;
use wasm_bindgen::prelude::*;

use crate::call::{Call, Waited, wait};
use crate::error::CallError;
use crate::http::{Exchange, Request, send};
use crate::js::{EventReader, left, now};

#[wasm_bindgen]
extern "C" {
    /// The subscriptions that share a stream: npm/push.ts.
    #[wasm_bindgen(typescript_type = "EventSink")]
    #[derive(Debug)]
    pub type EventSink;

    /// The ids of the tasks to subscribe to.
    #[wasm_bindgen(method, js_name = taskIds)]
    fn task_ids(this: &EventSink) -> Array;

    /// Hands out a message.
    #[wasm_bindgen(method)]
    fn push(this: &EventSink, task_id: &str, text: &str);
}

/// Opens one stream and hands out its messages, until it ends or the call is aborted, since nobody needs it any more.
///
/// It waits first, after consecutive failed streams, of which there were `failures`; returns how many there are now.
pub(crate) async fn stream_events(call: &Call, sink: &EventSink, failures: u32) -> u32 {
    // At least a moment: tasks that are subscribed to meanwhile share the stream.
    let delay = event_stream::delay(failures).max(1);
    if call.sleep(now().saturating_add(delay)).await.is_err() {
        return failures;
    }
    let opened = now();
    let mut had_messages = false;
    // How it ends does not matter.
    drop(read(call, sink, &mut had_messages).await);
    event_stream::failures(failures, now().saturating_sub(opened), had_messages, call.waits.aborted())
}

async fn read(call: &Call, sink: &EventSink, had_messages: &mut bool) -> Result<(), CallError> {
    let opening = now().saturating_add(OPEN_TIMEOUT);
    let Some(path) = call.settings.subscribers().and_then(|subscribers| subscribers.path()) else {
        return Ok(());
    };
    let task_ids: Vec<String> = sink.task_ids().iter().filter_map(|task_id| task_id.as_string()).collect();
    let Exchange::Response(responded) = send(call, &Request::Events(&path, &task_ids), opening).await? else {
        return Ok(());
    };
    let received = &responded.received;
    let Some(reader) = received.reader().map(Cancelled) else { return Ok(()) };
    if !is_stream(received.status(), &received.content_type().unwrap_or_default()) {
        return Ok(());
    }
    let mut frames = Frames::default();
    let mut until = opening;
    while let Waited::Value(text) = wait(reader.0.read(&call.waits, left(until))).await?
        && let Some(text) = text.as_string()
        && let Ok(messages) = frames.feed(&text)
    {
        for message in messages {
            *had_messages = true;
            sink.push(&message.event, &message.data);
        }
        until = if *had_messages { now().saturating_add(SILENCE_TIMEOUT) } else { opening };
    }
    Ok(())
}

/// A reader that is cancelled when it is dropped.
struct Cancelled(EventReader);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
