//! What a reply means. Money is decided here and nowhere else.

use crate::api::{self, Envelope, Reply, TaskDetail};
use crate::failure::{Charged, Failure, Kind};
use crate::json::Json;
use crate::text::{contains, number, push_number};
use crate::validate;

/// What the reply to a createTask means.
#[derive(Clone, Debug, PartialEq)]
pub enum Created {
    /// A task was made; this is its id.
    Made(String),
    /// Nothing was made, because of the rate limit: the one refusal that may be sent again.
    /// Holds how long the server asks to wait, in milliseconds, where it says.
    Limited(Option<u64>, Box<Failure>),
    /// Nothing was made, or nobody knows. Not to be sent again.
    Failed(Box<Failure>),
}

/// Codes with which the service refuses to make a task. 500 and 501 are not among
/// them: a server that breaks may have made the task before.
const REFUSALS: [i64; 11] = [400, 401, 402, 403, 404, 405, 422, 433, 451, 455, 505];

/// What code 500 says where it is a refusal all the same: permanent parameter
/// errors and an empty account, met by several clients of the API. And the code that it stands for.
const REFUSALS_AT_500: [(&str, i64); 2] = [("image is required", 500), ("credits insufficient", 402)];

/// Statuses by which a server or proxy says that it has not passed the request on, where the body is not the API's.
/// 403 is not among them: a filter in between may block a reply whose request went through.
const NOT_PASSED_ON: [u16; 8] = [401, 404, 405, 407, 413, 414, 421, 431];

/// Reads the reply to a createTask.
#[must_use]
pub fn created<V: Json>(reply: &Reply<V>) -> Created {
    let envelope = reply.envelope();
    // Whatever code and status are: a task that has an id can be looked at, and tells the truth.
    if let Some(task_id) = reply.body.as_ref().and_then(api::task_id) {
        return Created::Made(task_id);
    }
    let code = envelope.as_ref().map(|envelope| envelope.code);
    // A 429 wins over whatever else the body is: nothing was made.
    if code == Some(429) || reply.status == 429 {
        let failure = refused(429, envelope.as_ref(), reply.status);
        return Created::Limited(reply.retry_after, failure.retryable());
    }
    Created::Failed(match envelope {
        Some(envelope) if REFUSALS.contains(&envelope.code) => {
            refused(envelope.code, Some(&envelope), reply.status)
        }
        Some(envelope) => match refusal_at_500(&envelope, reply.status) {
            Some(meant) => {
                let mut failure = refused(meant, Some(&envelope), reply.status);
                failure.code = Some(envelope.code);
                failure
            }
            None => unknown(reply.status, Some(&envelope)),
        },
        None if NOT_PASSED_ON.contains(&reply.status) => not_passed_on(reply.status),
        None => unknown::<V>(reply.status, None),
    })
}

/// The code that a code 500 stands for, where it is a refusal.
fn refusal_at_500<V>(envelope: &Envelope<V>, status: u16) -> Option<i64> {
    let msg = envelope.msg.as_deref().unwrap_or_default().to_ascii_lowercase();
    let is_known = |known: &&(&str, i64)| envelope.code == 500 && status == 200 && contains(&msg, known.0);
    REFUSALS_AT_500.iter().find(is_known).map(|known| known.1)
}

fn not_passed_on(status: u16) -> Box<Failure> {
    let kind = match status {
        401 => Kind::Unauthorized,
        404 => Kind::NotFound,
        405 => Kind::MethodNotAllowed,
        _ => Kind::BadReply,
    };
    let mut message = String::from("Another server than the API refused the request, with HTTP status ");
    push_number(&mut message, status.into());
    message.push_str(". No task was made. Check the base URL.");
    Failure::saying(kind, Charged::No, &message).with(None, status, None)
}

fn refused<V>(code: i64, envelope: Option<&Envelope<V>>, status: u16) -> Box<Failure> {
    let msg = envelope.and_then(|envelope| envelope.msg.as_deref());
    Failure::of_code(code, msg, status, Charged::No)
}

fn unknown<V>(status: u16, envelope: Option<&Envelope<V>>) -> Box<Failure> {
    Failure::new(Kind::OutcomeUnknown, Charged::Unknown).with(
        envelope.map(|envelope| envelope.code),
        status,
        envelope.and_then(|envelope| envelope.msg.as_deref()),
    )
}

/// What the reply to a recordInfo means.
#[derive(Clone, Debug, PartialEq)]
pub enum Looked {
    /// The record.
    Record(TaskDetail),
    /// There is no such record, which a task just made says for a while.
    Missing(Box<Failure>),
    /// This poll told nothing; the next one may. Holds how long the server asks to wait,
    /// in milliseconds, where it says.
    Again(Option<u64>, Box<Failure>),
    /// No later poll will say anything else.
    Failed(Box<Failure>),
}

/// Reads the reply to a recordInfo. The task exists or may exist, so what is charged is
/// not known by any answer but its record.
#[must_use]
pub fn looked<V: Json>(reply: &Reply<V>) -> Looked {
    let status = reply.status;
    let Some(envelope) = reply.envelope() else {
        let kind = match status {
            429 => Kind::RateLimited,
            500.. => Kind::ServerError,
            _ => Kind::BadReply,
        };
        let failure = Failure::new(kind, Charged::Unknown).with(None, status, None);
        return Looked::Again(reply.retry_after, failure.retryable());
    };
    // A failed task may come with its failure's code; the record says more.
    if let Some(detail) = envelope.data.as_ref().and_then(TaskDetail::read) {
        return Looked::Record(detail);
    }
    let failure = Failure::of_code(envelope.code, envelope.msg.as_deref(), status, Charged::Unknown);
    match envelope.code {
        // Documented for an unknown id, and what the wire says instead: `recordInfo is null`.
        404 => Looked::Missing(missing(&envelope, status)),
        422 if says_null(&envelope) => Looked::Missing(missing(&envelope, status)),
        400 | 401 | 402 | 403 | 405 | 422 | 433 | 451 | 501 | 505 => Looked::Failed(failure),
        // The task is over, as far as the service knows; its record may still come.
        408 => Looked::Failed(gave_nothing(&envelope, status)),
        // It says that it went well, and there is no record in it.
        200 => Looked::Again(reply.retry_after, no_record(&envelope, status)),
        // 429, 455, 500, and what nobody has documented.
        _ => Looked::Again(reply.retry_after, failure.retryable()),
    }
}

fn gave_nothing<V>(envelope: &Envelope<V>, status: u16) -> Box<Failure> {
    let message = "The service got nothing from the model for ten minutes and has ended the task. Resume it later, or \
                   look at the account before you send it again.";
    let failure = Failure::saying(Kind::ServerError, Charged::Unknown, message);
    failure.with(Some(envelope.code), status, envelope.msg.as_deref())
}

fn no_record<V>(envelope: &Envelope<V>, status: u16) -> Box<Failure> {
    let failure = Failure::new(Kind::BadReply, Charged::Unknown);
    failure.with(Some(envelope.code), status, envelope.msg.as_deref()).retryable()
}

fn missing<V>(envelope: &Envelope<V>, status: u16) -> Box<Failure> {
    Failure::new(Kind::NotFound, Charged::Unknown).with(Some(envelope.code), status, envelope.msg.as_deref())
}

fn says_null<V>(envelope: &Envelope<V>) -> bool {
    envelope.msg.as_deref().is_some_and(|msg| contains(msg, "null"))
}

/// The `failCode` of a gateway's task of which it could not find out whether the service made it.
pub const OUTCOME_UNKNOWN: &str = "OUTCOME_UNKNOWN";

/// What a task that ended with `fail` means.
#[must_use]
pub fn failed(detail: &TaskDetail) -> Box<Failure> {
    if detail.fail_code.as_deref() == Some(OUTCOME_UNKNOWN) {
        let message = "The gateway sent the request and no readable answer came: the task may have been made and \
                       charged. Resume it later, or look at the account before you send it again.";
        let mut failure = Failure::saying(Kind::OutcomeUnknown, Charged::Unknown, message);
        failure.fail_code.clone_from(&detail.fail_code);
        return failure.quoting(detail.fail_msg.as_deref());
    }
    // A failed task consumes nothing (`creditsConsumed` is 0.0); believe a record that says otherwise.
    let charged = match detail.credits_consumed {
        Some(credits) if credits > 0.0 => Charged::Yes,
        _ => Charged::No,
    };
    let mut failure = Failure::new(Kind::GenerationFailed, charged);
    failure.fail_code.clone_from(&detail.fail_code);
    failure.code = detail.fail_code.as_deref().and_then(number).and_then(|code| i64::try_from(code).ok());
    failure.quoting(detail.fail_msg.as_deref().or(detail.fail_code.as_deref()))
}

/// What the reply to an upload means. An upload is free, so it may be sent again.
#[derive(Clone, Debug, PartialEq)]
pub enum Uploaded {
    /// The file can be fetched at this URL.
    At(String),
    /// It may work later. Holds how long the server asks to wait, in milliseconds, where it says.
    Again(Option<u64>, Box<Failure>),
    /// It will not work.
    Failed(Box<Failure>),
}

/// Reads the reply to an upload.
#[must_use]
pub fn uploaded<V: Json>(reply: &Reply<V>) -> Uploaded {
    let read = reply.envelope().as_ref().and_then(api::Uploaded::read);
    match read.filter(|uploaded| validate::image_url(&uploaded.download_url).is_ok()) {
        Some(uploaded) => Uploaded::At(uploaded.download_url),
        None => match costless(reply) {
            failure if failure.retryable => Uploaded::Again(reply.retry_after, failure),
            failure => Uploaded::Failed(failure),
        },
    }
}

/// Reads the reply to credit: the balance.
///
/// # Errors
/// Why it is not known.
pub fn balance<V: Json>(reply: &Reply<V>) -> Result<f64, Box<Failure>> {
    let envelope = reply.envelope().filter(|envelope| envelope.code == 200);
    envelope.and_then(|envelope| envelope.credit()).ok_or_else(|| costless(reply))
}

/// What a useless reply means to a call that no task comes of, and so no charge.
fn costless<V: Json>(reply: &Reply<V>) -> Box<Failure> {
    let envelope = reply.envelope();
    let msg = envelope.as_ref().and_then(|envelope| envelope.msg.as_deref());
    let code = envelope.as_ref().map(|envelope| envelope.code);
    let of = |kind| Failure::new(kind, Charged::No).with(None, reply.status, None);
    match code {
        _ if reply.status == 429 => Failure::of_code(429, msg, reply.status, Charged::No),
        None if reply.status >= 500 => of(Kind::ServerError).retryable(),
        // A redirect and a refusal in somebody else's words stay what they are.
        None if !(200..300).contains(&reply.status) => of(Kind::BadReply),
        // It says that it went well, and what was asked for is not in it.
        None | Some(200) => of(Kind::BadReply).retryable(),
        Some(500) => Failure::of_code(500, msg, reply.status, Charged::No).retryable(),
        Some(404) => {
            let message = "The server does not have what was asked for. Check the base URL.";
            Failure::saying(Kind::NotFound, Charged::No, message).with(code, reply.status, msg)
        }
        Some(code) => Failure::of_code(code, msg, reply.status, Charged::No),
    }
}
