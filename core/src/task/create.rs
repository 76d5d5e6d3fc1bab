//! Creates a task, once.

use super::Instant;
use crate::api::Response;
use crate::backoff;
use crate::classify::{CreateTaskResponse, create_task};
use crate::failure::{Charged, Failure, Kind};
use crate::json::Json;
use crate::network_error::NetworkError;

/// The timeout of one createTask, in milliseconds. Long, since giving up leaves an unknown outcome.
const REQUEST_TIMEOUT: u64 = 60_000;

/// How many requests are tried that make no connection.
const MAX_CONNECTS: u32 = 3;

/// How many requests of unknown outcome are sent again to a server that takes an `Idempotency-Key`.
const MAX_REPEATS: u32 = 3;

/// What the machine is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<V> {
    /// The call begins.
    Started,
    /// The rate limit lets a request leave now.
    LeaseAcquired,
    /// It did not in the time that was given.
    LeaseTimedOut,
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
    /// Acquire a lease of the [rate limit](crate::rate_limit), until this instant at the latest. The request that
    /// follows is the one that counts.
    AcquireLease {
        /// When to give up.
        until: Instant,
    },
    /// Send createTask.
    Send {
        /// When to give up on the response.
        until: Instant,
    },
    /// Sleep.
    Sleep {
        /// When to wake up.
        until: Instant,
    },
    /// The task exists; this is its id.
    Created(String),
    /// There is no task, or nobody knows.
    Failed(Box<Failure>),
}

/// Creates one task.
#[derive(Debug)]
pub struct Create {
    deadline: Instant,
    /// Whether the server makes one task of all requests of this call, as a gateway does that knows them by one
    /// `Idempotency-Key`.
    is_idempotent: bool,
    /// A request is in flight. No other leaves meanwhile, whatever input arrives.
    in_flight: bool,
    /// Requests that made no connection.
    connects: u32,
    /// Requests that the rate limit refused.
    refusals: u32,
    /// Requests of unknown outcome.
    losses: u32,
}

impl Create {
    /// A machine that ends at `deadline` at the latest.
    ///
    /// `is_idempotent`: the server makes one task of all requests of this call. A request of unknown outcome is
    /// sent again then.
    #[must_use]
    pub fn new(deadline: Instant, is_idempotent: bool) -> Self {
        Create { deadline, is_idempotent, in_flight: false, connects: 0, refusals: 0, losses: 0 }
    }

    /// Whether a task may have been made so far: what an aborted call says of its charge.
    #[must_use]
    pub fn charged(&self) -> Charged {
        if self.in_flight || self.losses > 0 { Charged::Unknown } else { Charged::No }
    }

    /// Takes an input and says what to do next. Nothing follows [`Output::Created`] and [`Output::Failed`].
    pub fn handle<V: Json>(&mut self, input: Input<V>, now: Instant) -> Output {
        match input {
            Input::Started | Input::TimerFired | Input::LeaseAcquired | Input::LeaseTimedOut
                if self.in_flight =>
            {
                Output::Failed(outcome_unknown())
            }
            Input::Started | Input::TimerFired => Output::AcquireLease { until: self.deadline },
            Input::LeaseTimedOut => self.fail(timed_out()),
            Input::LeaseAcquired if now >= self.deadline => self.fail(timed_out()),
            Input::LeaseAcquired => {
                self.in_flight = true;
                Output::Send { until: self.deadline.min(now.saturating_add(REQUEST_TIMEOUT)) }
            }
            Input::Response(response) => self.response(&response, now),
            Input::NetworkError(error) => self.network_error(error, now),
        }
    }

    fn response<V: Json>(&mut self, response: &Response<V>, now: Instant) -> Output {
        match create_task(response) {
            CreateTaskResponse::Created(task_id) => Output::Created(task_id),
            CreateTaskResponse::RateLimited { retry_after, failure } => {
                self.refusals += 1;
                self.retry(failure, backoff::delay_or(retry_after, self.refusals), now)
            }
            CreateTaskResponse::Failed(failure) if failure.kind == Kind::OutcomeUnknown => {
                self.lost(failure, now)
            }
            CreateTaskResponse::Failed(failure) => self.fail(failure),
        }
    }

    fn network_error(&mut self, error: NetworkError, now: Instant) -> Output {
        match error.nothing_sent(Charged::No) {
            None => self.lost(outcome_unknown(), now),
            Some(failure) if error == NetworkError::NoConnection => {
                self.connects += 1;
                if self.connects >= MAX_CONNECTS {
                    return self.fail(failure);
                }
                self.retry(failure, backoff::delay(self.connects), now)
            }
            // A certificate does not become valid by trying again.
            Some(failure) => self.fail(failure),
        }
    }

    /// A request may have made a task: it is sent again only where that makes no second one.
    fn lost(&mut self, failure: Box<Failure>, now: Instant) -> Output {
        self.losses += 1;
        if !self.is_idempotent || self.losses > MAX_REPEATS {
            return self.fail(failure);
        }
        self.retry(failure, backoff::delay(self.losses), now)
    }

    /// Sends again after `delay`, or fails where that is beyond the deadline.
    fn retry(&mut self, failure: Box<Failure>, delay: u64, now: Instant) -> Output {
        let until = now.saturating_add(delay);
        if until >= self.deadline {
            return self.fail(failure);
        }
        self.in_flight = false;
        Output::Sleep { until }
    }

    /// Fails. The response to a later request says nothing of an earlier one whose outcome is unknown.
    fn fail(&self, failure: Box<Failure>) -> Output {
        if self.losses == 0 || failure.kind == Kind::OutcomeUnknown {
            return Output::Failed(failure);
        }
        let mut unknown = outcome_unknown();
        (unknown.code, unknown.status) = (failure.code, failure.status);
        Output::Failed(unknown.append(" When it was sent again: ", &failure.message))
    }
}

fn outcome_unknown() -> Box<Failure> {
    Failure::new(Kind::OutcomeUnknown, Charged::Unknown)
}

fn timed_out() -> Box<Failure> {
    let message = "The time was over before the task could be made.";
    Failure::with_message(Kind::Timeout, Charged::No, message).retryable()
}
