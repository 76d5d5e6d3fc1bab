//! Uploads one file. An upload is free, so unlike a createTask it is sent again when its outcome is unknown.

use super::Instant;
use crate::api::Response;
use crate::backoff;
use crate::classify::{UploadResponse, upload};
use crate::failure::{Charged, Failure, Kind};
use crate::json::Json;
use crate::network_error::NetworkError;

/// The timeout of one request, in milliseconds: 10 MB at half a megabit a second.
const REQUEST_TIMEOUT: u64 = 180_000;

/// How many requests are tried.
const MAX_TRIES: u32 = 3;

/// What the machine is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<V> {
    /// The upload begins.
    Started,
    /// The instant of [`Output::Sleep`] has come.
    TimerFired,
    /// A response came.
    Response(Response<V>),
    /// No response came.
    NetworkError(NetworkError),
}

/// What the machine asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send the file under a name that was never used before.
    Send {
        /// When to give up on the response.
        until: Instant,
    },
    /// Sleep.
    Sleep {
        /// When to wake up.
        until: Instant,
    },
    /// The file can be fetched at this URL.
    Uploaded(String),
    /// It could not be uploaded.
    Failed(Box<Failure>),
}

/// Uploads one file, whose content stays with the shell.
#[derive(Debug)]
pub struct Upload {
    deadline: Instant,
    tries: u32,
}

impl Upload {
    /// A machine that ends at `deadline` at the latest.
    #[must_use]
    pub fn new(deadline: Instant) -> Self {
        Upload { deadline, tries: 0 }
    }

    /// Takes an input and says what to do next. Nothing follows [`Output::Uploaded`] and [`Output::Failed`].
    pub fn handle<V: Json>(&mut self, input: Input<V>, now: Instant) -> Output {
        match input {
            Input::Started | Input::TimerFired if now >= self.deadline => Output::Failed(timed_out()),
            Input::Started | Input::TimerFired => {
                self.tries += 1;
                Output::Send { until: self.deadline.min(now.saturating_add(REQUEST_TIMEOUT)) }
            }
            Input::Response(response) => match upload(&response) {
                UploadResponse::Uploaded(url) => Output::Uploaded(url),
                UploadResponse::Retry { retry_after, failure } => self.retry(retry_after, failure, now),
                UploadResponse::Failed(failure) => Output::Failed(failure),
            },
            Input::NetworkError(NetworkError::TimedOut) => self.retry(None, timed_out(), now),
            Input::NetworkError(NetworkError::NoConnection | NetworkError::Lost) => {
                self.retry(None, Failure::new(Kind::Unreachable, Charged::No).retryable(), now)
            }
            Input::NetworkError(error) => Output::Failed(error.failure_of_read(Charged::No)),
        }
    }

    /// Sends again after a delay, or fails where that was often enough or is beyond the deadline.
    fn retry(&self, retry_after: Option<u64>, failure: Box<Failure>, now: Instant) -> Output {
        let until = now.saturating_add(backoff::delay_or(retry_after, self.tries));
        if self.tries >= MAX_TRIES || until >= self.deadline {
            return Output::Failed(failure);
        }
        Output::Sleep { until }
    }
}

/// The timeout was over before the file was uploaded.
#[must_use]
pub fn timed_out() -> Box<Failure> {
    let message = "The time was over before the file was uploaded. Try again with a longer timeout.";
    Failure::with_message(Kind::Timeout, Charged::No, message).retryable()
}
