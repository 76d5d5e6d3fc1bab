//! What the machine of an account asks for.

use crisp_upscale_core::task::Instant;

use crate::input::{RequestId, StreamId};
use crate::protocol::Reply;

/// An output. All but [`Output::SetAlarm`] are carried out after the transaction is committed, in order, none waiting
/// for another. Each that reaches for the network ends with the [`Input`](crate::Input) that it names.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Set the alarm, within the transaction. It replaces the one that is set.
    SetAlarm(Instant),
    /// Answer a request.
    Reply {
        /// Which.
        id: RequestId,
        /// With what.
        reply: Reply,
    },
    /// Write to an event stream.
    Push {
        /// Which.
        stream: StreamId,
        /// A whole message, as it goes over the wire.
        message: String,
    },
    /// Close an event stream, after what was pushed: all its tasks have ended.
    CloseStream(StreamId),
    /// `POST` createTask, with the key. Wait for [`CREATE_TIMEOUT`](crate::timeouts::CREATE_TIMEOUT) at most; then
    /// [`Input::Created`](crate::Input::Created).
    SendCreate {
        /// The job.
        job: String,
        /// The body, JSON.
        body: String,
    },
    /// `GET` recordInfo of this task of the service's, with the key; then [`Input::Polled`](crate::Input::Polled).
    PollTask {
        /// The job.
        job: String,
        /// The service's task.
        task: String,
    },
    /// `POST` the end of a job to the caller's own callback, without the key; then
    /// [`Input::Relayed`](crate::Input::Relayed).
    Relay {
        /// The job.
        job: String,
        /// The address, which was checked when the job was ordered. Redirects are not followed.
        url: String,
        /// The body, JSON.
        body: String,
    },
    /// Copy a result to the bucket, under the job's id; then [`Input::Copied`](crate::Input::Copied).
    CopyResult {
        /// The job.
        job: String,
        /// The service's URL of the result.
        url: String,
    },
    /// Delete the copy of a result; then [`Input::CopyDeleted`](crate::Input::CopyDeleted).
    DeleteCopy {
        /// The job.
        job: String,
    },
    /// Write to the log that a job has ended.
    LogEnd {
        /// The job.
        job: String,
        /// `success`, `fail`, `refused` or `unknown`.
        state: &'static str,
        /// Whether the reply to its createTask was lost and a callback named the task.
        recovered: bool,
    },
}
