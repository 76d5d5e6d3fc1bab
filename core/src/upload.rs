//! The upload of one file, as a value like [`crate::job::Job`]: told what happened, it says what
//! to do next. The file itself stays with whoever plays it. An upload is free, so unlike a
//! createTask it is sent again when its outcome is unknown.

use crate::backoff;
use crate::classify::{Uploaded, uploaded};
use crate::failure::{Charged, Failure, Kind};
use crate::job::{Event, Fault, Instant, fetch_refused, no_token, token_timed_out};
use crate::json::Json;

/// How long one try may take, in milliseconds: 10 MB at half a megabit a second.
const PATIENCE: u64 = 180_000;

/// How often it is tried.
const MAX_TRIES: u32 = 3;

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Send the file, under a name that was never used before, and give up at the instant.
    Send(Instant),
    /// Wake me at the instant.
    WaitUntil(Instant),
    /// The upload has ended; the file can be fetched at this URL.
    Finish(Result<String, Box<Failure>>),
}

/// One upload.
#[derive(Debug)]
pub struct Upload {
    /// When the caller's patience ends.
    deadline: Instant,
    tries: u32,
}

impl Upload {
    /// An upload that ends at `deadline` at the latest.
    #[must_use]
    pub fn new(deadline: Instant) -> Self {
        Upload { deadline, tries: 0 }
    }

    /// Takes what happened; says what to do next.
    pub fn handle<V: Json>(&mut self, event: Event<V>, now: Instant) -> Next {
        match event {
            Event::Start | Event::Woken if now >= self.deadline => Next::Finish(Err(late())),
            // Nobody takes turns at uploading: the limit is on tasks.
            // Nothing is pushed of an upload.
            Event::Start
            | Event::Woken
            | Event::Turn
            | Event::Listening
            | Event::Pushed(_)
            | Event::Broken => {
                self.tries += 1;
                Next::Send(self.deadline.min(now.saturating_add(PATIENCE)))
            }
            Event::Replied(reply) => match uploaded(&reply) {
                Uploaded::At(url) => Next::Finish(Ok(url)),
                Uploaded::Again(asked, failure) => self.again(asked, failure, now),
                Uploaded::Failed(failure) => Next::Finish(Err(failure)),
            },
            Event::Failed(Fault::Unsent(unsent)) => Next::Finish(Err(unsent.failure(Charged::No))),
            Event::Failed(Fault::NoToken) => Next::Finish(Err(no_token(Charged::No))),
            Event::Failed(Fault::TokenTimedOut) => Next::Finish(Err(token_timed_out(Charged::No))),
            Event::Failed(Fault::FetchRefused) => Next::Finish(Err(fetch_refused(Charged::No))),
            Event::Failed(Fault::TimedOut) => self.again(None, late(), now),
            Event::Failed(Fault::NoConnection | Fault::Lost) => {
                self.again(None, Failure::new(Kind::Unreachable, Charged::No).retryable(), now)
            }
        }
    }

    /// Tries again after a wait, or ends with `failure` where that was often enough or would be too late.
    fn again(&self, asked: Option<u64>, failure: Box<Failure>, now: Instant) -> Next {
        let then = now.saturating_add(backoff::delay_or(asked, self.tries));
        if self.tries >= MAX_TRIES || then >= self.deadline {
            return Next::Finish(Err(failure));
        }
        Next::WaitUntil(then)
    }
}

/// The caller's time was over before the file was uploaded.
#[must_use]
pub fn late() -> Box<Failure> {
    let message = "The time was over before the file was uploaded. Try again with a longer timeout.";
    Failure::saying(Kind::Timeout, Charged::No, message).retryable()
}
