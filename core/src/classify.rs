//! What a response means, for the task and for the money. [`crate::network_error`] says what it means when no response
//! comes, and the machines of [`crate::task`] decide what is sent again.

use crate::api::{self, Envelope, Response, TaskDetail};
use crate::failure::{Charged, Failure, Kind};
use crate::json::Json;
use crate::text::{contains, number, push_number};
use crate::validate;

/// What the response to a createTask means.
#[derive(Clone, Debug, PartialEq)]
pub enum CreateTaskResponse {
    /// The task exists; this is its id.
    Created(String),
    /// There is no task, because of the rate limit: the same request may succeed later.
    RateLimited {
        /// How long the server asks to wait, in milliseconds, where it says.
        retry_after: Option<u64>,
        /// Why, for a caller who does not wait.
        failure: Box<Failure>,
    },
    /// There is no task; or nobody knows, and then the kind is [`Kind::OutcomeUnknown`].
    Failed(Box<Failure>),
}

/// Codes with which the service refuses to make a task. 500 and 501 are not among
/// them: a server that breaks may have made the task before.
const REFUSALS: [i64; 11] = [400, 401, 402, 403, 404, 405, 422, 433, 451, 455, 505];

/// What code 500 says where it is a refusal all the same: permanent parameter
/// errors and an empty account, met by several clients of the API. And the code that it stands for.
const REFUSALS_AT_500: [(&str, i64); 2] = [("image is required", 500), ("credits insufficient", 402)];

/// Statuses by which a server or proxy says that it has not passed the request on, where the body is not the API's.
/// 403 is not among them: a filter in between may block a response whose request went through.
const NOT_PASSED_ON: [u16; 8] = [401, 404, 405, 407, 413, 414, 421, 431];

/// Classifies the response to a createTask.
#[must_use]
pub fn create_task<V: Json>(response: &Response<V>) -> CreateTaskResponse {
    let envelope = response.envelope();
    // Whatever code and status are: a task that has an id can be looked at, and tells the truth.
    if let Some(task_id) = response.body.as_ref().and_then(api::task_id) {
        return CreateTaskResponse::Created(task_id);
    }
    let code = envelope.as_ref().map(|envelope| envelope.code);
    // A 429 wins over whatever else the body is: nothing was made.
    if code == Some(429) || response.status == 429 {
        let failure = refused(429, envelope.as_ref(), response.status);
        return CreateTaskResponse::RateLimited {
            retry_after: response.retry_after,
            failure: failure.retryable(),
        };
    }
    CreateTaskResponse::Failed(match envelope {
        Some(envelope) if REFUSALS.contains(&envelope.code) => {
            refused(envelope.code, Some(&envelope), response.status)
        }
        Some(envelope) => match refusal_at_500(&envelope, response.status) {
            Some(meant) => {
                let mut failure = refused(meant, Some(&envelope), response.status);
                failure.code = Some(envelope.code);
                failure
            }
            None => unknown(response.status, Some(&envelope)),
        },
        None if NOT_PASSED_ON.contains(&response.status) => not_passed_on(response.status),
        None => unknown::<V>(response.status, None),
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
    Failure::with_message(kind, Charged::No, &message).with(None, status, None)
}

fn refused<V>(code: i64, envelope: Option<&Envelope<V>>, status: u16) -> Box<Failure> {
    let msg = envelope.and_then(|envelope| envelope.msg.as_deref());
    Failure::from_code(code, msg, status, Charged::No)
}

fn unknown<V>(status: u16, envelope: Option<&Envelope<V>>) -> Box<Failure> {
    Failure::new(Kind::OutcomeUnknown, Charged::Unknown).with(
        envelope.map(|envelope| envelope.code),
        status,
        envelope.and_then(|envelope| envelope.msg.as_deref()),
    )
}

/// What the response to a recordInfo means.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordInfoResponse {
    /// The record.
    Record(TaskDetail),
    /// There is no such record, as there is none of a new task for a while.
    Missing(Box<Failure>),
    /// This poll says nothing of the task; the next one may.
    Retry {
        /// How long the server asks to wait, in milliseconds, where it says.
        retry_after: Option<u64>,
        /// What is wrong with this response.
        failure: Box<Failure>,
    },
    /// No later poll will say anything else.
    Failed(Box<Failure>),
}

/// Classifies the response to a recordInfo. The task exists or may exist, so nothing but its record says what is
/// charged.
#[must_use]
pub fn record_info<V: Json>(response: &Response<V>) -> RecordInfoResponse {
    let retry = |failure| RecordInfoResponse::Retry { retry_after: response.retry_after, failure };
    let status = response.status;
    let Some(envelope) = response.envelope() else {
        let kind = match status {
            429 => Kind::RateLimited,
            500.. => Kind::ServerError,
            _ => Kind::BadReply,
        };
        let failure = Failure::new(kind, Charged::Unknown).with(None, status, None);
        return retry(failure.retryable());
    };
    // A failed task may come with its failure's code; the record says more.
    if let Some(detail) = envelope.data.as_ref().and_then(TaskDetail::read) {
        return RecordInfoResponse::Record(detail);
    }
    let failure = Failure::from_code(envelope.code, envelope.msg.as_deref(), status, Charged::Unknown);
    match envelope.code {
        // Documented for an unknown id, and what the wire says instead: `recordInfo is null`.
        404 => RecordInfoResponse::Missing(missing(&envelope, status)),
        422 if says_null(&envelope) => RecordInfoResponse::Missing(missing(&envelope, status)),
        400 | 401 | 402 | 403 | 405 | 422 | 433 | 451 | 501 | 505 => RecordInfoResponse::Failed(failure),
        // The task is over, as far as the service knows; its record may still come.
        408 => RecordInfoResponse::Failed(upstream_gave_nothing(&envelope, status)),
        // It says that it went well, and there is no record in it.
        200 => retry(no_record(&envelope, status)),
        // 429, 455, 500, and what nobody has documented.
        _ => retry(failure.retryable()),
    }
}

fn upstream_gave_nothing<V>(envelope: &Envelope<V>, status: u16) -> Box<Failure> {
    let message = "The service got nothing from the model for ten minutes and has ended the task. Resume it later, or \
                   look at the account before you send it again.";
    let failure = Failure::with_message(Kind::ServerError, Charged::Unknown, message);
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
pub fn failed_task(detail: &TaskDetail) -> Box<Failure> {
    if detail.fail_code.as_deref() == Some(OUTCOME_UNKNOWN) {
        let message = "The gateway sent the request and no readable answer came: the task may have been made and \
                       charged. Resume it later, or look at the account before you send it again.";
        let mut failure = Failure::with_message(Kind::OutcomeUnknown, Charged::Unknown, message);
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

/// What the response to an upload means. An upload is free, so it may be sent again.
#[derive(Clone, Debug, PartialEq)]
pub enum UploadResponse {
    /// The file can be fetched at this URL.
    Uploaded(String),
    /// It may work later.
    Retry {
        /// How long the server asks to wait, in milliseconds, where it says.
        retry_after: Option<u64>,
        /// Why it did not work.
        failure: Box<Failure>,
    },
    /// It will not work.
    Failed(Box<Failure>),
}

/// Classifies the response to an upload.
#[must_use]
pub fn upload<V: Json>(response: &Response<V>) -> UploadResponse {
    let read = response.envelope().as_ref().and_then(api::UploadedFile::read);
    match read.filter(|file| validate::image_url(&file.download_url).is_ok()) {
        Some(file) => UploadResponse::Uploaded(file.download_url),
        None => match free_of_charge(response) {
            failure if failure.retryable => {
                UploadResponse::Retry { retry_after: response.retry_after, failure }
            }
            failure => UploadResponse::Failed(failure),
        },
    }
}

/// Classifies the response to a credit: the balance, in credits.
///
/// # Errors
/// Why it is not known.
pub fn credit<V: Json>(response: &Response<V>) -> Result<f64, Box<Failure>> {
    let envelope = response.envelope().filter(|envelope| envelope.code == 200);
    envelope.and_then(|envelope| envelope.credit()).ok_or_else(|| free_of_charge(response))
}

/// What a useless response means to a call that creates no task and so costs nothing.
fn free_of_charge<V: Json>(response: &Response<V>) -> Box<Failure> {
    let envelope = response.envelope();
    let msg = envelope.as_ref().and_then(|envelope| envelope.msg.as_deref());
    let code = envelope.as_ref().map(|envelope| envelope.code);
    let of = |kind| Failure::new(kind, Charged::No).with(None, response.status, None);
    match code {
        _ if response.status == 429 => Failure::from_code(429, msg, response.status, Charged::No),
        None if response.status >= 500 => of(Kind::ServerError).retryable(),
        // A redirect and a refusal in somebody else's words stay what they are.
        None if !(200..300).contains(&response.status) => of(Kind::BadReply),
        // It says that it went well, and what was asked for is not in it.
        None | Some(200) => of(Kind::BadReply).retryable(),
        Some(500) => Failure::from_code(500, msg, response.status, Charged::No).retryable(),
        Some(404) => {
            let message = "The server does not have what was asked for. Check the base URL.";
            Failure::with_message(Kind::NotFound, Charged::No, message).with(code, response.status, msg)
        }
        Some(code) => Failure::from_code(code, msg, response.status, Charged::No),
    }
}
