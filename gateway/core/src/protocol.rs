//! What the Worker asks the object of the account, and what it is answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::order::Order;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// Make a job, or find the one that the same `Idempotency-Key` made. Answered with [`Reply::Created`],
    /// [`Reply::Refused`] or [`Reply::Conflict`].
    CreateTask {
        /// The job's id: [`keyed_job_id`](crate::ids::keyed_job_id) where the caller sent an `Idempotency-Key`,
        /// [`random_job_id`](crate::ids::random_job_id) where not.
        job: String,
        /// [`key_hash`](crate::ids::key_hash) of the `Idempotency-Key`.
        key_hash: Option<String>,
        /// What is ordered.
        order: Order,
        /// The gateway's own origin, as the caller reached it.
        base: String,
        /// How many tasks the caller may make in an hour; `None` for any number.
        tasks_per_hour: Option<u32>,
    },
    /// The record of a job. Answered with [`Reply::Record`].
    RecordInfo {
        /// Who asks.
        caller: String,
        /// The job.
        job: String,
    },
    /// What became of the createTask with this `Idempotency-Key`. It makes nothing. Answered with [`Reply::Attempt`].
    FindAttempt {
        /// [`keyed_job_id`](crate::ids::keyed_job_id) of the caller and the key.
        job: String,
        /// [`key_hash`](crate::ids::key_hash) of the key.
        key_hash: String,
    },
    /// A callback whose form and signature are right. Answered with [`Reply::Callback`].
    Callback {
        /// The job that its URL names.
        job: String,
        /// The secret that its URL carries.
        secret: String,
        /// The service's tasks that it names.
        tasks: Vec<String>,
    },
    /// Where the result of a job is. Whether the link is right was checked. Answered with [`Reply::Result`].
    Result {
        /// The job.
        job: String,
    },
    /// Somebody sent a passphrase. Answered with [`Reply::Passphrase`].
    Passphrase {
        /// Whether it is the right one.
        right: bool,
    },
    /// The counters, for the owner. Answered with [`Reply::Counters`].
    Counters,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Reply {
    /// The job is the caller's task. The body of the response.
    Created(Value),
    /// Nothing was made. With the service's code, or the gateway's own 429.
    Refused {
        /// The code.
        code: i64,
        /// Why, for people.
        message: String,
        /// After how many milliseconds to try again, where that helps.
        retry_after: Option<u64>,
    },
    /// The `Idempotency-Key` is that of another order: 422, with this sentence.
    Conflict(String),
    /// The body of the response, also where there is no such job.
    Record(Value),
    /// The body of the response.
    Attempt(Value),
    /// Whether the callback is taken.
    Callback {
        /// If not, it is refused as `unknown-task`.
        taken: bool,
    },
    /// Where the result is; `None` where there is none.
    Result(Option<ResultFile>),
    /// How many milliseconds to wait until a passphrase is checked again; `None` where this one counts.
    Passphrase {
        /// The wait.
        retry_after: Option<u64>,
    },
    /// The body of the response.
    Counters(Value),
}

/// Where a result is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultFile {
    /// At the service.
    pub url: String,
    /// Whether it was copied to the bucket.
    pub copied: bool,
}
