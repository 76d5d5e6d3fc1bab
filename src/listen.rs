//! Listens to what the server pushes, by the rules of [`crisp_upscale_core::push`]. Who waits for what,
//! and with whom on one stream, is kept by `npm/events.ts`.

use crisp_upscale_core::json::Json;
use crisp_upscale_core::push::{self, is_stream};
use crisp_upscale_core::sse::Frames;
use js_sys::Uint8Array;

use crate::call::{Call, Came, wait};
use crate::error::Halt;
use crate::host::{Line, left, now};
use crate::request::Ask;

/// Opens one stream for all of a line and tells it what comes, until the stream ends or breaks or the call is
/// aborted. After `failures` streams in a row that came to nothing it waits first; gives how many there are now.
pub(crate) async fn hear(call: &Call, line: &Line, failures: u32) -> u32 {
    // At least a moment: whoever begins to wait meanwhile shares the stream.
    if wait(call.host.wait(push::wait(failures).max(1) as f64, None)).await.is_err() {
        return failures;
    }
    let begin = now();
    let mut heard = false;
    // However it ended: there is nothing more to hear.
    let left = read(call, line, begin.saturating_add(push::OPENING), &mut heard).await.is_err();
    push::failures(failures, now().saturating_sub(begin), heard, left)
}

/// Reads one stream. However it ends; whether something came is in `heard`.
///
/// # Errors
/// The caller's abort reason: nobody listens any more.
async fn read(call: &Call, line: &Line, opening: u64, heard: &mut bool) -> Result<(), Halt> {
    let ids: Vec<String> = line.task_ids().iter().filter_map(|id| id.as_string()).collect();
    let Came::Reply(reply, came) = call.send(Ask::Events(&ids), opening).await? else { return Ok(()) };
    let media_type = came.get("type").and_then(|media_type| media_type.text());
    if !is_stream(reply.status, &media_type.unwrap_or_default()) {
        return Ok(());
    }
    let mut frames = Frames::default();
    loop {
        let until = if *heard { now().saturating_add(push::SILENCE) } else { opening };
        let chunk = wait(call.host.chunk(left(until))).await?;
        let Some(bytes) = chunk.get("value") else { return Ok(()) };
        let Ok(messages) = frames.feed(&Uint8Array::new(&bytes.0).to_vec()) else { return Ok(()) };
        for message in messages {
            *heard = true;
            line.tell(&message.event, &message.data);
        }
    }
}
