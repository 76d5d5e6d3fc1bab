//! Which path is for what, and by which method.

use crisp_upscale_core::api::{CREATE_TASK, CREDIT, RECORD_INFO};

/// The path of the event stream, as replies announce it.
pub const EVENTS: &str = "/api/v1/jobs/events";

/// The path of the read that finds an attempt by its `Idempotency-Key`, as replies announce it.
pub const ATTEMPTS: &str = "/api/v1/jobs/attempt";

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// What keeps the gateway closed, and what its page has to know.
    Health,
    /// What its owner may read.
    Counters,
    /// A token for the page.
    Token,
    /// createTask.
    Create,
    /// recordInfo.
    Record,
    /// What became of an attempt.
    Attempt,
    /// The event stream.
    Events,
    /// The balance.
    Credit,
    /// An upload as a form.
    StreamUpload,
    /// An upload in base64.
    Base64Upload,
    /// An upload by its URL.
    UrlUpload,
    /// The service's callback, to a job, with a secret.
    Callback(String, String),
    /// The result of a job.
    Result(String),
    /// Of this path, by another method.
    Other,
}

/// What a request is for, by its method in capitals and its path as it came; `None` where there is no such path.
/// `HEAD` is for whatever `GET` is for.
#[must_use]
pub fn route(method: &str, path: &str) -> Option<Route> {
    let (by, route) = match path {
        "/health" => ("GET", Route::Health),
        "/counters" => ("GET", Route::Counters),
        "/token" => ("POST", Route::Token),
        CREATE_TASK => ("POST", Route::Create),
        RECORD_INFO => ("GET", Route::Record),
        ATTEMPTS => ("GET", Route::Attempt),
        EVENTS => ("GET", Route::Events),
        CREDIT => ("GET", Route::Credit),
        "/api/file-stream-upload" => ("POST", Route::StreamUpload),
        "/api/file-base64-upload" => ("POST", Route::Base64Upload),
        "/api/file-url-upload" => ("POST", Route::UrlUpload),
        path => {
            let mut parts = path.split('/');
            match [(); 5].map(|()| parts.next()) {
                [Some(""), Some("callback"), Some(job), Some(secret), None] => {
                    ("POST", Route::Callback(job.to_owned(), secret.to_owned()))
                }
                [Some(""), Some("results"), Some(job), None, None] => ("GET", Route::Result(job.to_owned())),
                _ => return None,
            }
        }
    };
    let right = method == by || (method, by) == ("HEAD", "GET");
    Some(if right { route } else { Route::Other })
}
