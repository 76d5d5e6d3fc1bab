//! Recovers an attempt whose createTask was cut off: asks the gateway what became of its `Idempotency-Key`. This makes
//! nothing. When the gateway's answer is to be believed is decided here and nowhere else.

use crate::failure::{Charged, Failure, Kind};
use crate::job::Fault;
use crate::json::Json;
use crate::pace;
use crate::text::push_number;
use crate::verdict::{Looked, looked};
use crate::wire::{self, Reply};

/// The gateway's read. A client asks this path of whatever it has a token for: the read makes nothing, and of a server
/// without it every answer is "cannot say".
pub const PATH: &str = "/api/v1/jobs/attempt";

/// How long after the entry's last renewal a createTask may leave, in milliseconds. The client renews the entry before it
/// sends later.
pub const SENDING: f64 = 60_000.0;

/// How long a createTask that has left may take to arrive, in milliseconds. The client gives up on it after as long.
const ARRIVAL: f64 = 60_000.0;

/// How often in a row the read may fail.
const MAX_FAILURES: u32 = 5;

/// How long the reply to the read may take, in milliseconds.
pub const READ_TIMEOUT: u64 = 20_000;

/// Until when a createTask may leave that is about to leave at `now`, both in Unix milliseconds: `None` where it may
/// still leave under the entry as it is, which says `until`.
#[must_use]
pub fn renewed(until: f64, now: f64) -> Option<f64> {
    (now >= until || now < until - SENDING).then_some(now + SENDING)
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The task of the attempt. The recovery is over.
    Made(String),
    /// The request never arrived and cannot arrive any more. Nothing was made. The recovery is over.
    NeverArrived,
    /// Ask again after so many milliseconds.
    AskIn(u64),
    /// The recovery has failed. Nothing is known that was not known before.
    Failed(Box<Failure>),
}

/// The recovery of one attempt. It starts with a read.
#[derive(Debug)]
pub struct Recovery {
    /// When the entry was written, before the first request left, in Unix milliseconds.
    created_at: f64,
    /// Until when a request may have left, in Unix milliseconds. `None` where that is not known, or another server was
    /// sent the request: then no server is believed that it never arrived.
    sends_until: Option<f64>,
    /// Reads so far.
    reads: u32,
    /// Reads in a row that failed.
    failures: u32,
}

impl Recovery {
    /// Of an entry that was written at `created_at` and whose requests left no later than `sends_until`, both in Unix
    /// milliseconds. `same_server`: whether the server that is asked is the one that the request was sent to.
    #[must_use]
    pub fn new(created_at: f64, sends_until: Option<f64>, same_server: bool) -> Self {
        let sends_until = sends_until.filter(|_| same_server);
        Recovery { created_at, sends_until, reads: 0, failures: 0 }
    }

    /// Takes the reply to a read that came at `now` (Unix milliseconds). `left` is how long the call may still take.
    pub fn replied<V: Json>(&mut self, reply: &Reply<V>, now: f64, left: f64) -> Next {
        let envelope = reply.envelope();
        let data = envelope.as_ref().filter(|envelope| envelope.code == 200);
        if let Some(data) = data.and_then(|envelope| envelope.data.as_ref()) {
            self.failures = 0;
            return match wire::own_task_id(data) {
                Some(task_id) => Next::Made(task_id),
                None => self.no_task(data, now, left),
            };
        }
        match looked(reply) {
            Looked::Failed(failure) if failure.kind == Kind::Unauthorized => Next::Failed(failure),
            // A busy server or a web page in between. A server without the read has a status of its own for that.
            Looked::Again(asked, failure) if !(300..429).contains(&reply.status) => {
                self.again(asked, &failure, left)
            }
            _ => cannot_say(),
        }
    }

    /// Takes it that no reply came.
    pub fn failed(&mut self, fault: Fault, left: f64) -> Next {
        match fault {
            Fault::Lost | Fault::TimedOut | Fault::NoConnection => self.again(None, &fault.of_read(), left),
            _ => Next::Failed(fault.of_read()),
        }
    }

    /// The gateway has no task for it.
    fn no_task<V: Json>(&mut self, data: &V, now: f64, left: f64) -> Next {
        let never = data.get("arrived").and_then(|arrived| arrived.boolean()) == Some(false);
        let (true, Some(remembers), Some(sends_until)) =
            (never, data.number_at("remembersFor"), self.sends_until)
        else {
            return cannot_say();
        };
        let age = now - self.created_at;
        let wait = sends_until + ARRIVAL - now;
        if wait > 0.0 {
            // Often, since a request that is under way arrives soon.
            self.reads += 1;
            let pause = wait.min(pace::after_failure(self.reads) as f64);
            if pause < left {
                return Next::AskIn(pause as u64 + 1);
            }
            let message = "It cannot be known yet whether the request arrived. Nothing was sent now. Seconds until it \
                           can be known: ";
            let mut failure = Failure::saying(Kind::OutcomeUnknown, Charged::Unknown, message).retryable();
            push_number(&mut failure.message, (wait / 1_000.0) as u64 + 1);
            failure.message.push_str(". Make the same call again then.");
            return Next::Failed(failure);
        }
        // A clock that was set back says nothing.
        if age >= 0.0 && age < remembers { Next::NeverArrived } else { cannot_say() }
    }

    /// The read failed: reads again, or gives up where that has no end or the call has one.
    fn again(&mut self, asked: Option<u64>, read: &Failure, left: f64) -> Next {
        self.failures += 1;
        let wait = pace::wait(asked, self.failures);
        if self.failures < MAX_FAILURES && (wait as f64) < left {
            return Next::AskIn(wait);
        }
        let message = "The gateway could not be asked whether a task was made. Nothing was sent that makes one. Make \
                       the same call again later.";
        let mut failure = Failure::saying(Kind::OutcomeUnknown, Charged::Unknown, message).retryable();
        (failure.code, failure.status) = (read.code, read.status);
        Next::Failed(failure)
    }
}

fn cannot_say() -> Next {
    let message = "The server cannot say whether a task was made. Nothing was sent now that makes one. Look at the \
                   account, then forget() the attempt.";
    Next::Failed(Failure::saying(Kind::OutcomeUnknown, Charged::Unknown, message))
}
