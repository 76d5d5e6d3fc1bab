//! Recovers an attempt whose createTask was cut off: asks the gateway what became of its `Idempotency-Key`, which makes
//! nothing. When "never arrived" is believed is decided here and nowhere else.

use super::Instant;
use crate::api::{Response, own_task_id};
use crate::backoff;
use crate::classify::{RecordInfoResponse, record_info};
use crate::failure::{Charged, Failure, Kind};
use crate::json::Json;
use crate::network_error::NetworkError;
use crate::text::push_number;

/// The gateway's read. A client asks any server that it has a token for: the read makes nothing, and every answer of a
/// server without it is "cannot say".
pub const PATH: &str = "/api/v1/jobs/attempt";

/// How long after its entry was last renewed a createTask may leave, in milliseconds. A client renews the entry before it
/// sends later.
pub const SENDING: f64 = 60_000.0;

/// How long a createTask that has left may take to arrive, in milliseconds. The client gives up on it after as long.
const ARRIVAL: f64 = 60_000.0;

/// How many reads in a row may fail.
const MAX_FAILURES: u32 = 5;

/// The timeout of one read, in milliseconds.
const READ_TIMEOUT: u64 = 20_000;

/// Until when a createTask may leave that is about to leave at `now`, both in Unix milliseconds: `None` where its entry
/// allows it already, `until` that time.
#[must_use]
pub fn renewed(until: f64, now: f64) -> Option<f64> {
    (now >= until || now < until - SENDING).then_some(now + SENDING)
}

/// What the machine is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<V> {
    /// The recovery begins.
    Started,
    /// The instant of [`Output::Sleep`] has come.
    TimerFired,
    /// A response to the read came.
    Response(Response<V>),
    /// No response came.
    NetworkError(NetworkError),
}

/// What the machine asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send the read.
    Ask {
        /// When to give up on the response.
        until: Instant,
    },
    /// Sleep.
    Sleep {
        /// When to wake up.
        until: Instant,
    },
    /// The task of the attempt.
    Created(String),
    /// The request never arrived and cannot arrive any more, so there is no task.
    NeverArrived,
    /// Nothing is known that was not known before.
    Failed(Box<Failure>),
}

/// Recovers one attempt.
#[derive(Debug)]
pub struct Recover {
    /// When the entry was written, before the first request left, in Unix milliseconds.
    created_at: f64,
    /// Until when a request may have left, in Unix milliseconds; `None` where that is not known, or another server was
    /// sent the request. No server is believed then that it never arrived.
    sends_until: Option<f64>,
    deadline: Instant,
    /// Reads that came too early.
    reads: u32,
    /// Consecutive failed reads.
    failures: u32,
}

impl Recover {
    /// A machine that ends at `deadline` at the latest, for an entry that was written at `created_at` and whose requests
    /// left no later than `sends_until`, both in Unix milliseconds.
    ///
    /// `same_server`: the server that is asked is the one that the request was sent to.
    #[must_use]
    pub fn new(created_at: f64, sends_until: Option<f64>, same_server: bool, deadline: Instant) -> Self {
        let sends_until = sends_until.filter(|_| same_server);
        Recover { created_at, sends_until, deadline, reads: 0, failures: 0 }
    }

    /// Takes an input and says what to do next; `clock` is the Unix time in milliseconds. Nothing follows
    /// [`Output::Created`], [`Output::NeverArrived`] and [`Output::Failed`].
    pub fn handle<V: Json>(&mut self, input: Input<V>, now: Instant, clock: f64) -> Output {
        match input {
            Input::Started | Input::TimerFired => {
                Output::Ask { until: self.deadline.min(now.saturating_add(READ_TIMEOUT)) }
            }
            Input::Response(response) => self.response(&response, now, clock),
            Input::NetworkError(
                error @ (NetworkError::Lost | NetworkError::TimedOut | NetworkError::NoConnection),
            ) => self.retry(None, &error.failure_of_read(Charged::Unknown), now),
            Input::NetworkError(error) => Output::Failed(error.failure_of_read(Charged::Unknown)),
        }
    }

    fn response<V: Json>(&mut self, response: &Response<V>, now: Instant, clock: f64) -> Output {
        let envelope = response.envelope().filter(|envelope| envelope.code == 200);
        if let Some(data) = envelope.and_then(|envelope| envelope.data) {
            self.failures = 0;
            return match own_task_id(&data) {
                Some(task_id) => Output::Created(task_id),
                None => self.no_task(&data, now, clock),
            };
        }
        match record_info(response) {
            RecordInfoResponse::Failed(failure) if failure.kind == Kind::Unauthorized => {
                Output::Failed(failure)
            }
            // A busy server, or a web page in between. A server without the read has a status of its own for that.
            RecordInfoResponse::Retry { retry_after, failure } if !(300..429).contains(&response.status) => {
                self.retry(retry_after, &failure, now)
            }
            _ => Output::Failed(cannot_say()),
        }
    }

    /// The gateway has no task for the key.
    fn no_task<V: Json>(&mut self, data: &V, now: Instant, clock: f64) -> Output {
        let never = data.get("arrived").and_then(|arrived| arrived.boolean()) == Some(false);
        let (true, Some(remembers), Some(sends_until)) =
            (never, data.number_at("remembersFor"), self.sends_until)
        else {
            return Output::Failed(cannot_say());
        };
        let wait = sends_until + ARRIVAL - clock;
        if wait > 0.0 {
            // Often, since a request that is on its way arrives soon.
            self.reads += 1;
            let delay = wait.min(backoff::delay(self.reads) as f64) as u64 + 1;
            let until = now.saturating_add(delay);
            return if until < self.deadline {
                Output::Sleep { until }
            } else {
                Output::Failed(too_early(wait))
            };
        }
        let age = clock - self.created_at;
        // A clock that was set back says nothing.
        if age >= 0.0 && age < remembers { Output::NeverArrived } else { Output::Failed(cannot_say()) }
    }

    /// Reads again, or fails where that was often enough or is beyond the deadline.
    fn retry(&mut self, retry_after: Option<u64>, read: &Failure, now: Instant) -> Output {
        self.failures += 1;
        let until = now.saturating_add(backoff::delay_or(retry_after, self.failures));
        if self.failures < MAX_FAILURES && until < self.deadline {
            return Output::Sleep { until };
        }
        let message = "The gateway could not be asked whether a task was made. Nothing was sent that makes one. Make \
                       the same call again later.";
        let mut failure = Failure::with_message(Kind::OutcomeUnknown, Charged::Unknown, message).retryable();
        (failure.code, failure.status) = (read.code, read.status);
        Output::Failed(failure)
    }
}

fn too_early(wait: f64) -> Box<Failure> {
    let message = "It cannot be known yet whether the request arrived. Nothing was sent now. Seconds until it can be \
                   known: ";
    let mut failure = Failure::with_message(Kind::OutcomeUnknown, Charged::Unknown, message).retryable();
    push_number(&mut failure.message, (wait / 1_000.0) as u64 + 1);
    failure.message.push_str(". Make the same call again then.");
    failure
}

fn cannot_say() -> Box<Failure> {
    let message = "The server cannot say whether a task was made. Nothing was sent now that makes one. Look at the \
                   account, then forget() the attempt.";
    Failure::with_message(Kind::OutcomeUnknown, Charged::Unknown, message)
}
