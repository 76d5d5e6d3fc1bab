//! Whether to take a callback, and what it comes to.
//!
//! Its signature covers the task's id and a timestamp and not the body, so all that a
//! callback can say is that a task may have ended. How it ended says its record, which is
//! read again.

use crate::api::{Response, State, callback_task_ids};
use crate::classify::{RecordInfoResponse, failed_task, record_info};
use serde::{Serialize, Serializer};

use crate::failure::{Charged, Failure, Kind};
use crate::json::Json;
use crate::task::TaskSuccess;
use crate::text::number;

/// How long receiving one may take, in milliseconds. The service waits 15 s for the response (documented for sibling
/// APIs), which takes a while to arrive.
pub const TIMEOUT: u64 = 10_000;

/// How far a callback's timestamp may be from the receiver's clock, in seconds. The API
/// documents none.
const TOLERANCE: f64 = 300.0;

/// More than this is no window, or milliseconds taken for seconds.
const MAX_TOLERANCE: f64 = 86_400.0;

/// Why a callback is not taken. Nothing was asked or remembered because of it, except for
/// [`Refusal::OtherTask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no POST.
    Method,
    /// The body is longer than a callback can be.
    TooLarge,
    /// The body was cut or is not JSON.
    Unreadable,
    /// The body names no task.
    NoTaskId,
    /// A signature is wanted, and it or its timestamp is missing.
    Unsigned,
    /// The timestamp is not a number of seconds.
    BadTimestamp,
    /// The timestamp is too old, or too far in the future.
    OutsideWindow,
    /// No key makes this signature of any id in the body.
    BadSignature,
    /// No signature is wanted, and the task is not one that the receiver knows.
    UnknownTask,
    /// The service answered with the record of another task.
    OtherTask,
}

impl Refusal {
    /// The word that JavaScript and the sender see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::Method => "method-not-allowed",
            Refusal::TooLarge => "too-large",
            Refusal::Unreadable => "unreadable",
            Refusal::NoTaskId => "no-task-id",
            Refusal::Unsigned => "unsigned",
            Refusal::BadTimestamp => "bad-timestamp",
            Refusal::OutsideWindow => "outside-window",
            Refusal::BadSignature => "bad-signature",
            Refusal::UnknownTask => "unknown-task",
            Refusal::OtherTask => "other-task",
        }
    }
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The HTTP status to answer with: by the word for a refusal, or else by what kind of outcome it
/// is. The service calls again after anything but a 200.
#[must_use]
pub fn status(word: &str) -> u16 {
    match word {
        "success" | "failed" | "duplicate" => 200,
        "unreadable" | "no-task-id" => 400,
        "method-not-allowed" => 405,
        "too-large" => 413,
        "later" => 503,
        _ => 403,
    }
}

/// A callback as it came.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The header `X-Webhook-Timestamp`.
    pub timestamp: Option<&'a str>,
    /// The header `X-Webhook-Signature`.
    pub signature: Option<&'a str>,
    /// The body; `None` where it is longer than is read.
    pub body: Option<&'a str>,
}

/// A callback that is well formed and fresh. Nothing in it is proven yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// What it may be about; the first that holds is what it is about.
    pub claims: Vec<Claim>,
    /// An HMAC-SHA256; `None` where no signature is wanted.
    pub signature: Option<Vec<u8>>,
    /// What comes of it where no claim holds.
    pub otherwise: Refusal,
}

/// A claim that a task has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The task.
    pub task_id: String,
    /// What must be signed for the claim to hold; `None` where no signature is wanted, and the
    /// receiver must know the task instead.
    pub message: Option<String>,
}

/// Opens a callback. `window`, in milliseconds, is how far its timestamp may be from `now`,
/// in Unix milliseconds; `None` where the receiver has no key to check a signature with.
///
/// # Errors
/// Why it is refused.
pub fn open<V: Json>(posted: Posted<'_>, window: Option<u64>, now: u64) -> Result<Opened, Refusal> {
    if posted.method != "POST" {
        return Err(Refusal::Method);
    }
    let stamp = window.map(|window| Stamp::read(posted, window, now)).transpose()?;
    let body = V::parse(posted.body.ok_or(Refusal::TooLarge)?).ok_or(Refusal::Unreadable)?;
    let claim =
        |task_id: String| Claim { message: stamp.as_ref().map(|stamp| stamp.message(&task_id)), task_id };
    let claims: Vec<Claim> = callback_task_ids(&body).into_iter().map(claim).collect();
    if claims.is_empty() {
        return Err(Refusal::NoTaskId);
    }
    Ok(match stamp {
        Some(stamp) => Opened { claims, signature: Some(stamp.signature), otherwise: Refusal::BadSignature },
        None => Opened { claims, signature: None, otherwise: Refusal::UnknownTask },
    })
}

/// A callback's timestamp and signature, which are well formed and within the window.
struct Stamp<'a> {
    timestamp: &'a str,
    signature: Vec<u8>,
}

impl<'a> Stamp<'a> {
    fn read(posted: Posted<'a>, window: u64, now: u64) -> Result<Self, Refusal> {
        let (Some(timestamp), Some(signature)) = (posted.timestamp, posted.signature) else {
            return Err(Refusal::Unsigned);
        };
        // Digits only, or `id.1` and `2` would sign the same message as `id` and `1.2`.
        let seconds = number(timestamp).ok_or(Refusal::BadTimestamp)?;
        if seconds.saturating_mul(1000).abs_diff(now) > window {
            return Err(Refusal::OutsideWindow);
        }
        let signature = decode(signature).ok_or(Refusal::BadSignature)?;
        Ok(Stamp { timestamp, signature })
    }

    fn message(&self, task_id: &str) -> String {
        let mut message = String::from(task_id);
        message.push('.');
        message.push_str(self.timestamp);
        message
    }
}

/// 32 bytes in base64, which are 43 digits and one `=`.
fn decode(base64: &str) -> Option<Vec<u8>> {
    let digits = base64.strip_suffix('=').filter(|digits| digits.len() == 43)?;
    let mut bytes = Vec::with_capacity(32);
    let (mut bits, mut held) = (0_u32, 0);
    for digit in digits.bytes() {
        bits = (bits << 6) | u32::from(value_of(digit)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

fn value_of(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// The window in milliseconds that a receiver sets in seconds; `None` where that is no window.
#[must_use]
pub fn window(tolerance: Option<f64>) -> Option<u64> {
    let seconds = tolerance.unwrap_or(TOLERANCE);
    (seconds > 0.0 && seconds <= MAX_TOLERANCE).then_some((seconds * 1000.0) as u64)
}

/// What a callback means, by the record of its task.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// The task has succeeded.
    Success(Box<TaskSuccess>),
    /// The task has failed.
    Failed(Box<Failure>),
    /// How the task ended cannot be said now; the service is to call again.
    Later(Box<Failure>),
    /// It is the record of another task.
    Refused(Refusal),
}

impl Meaning {
    /// By the response to the recordInfo of `task_id`.
    #[must_use]
    pub fn from_response<V: Json>(task_id: &str, response: &Response<V>) -> Self {
        let detail = match record_info(response) {
            RecordInfoResponse::Record(detail) => detail,
            // Also where the service does not know the task: it may not know it yet.
            RecordInfoResponse::Missing(failure)
            | RecordInfoResponse::Retry { failure, .. }
            | RecordInfoResponse::Failed(failure) => {
                return Meaning::Later(failure.for_task(task_id));
            }
        };
        if detail.task_id.as_ref().is_some_and(|other| other != task_id) {
            return Meaning::Refused(Refusal::OtherTask);
        }
        match detail.state {
            State::Success => {
                TaskSuccess::from_record(task_id, detail).map_or_else(Meaning::Later, Meaning::Success)
            }
            State::Fail => match failed_task(&detail).for_task(task_id) {
                // A gateway that does not know how it ended may know later.
                failure if failure.resumable => Meaning::Later(failure),
                failure => Meaning::Failed(failure),
            },
            State::Waiting | State::Queuing | State::Generating | State::Other(_) => {
                Meaning::Later(not_ended().for_task(task_id))
            }
        }
    }
}

/// The callback was faster than the record, or it is a lie.
fn not_ended() -> Box<Failure> {
    let message = "The callback says that the task has ended, and its record does not.";
    Failure::with_message(Kind::BadReply, Charged::Unknown, message).retryable()
}
