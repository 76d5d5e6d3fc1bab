//! What an upscale ends with.

use serde::Serialize;

use crate::failure::{Charged, Failure, Kind};
use crate::image::Header;
use crate::network_error::NetworkError;
use crate::task::TaskSuccess;

/// How long the service keeps a result, in milliseconds. One page of its documentation says
/// 24 hours and another 14 days; counting on the shorter loses nothing.
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
    /// Of a task that was seen to succeed at the Unix time `now`, and of the first bytes of its file.
    #[must_use]
    pub fn new(success: TaskSuccess, header: Option<Header>, now: f64) -> Self {
        let TaskSuccess { task_id, url, credits, create_time, complete_time } = success;
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

/// Why the file of a result could not be fetched: the HTTP status, or that no response came.
#[must_use]
pub fn not_fetched(task_id: &str, outcome: Result<u16, NetworkError>) -> Box<Failure> {
    let (kind, status) = match outcome {
        Ok(status) => (Kind::BadReply, Some(status)),
        Err(NetworkError::TimedOut | NetworkError::TokenTimedOut) => (Kind::Timeout, None),
        Err(
            NetworkError::NoToken
            | NetworkError::FetchRefused
            | NetworkError::NoConnection
            | NetworkError::Unsent(_)
            | NetworkError::Lost,
        ) => (Kind::Unreachable, None),
    };
    let message = "The upscaled image could not be fetched from where it is kept. It is paid for: try again, \
                   or fetch its URL in another way.";
    let mut failure = Failure::with_message(kind, Charged::Yes, message).for_task(task_id).retryable();
    failure.status = status;
    failure
}
