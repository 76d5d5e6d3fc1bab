//! The first bytes of a file, asked for where it is. Never with the key: images and results
//! are on other hosts than the API.

use crate::backoff;
use crate::failure::Failure;
use crate::image::{HEAD_BYTES, Header, identify};
use crate::text::{cut, number, push_number};
use crate::validate;

/// The `Range` header that asks for no more than is looked at.
pub const RANGE: &str = "bytes=0-65535";
const _: () = assert!(HEAD_BYTES == 65_536);

/// How long the head of a result is waited for, in milliseconds. The result is there, and
/// what its head says is an extra.
pub const RESULT_TIMEOUT: u64 = 1_000;

/// How long the head of an image is waited for before it is sent, in milliseconds.
pub const PREFLIGHT_TIMEOUT: u64 = 10_000;

/// How often a busy host is asked again.
const RETRIES: u32 = 3;

/// What a host answered to a request for a file's first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// The size of the whole file in bytes, where the host says.
    pub total_bytes: Option<u64>,
    /// The first bytes; no more than [`HEAD_BYTES`] are needed.
    pub bytes: Vec<u8>,
}

impl Head {
    /// What a result is; `None` where it cannot be told.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        if self.is_file() { identify(&self.bytes).ok() } else { None }
    }

    /// Whether the service could take this image. `None`: what came says nothing about it.
    ///
    /// # Errors
    /// [`crate::failure::Kind::InvalidInput`]: the host refuses, or the file is not one that is taken.
    pub fn preflight(&self) -> Result<Option<Header>, Box<Failure>> {
        if self.is_file() {
            let total_bytes = self.total_bytes.unwrap_or(self.bytes.len() as u64);
            return validate::file(&self.bytes, total_bytes).map(Some);
        }
        if self.is_empty_file() {
            return validate::file(&[], 0).map(Some);
        }
        if self.status < 400 || self.says_nothing_of_the_file() {
            return Ok(None);
        }
        let mut message = String::from("The image's host answers with HTTP status ");
        push_number(&mut message, self.status.into());
        message.push_str(". Check the image's URL, and that everybody can fetch it.");
        Err(Failure::invalid(&message))
    }

    fn is_file(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// No range of an empty file can be given (RFC 9110, 15.5.17).
    fn is_empty_file(&self) -> bool {
        self.status == 416 && self.total_bytes == Some(0)
    }

    /// The host, or a proxy before it, has a fault or no time; or it is this client's own network that refuses.
    fn says_nothing_of_the_file(&self) -> bool {
        self.is_temporary() || self.status == 407
    }

    fn is_temporary(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..)
    }

    /// Whether it may be the range that is refused, and not the request.
    fn may_refuse_ranges(&self) -> bool {
        matches!(self.status, 400 | 405 | 416 | 501) && !self.is_empty_file()
    }
}

/// What a [`RangeProbe`] is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// It begins.
    Started,
    /// A reply, and how long its `Retry-After` asks to wait, in milliseconds.
    Response(Head, Option<u64>),
    /// No reply came.
    NetworkError,
    /// The instant to sleep until has come.
    TimerFired,
}

/// What a [`RangeProbe`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Request the file, with the header `Range:` [`RANGE`] where `ranged`. Read no more than [`HEAD_BYTES`].
    Send {
        /// Whether to send the header.
        ranged: bool,
    },
    /// Sleep until this instant.
    Sleep {
        /// When to wake, in milliseconds.
        until: u64,
    },
    /// It is over. `None`: no reply came.
    Finish(Option<Head>),
}

/// Requests a file's first bytes until its host has answered for or against it.
///
/// A host that refuses ranges is asked again without one. A host that is busy or has a fault is asked again after
/// a while, three times at most.
#[derive(Clone, Debug)]
pub struct RangeProbe {
    deadline: u64,
    ranged: bool,
    failures: u32,
}

impl RangeProbe {
    /// A probe that sends nothing from `deadline` on.
    #[must_use]
    pub fn new(deadline: u64) -> Self {
        RangeProbe { deadline, ranged: true, failures: 0 }
    }

    /// When to give up on a request.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        self.deadline
    }

    /// Takes what happened, and says what to do next.
    pub fn handle(&mut self, input: Input, now: u64) -> Output {
        let (head, retry_after) = match input {
            Input::Started | Input::TimerFired => return Output::Send { ranged: self.ranged },
            Input::NetworkError => return Output::Finish(None),
            Input::Response(head, retry_after) => (head, retry_after),
        };
        if self.ranged && head.may_refuse_ranges() {
            self.ranged = false;
            return Output::Send { ranged: false };
        }
        if head.is_temporary() && self.failures < RETRIES {
            self.failures += 1;
            let until = now.saturating_add(backoff::delay_or(retry_after, self.failures));
            if until < self.deadline {
                return Output::Sleep { until };
            }
        }
        Output::Finish(Some(head))
    }
}

/// The size of the whole file in bytes, from the headers of an answer to a ranged request.
/// Only of a whole file (status 200) does `Content-Length` tell it (RFC 9110, 14.4, 15.3.7 and 15.5.17).
#[must_use]
pub fn total_bytes(status: u16, content_range: Option<&str>, content_length: Option<&str>) -> Option<u64> {
    if matches!(status, 206 | 416) {
        number(cut(content_range?, "/")?.1.trim_ascii())
    } else {
        number(content_length?.trim_ascii())
    }
}
