//! Faults that tests ask for, one by one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::reply::{Reply, cross_origin, envelope, upload_refusal};

/// What a request is for, and what a fault can hit. The names are those of the
/// last part of the route's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub(crate) enum Target {
    #[serde(rename = "createTask")]
    CreateTask,
    #[serde(rename = "recordInfo")]
    RecordInfo,
    #[serde(rename = "credit")]
    Credit,
    #[serde(rename = "download-url")]
    DownloadUrl,
    #[serde(rename = "file-base64-upload")]
    Base64Upload,
    #[serde(rename = "file-stream-upload")]
    StreamUpload,
    #[serde(rename = "file-url-upload")]
    UrlUpload,
    #[serde(rename = "files")]
    Files,
    /// Not a route: a new task's work.
    #[serde(rename = "task")]
    Task,
    /// Not a route: a task's callback.
    #[serde(rename = "callback")]
    Callback,
}

impl Target {
    /// Whether it belongs to the upload host, which words its refusals in its own way.
    pub(crate) fn is_upload(self) -> bool {
        matches!(self, Target::Base64Upload | Target::StreamUpload | Target::UrlUpload)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    /// A proxy's page; status 502 unless set.
    Html,
    /// JSON that breaks off.
    Broken,
    /// The API's envelope with `code` and `msg`. For a task: it fails with them.
    Code,
    /// No body, and `status`.
    Status,
    /// The request is taken and its reply never arrives. For a callback: it never comes.
    Lose,
    /// The connection is dropped before the request is taken.
    Refuse,
    /// The reply comes `ms` later. For a task or callback: it ends, or comes, so much later.
    Slow,
    /// For a callback: it comes twice.
    Duplicate,
}

/// One fault, for the next `times` occasions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NetworkError {
    pub(crate) route: Target,
    pub(crate) kind: Kind,
    #[serde(default = "once")]
    times: u32,
    /// The HTTP status, for `html`, `broken`, `code` and `status`.
    status: Option<u16>,
    /// The `Retry-After` header, for the same: seconds, or a date.
    retry_after: Option<Value>,
    /// For the same: whether the request has its effect all the same.
    #[serde(default)]
    pub(crate) taken: bool,
    #[serde(default = "server_error")]
    pub(crate) code: i64,
    #[serde(default = "server_error_message")]
    pub(crate) msg: String,
    #[serde(default)]
    pub(crate) ms: u64,
}

fn once() -> u32 {
    1
}

fn server_error() -> i64 {
    500
}

fn server_error_message() -> String {
    "Internal server error".to_owned()
}

impl NetworkError {
    /// The reply that takes the place of the true one, for the kinds that have one.
    pub(crate) fn reply(&self) -> Option<Reply> {
        let mut reply = match self.kind {
            Kind::Html => {
                Reply::html(502, "<!doctype html><title>502 Bad Gateway</title><h1>Bad Gateway</h1>")
            }
            Kind::Broken => Reply::new(200, "application/json", br#"{"code":200,"msg":"succ"#.to_vec()),
            Kind::Code if self.route.is_upload() => upload_refusal(self.code, &self.msg),
            Kind::Code => envelope(self.code, &self.msg, Value::Null),
            Kind::Status => Reply::empty(500),
            Kind::Lose | Kind::Refuse | Kind::Slow | Kind::Duplicate => return None,
        };
        reply.status = self.status.unwrap_or(reply.status);
        Some(match &self.retry_after {
            None => reply,
            Some(Value::String(text)) => reply.header("retry-after", text),
            Some(seconds) => reply.header("retry-after", seconds.to_string()),
        })
    }

    /// What keeps a host from sending the reply, by the bounds of the fetch standard.
    fn trouble(&self) -> Option<&'static str> {
        let reply = self.reply()?;
        if !(200..=599).contains(&reply.status) {
            return Some("status must be 200 to 599");
        }
        if matches!(reply.status, 204 | 205 | 304) && !reply.body.is_empty() {
            return Some("a reply with this status has no body: the kind must be status");
        }
        match &self.retry_after {
            None | Some(Value::Number(_)) => None,
            Some(Value::String(text)) if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => None,
            Some(_) => Some("retryAfter must be a number, or text that can stand in a header"),
        }
    }
}

/// The faults still to come, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<NetworkError>);

impl Faults {
    /// Replaces what is left by a JSON list.
    pub(crate) fn set(&mut self, json: &[u8]) -> Reply {
        // A misspelt fault that is silently left out would make a test pass for nothing.
        let refused = |error: String| Reply::json(400, &json!({ "error": error }));
        let faults: Vec<NetworkError> = match serde_json::from_slice(json) {
            Ok(faults) => faults,
            Err(error) => return refused(error.to_string()),
        };
        if let Some(trouble) = faults.iter().find_map(NetworkError::trouble) {
            return refused(trouble.to_owned());
        }
        self.0 = faults;
        Reply::json(200, &json!({ "faults": self.0.len() }))
    }

    /// The fault that befalls `target` this time.
    pub(crate) fn take(&mut self, target: Target) -> Option<NetworkError> {
        let next = self.0.iter_mut().find(|fault| fault.route == target && fault.times > 0)?;
        next.times -= 1;
        Some(next.clone())
    }
}

/// The reply to a request that was taken, with its fault; `None` where the fault loses it.
pub(crate) fn finish(target: Target, mut reply: Reply, fault: Option<NetworkError>) -> Option<Reply> {
    if let Some(fault) = fault {
        match fault.kind {
            Kind::Lose | Kind::Refuse => return None,
            Kind::Slow => reply.delay = fault.ms,
            _ => reply = fault.reply().unwrap_or(reply),
        }
    }
    Some(if target.is_upload() || target == Target::Files { cross_origin(reply) } else { reply })
}
