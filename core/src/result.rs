//! What an upscale ends with, and what can be told of it.

use serde::Serialize;

use crate::failure::{Charged, Failure, Kind};
use crate::image::Header;
use crate::job::{Fault, Upscaled};

/// How long the service keeps a result, in milliseconds. One page of its documentation says
/// 24 hours and another 14 days; whoever counts on the shorter loses nothing.
pub const LIFETIME: f64 = 24.0 * 60.0 * 60.0 * 1_000.0;

/// An upscale's result. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpscaleResult {
    /// The task.
    pub task_id: String,
    /// Where the upscaled image is.
    pub url: String,
    /// Its media type, where it could be read.
    #[serde(rename = "type")]
    pub media_type: Option<&'static str>,
    /// Its width in pixels, where it could be read.
    pub width: Option<u32>,
    /// Its height in pixels, where it could be read.
    pub height: Option<u32>,
    /// What it cost, in credits, where the service says.
    pub credits: Option<f64>,
    /// When the task was made, where the service says.
    pub create_time: Option<f64>,
    /// When it was done, where the service says.
    pub complete_time: Option<f64>,
    /// Until when the image can be fetched at least: an estimate, see [`LIFETIME`].
    pub expires_at: f64,
}

impl UpscaleResult {
    /// What a job ended with at the Unix time `now`, and what its file's first bytes say.
    #[must_use]
    pub fn of(upscaled: Upscaled, header: Option<Header>, now: f64) -> Self {
        let Upscaled { task_id, url, credits, create_time, complete_time } = upscaled;
        let size = header.and_then(|header| header.size);
        UpscaleResult {
            task_id,
            url,
            media_type: header.map(|header| header.format.mime()),
            width: size.map(|(width, _)| width),
            height: size.map(|(_, height)| height),
            credits,
            create_time,
            complete_time,
            expires_at: complete_time.unwrap_or(now) + LIFETIME,
        }
    }
}

/// What it means that a result's file could not be fetched, in spite of the HTTP status or because of the fault.
#[must_use]
pub fn not_fetched(task_id: &str, came: Result<u16, Fault>) -> Box<Failure> {
    let (kind, status) = match came {
        Ok(status) => (Kind::BadReply, Some(status)),
        Err(Fault::TimedOut | Fault::TokenTimedOut) => (Kind::Timeout, None),
        Err(Fault::NoToken | Fault::FetchRefused | Fault::NoConnection | Fault::Unsent(_) | Fault::Lost) => {
            (Kind::Unreachable, None)
        }
    };
    let message = "The upscaled image could not be fetched from where it is kept. It is paid for: try again, \
                   or fetch its URL in another way.";
    let mut failure = Failure::saying(kind, Charged::Yes, message).of_task(task_id).retryable();
    failure.status = status;
    failure
}
