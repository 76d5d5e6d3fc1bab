//! What the machine of an account is given.

use crisp_upscale_core::api::Response;
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::task::Instant;
use serde_json::Value;

use crate::protocol::Request;

/// The shell's name for a request that waits for its reply. Names are not used twice while an [`Account`] lives.
///
/// [`Account`]: crate::Account
pub type RequestId = u64;

/// The shell's name for an open event stream. Names are not used twice while an account lives.
pub type StreamId = u64;

/// The service's response, or the network error that came instead.
pub type UpstreamResult = Result<Response<Value>, NetworkError>;

/// When an input arrives, and random bytes for the secrets that it may need.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Unix milliseconds.
    pub now: Instant,
    /// Fresh for each input, from the platform's cryptographic generator.
    pub random: [u8; 32],
}

/// An input.
#[derive(Clone, Debug)]
pub enum Input {
    /// A request of the Worker's. Its reply is an [`Output::Reply`], at once or later.
    ///
    /// [`Output::Reply`]: crate::Output::Reply
    Request {
        /// Names it in its reply.
        id: RequestId,
        /// What is asked.
        request: Request,
    },
    /// A request has waited for [`ANSWER_TIMEOUT`]. Without effect where it has its reply.
    ///
    /// [`ANSWER_TIMEOUT`]: crate::timeouts::ANSWER_TIMEOUT
    AnswerTimeout(RequestId),
    /// An event stream of these tasks was opened.
    Subscribe {
        /// Names it in its messages.
        stream: StreamId,
        /// Who opened it.
        caller: String,
        /// The tasks, by the ids that callers know.
        tasks: Vec<String>,
    },
    /// An event stream was closed by its reader.
    Unsubscribe(StreamId),
    /// What came of an [`Output::SendCreate`](crate::Output::SendCreate).
    Created {
        /// The job.
        job: String,
        /// What came.
        result: UpstreamResult,
    },
    /// What came of an [`Output::PollTask`](crate::Output::PollTask).
    Polled {
        /// The job.
        job: String,
        /// The service's task.
        task: String,
        /// What came.
        result: UpstreamResult,
    },
    /// Whether the caller's server took an [`Output::Relay`](crate::Output::Relay).
    Relayed {
        /// The job.
        job: String,
        /// Whether it did.
        ok: bool,
    },
    /// Whether an [`Output::CopyResult`](crate::Output::CopyResult) is done.
    Copied {
        /// The job.
        job: String,
        /// Whether it is.
        ok: bool,
    },
    /// Whether an [`Output::DeleteCopy`](crate::Output::DeleteCopy) is done.
    CopyDeleted {
        /// The job.
        job: String,
        /// Whether it is.
        ok: bool,
    },
    /// The alarm has fired. It may fire more than once, and too early.
    AlarmFired,
}
