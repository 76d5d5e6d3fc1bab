//! How long the account waits.

/// How long the response to a createTask may take, in milliseconds.
pub const CREATE_TIMEOUT: u64 = 60_000;

/// How long a caller's createTask waits for the service's answer, in milliseconds. Then the shell gives
/// [`Input::AnswerTimeout`](crate::Input::AnswerTimeout), and the caller is answered with the job's id alone.
pub const ANSWER_TIMEOUT: u64 = 10_000;
