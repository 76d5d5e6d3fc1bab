//! An event stream, as its reader gets it.

use std::time::Duration;

use crisp_upscale_core::sse;
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::unfold;
use worker::{Delay, Response, Result};

/// How often a stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The reader's end.
struct Reader<F: FnMut()> {
    messages: UnboundedReceiver<String>,
    closed: F,
}

impl<F: FnMut()> Drop for Reader<F> {
    fn drop(&mut self) {
        (self.closed)();
    }
}

/// Opens a stream. It ends when the sender is dropped. `closed` is called when it is over, by whichever side.
pub(crate) fn open(closed: impl FnMut() + 'static) -> Result<(UnboundedSender<String>, Response)> {
    let (sender, messages) = unbounded();
    let body = unfold(Reader { messages, closed }, |mut reader| async {
        match select(reader.messages.next(), Delay::from(HEARTBEAT)).await {
            Either::Left((message, _)) => Some((Ok::<_, worker::Error>(message?), reader)),
            Either::Right(_) => Some((Ok(sse::COMMENT.to_owned()), reader)),
        }
    });
    Ok((sender, Response::from_stream(body)?))
}
