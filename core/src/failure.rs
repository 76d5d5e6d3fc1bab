//! The one list of what can go wrong, and what each means for the caller's money.

use serde::{Serialize, Serializer};

use crate::text::{contains, cut};

/// What went wrong. The words (`kind` in JavaScript) are part of the package's promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The call itself is wrong; nothing was sent.
    InvalidInput,
    /// Code 400: a bad request, or content that the service's policy refuses.
    BadRequest,
    /// Code 401 or 403: the key is missing, wrong, or not allowed to do this.
    Unauthorized,
    /// Code 402: not enough credits.
    InsufficientCredits,
    /// Code 404, or a record that never appeared.
    NotFound,
    /// Code 405: not what this URL is for.
    MethodNotAllowed,
    /// Code 422: the service refused the parameters.
    Validation,
    /// Code or status 429: too many requests.
    RateLimited,
    /// Code 433: this key's own limit is used up.
    KeyLimit,
    /// Code 451: the content was refused.
    ContentRefused,
    /// Code 455: maintenance.
    Maintenance,
    /// Code 500 or 408, or an HTTP 5xx, of a request that only reads. Of a createTask these are [`Kind::OutcomeUnknown`],
    /// unless the message of a 500 is one that is known for a refusal.
    ServerError,
    /// A task that ended with `fail`; or code 501, of a request that only reads.
    GenerationFailed,
    /// Code 505: the feature is switched off.
    FeatureDisabled,
    /// A code that is not documented, of a request that only reads.
    UnknownCode,
    /// No connection could be made.
    Unreachable,
    /// The answer was not the API's: a web page, broken JSON, a cut or missing body, a redirect.
    BadReply,
    /// Nobody can know whether a task was made: the request left and no readable answer came, to us or to
    /// the gateway, which may know later.
    OutcomeUnknown,
    /// The time that the caller gave is over. The task goes on.
    Timeout,
    /// The WebAssembly could not be loaded; nothing was sent.
    LoadFailed,
    /// The store failed. A call sent nothing then; a callback was not handed out.
    StoreFailed,
}

impl Kind {
    /// The kind that an envelope's code stands for.
    #[must_use]
    pub fn from_code(code: i64) -> Self {
        match code {
            400 => Kind::BadRequest,
            401 | 403 => Kind::Unauthorized,
            402 => Kind::InsufficientCredits,
            404 => Kind::NotFound,
            405 => Kind::MethodNotAllowed,
            422 => Kind::Validation,
            429 => Kind::RateLimited,
            433 => Kind::KeyLimit,
            451 => Kind::ContentRefused,
            455 => Kind::Maintenance,
            // 408: its own upstream gave nothing for ten minutes (a page of another model).
            408 | 500 => Kind::ServerError,
            501 => Kind::GenerationFailed,
            505 => Kind::FeatureDisabled,
            _ => Kind::UnknownCode,
        }
    }

    /// The word that JavaScript sees.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::InvalidInput => "invalid-input",
            Kind::BadRequest => "bad-request",
            Kind::Unauthorized => "unauthorized",
            Kind::InsufficientCredits => "insufficient-credits",
            Kind::NotFound => "not-found",
            Kind::MethodNotAllowed => "method-not-allowed",
            Kind::Validation => "validation",
            Kind::RateLimited => "rate-limited",
            Kind::KeyLimit => "key-limit",
            Kind::ContentRefused => "content-refused",
            Kind::Maintenance => "maintenance",
            Kind::ServerError => "server-error",
            Kind::GenerationFailed => "generation-failed",
            Kind::FeatureDisabled => "feature-disabled",
            Kind::UnknownCode => "unknown-code",
            Kind::Unreachable => "unreachable",
            Kind::BadReply => "bad-reply",
            Kind::OutcomeUnknown => "outcome-unknown",
            Kind::Timeout => "timeout",
            Kind::LoadFailed => "load-failed",
            Kind::StoreFailed => "store-failed",
        }
    }

    /// What happened and what to do about it, as sentences.
    fn advice(self) -> &'static str {
        match self {
            Kind::InvalidInput | Kind::LoadFailed | Kind::StoreFailed => "",
            Kind::BadRequest => "The service refused the request. Check the image.",
            Kind::Unauthorized => "The key is missing or wrong. Check it.",
            Kind::InsufficientCredits => "There are not enough credits. Top up the account.",
            Kind::NotFound => "The service does not know this task. Check its id and the key that made it.",
            Kind::MethodNotAllowed => "The service does not take this call here. Check the base URL.",
            Kind::Validation => "The service refused the parameters. Check the image's URL.",
            Kind::RateLimited => "Too many requests. Try again in a few seconds.",
            Kind::KeyLimit => "The key's own usage limit is reached. Raise it or use another key.",
            Kind::ContentRefused => "The service refused the image's content. Use another image.",
            Kind::Maintenance => "The service is under maintenance. Try again later.",
            Kind::ServerError => "The service had a fault.",
            Kind::GenerationFailed => "The image could not be upscaled.",
            Kind::FeatureDisabled => "The service has switched this feature off. Try again later.",
            Kind::UnknownCode => "The service answered with a code that is not documented.",
            Kind::Unreachable => "The server cannot be reached. Check the base URL and the network.",
            Kind::BadReply => {
                "The server's answer was not the API's. Check the base URL, or try again later."
            }
            Kind::OutcomeUnknown => {
                "The request was sent and no readable answer came: a task may have been made and charged. \
                 Look at the account before you send it again."
            }
            Kind::Timeout => {
                "The time is over and the task is not done. It goes on: resume it with its task id."
            }
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whether the call cost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Charged {
    /// Certainly not.
    No,
    /// Yes, there is something to be had for it.
    Yes,
    /// Not known, or not yet: a task that goes on is charged when it succeeds.
    Unknown,
}

impl Charged {
    /// The word that JavaScript sees.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Charged::No => "no",
            Charged::Yes => "yes",
            Charged::Unknown => "unknown",
        }
    }
}

/// An error, before it becomes a JavaScript `Error`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What went wrong.
    pub kind: Kind,
    /// The API's code, where one came: the envelope's, or a failed task's numeric `failCode`.
    #[serde(serialize_with = "as_number")]
    pub code: Option<i64>,
    /// A failed task's `failCode` in the service's own form, which may be a word.
    pub fail_code: Option<String>,
    /// The HTTP status, where a reply came.
    pub status: Option<u16>,
    /// For people: what happened, what to do, and the API's own words.
    pub message: String,
    /// The task, from the moment its id is known.
    pub task_id: Option<String>,
    /// Whether it cost something.
    pub charged: Charged,
    /// Whether the same call may succeed later, and costs nothing twice.
    pub retryable: bool,
    /// Whether the task may still end well, so that it is worth resuming.
    pub resumable: bool,
    /// Where in the message somebody else's words begin, in bytes.
    #[serde(skip)]
    pub quote: Option<usize>,
}

/// A code beyond JavaScript's safe integers, which nobody documents, is a float.
fn as_number<S: Serializer>(code: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match code {
        Some(code) if code.unsigned_abs() > 1 << 53 => serializer.serialize_f64(*code as f64),
        code => code.serialize(serializer),
    }
}

impl Failure {
    /// A failure of `kind` that the service did not comment on.
    ///
    /// Boxed, as all that make one: it is rare and large, and what moves it about would be a good part of the client.
    #[must_use]
    pub fn new(kind: Kind, charged: Charged) -> Box<Self> {
        Failure::with_message(kind, charged, kind.advice())
    }

    /// The same, with other words.
    #[must_use]
    pub fn with_message(kind: Kind, charged: Charged, message: &str) -> Box<Self> {
        Box::new(Failure {
            kind,
            code: None,
            fail_code: None,
            status: None,
            message: message.to_owned(),
            task_id: None,
            charged,
            retryable: false,
            resumable: false,
            quote: None,
        })
    }

    /// A call that is refused before anything is sent.
    #[must_use]
    pub fn invalid(message: &str) -> Box<Self> {
        Failure::with_message(Kind::InvalidInput, Charged::No, message)
    }

    /// What the service says with an envelope's code.
    #[must_use]
    pub fn from_code(code: i64, msg: Option<&str>, status: u16, charged: Charged) -> Box<Self> {
        let kind = Kind::from_code(code);
        let mut failure = Failure::new(kind, charged).with(Some(code), status, msg);
        failure.retryable = matches!(kind, Kind::RateLimited | Kind::Maintenance);
        failure
    }

    /// With what came of the service: its code, the HTTP status, and its own words.
    #[must_use]
    pub fn with(mut self: Box<Self>, code: Option<i64>, status: u16, msg: Option<&str>) -> Box<Self> {
        (self.code, self.status) = (code, Some(status));
        self.quoting(msg)
    }

    /// With the service's own words at the end of the message.
    #[must_use]
    pub fn quoting(self: Box<Self>, msg: Option<&str>) -> Box<Self> {
        match msg {
            Some(msg) => self.append(" The service said: ", msg),
            None => self,
        }
    }

    /// With our words and then somebody else's at the end of the message.
    #[must_use]
    pub fn append(mut self: Box<Self>, ours: &str, theirs: &str) -> Box<Self> {
        self.message.push_str(ours);
        self.quote.get_or_insert(self.message.len());
        self.message.push_str(theirs);
        self
    }

    /// With the task that it is about.
    #[must_use]
    pub fn for_task(mut self: Box<Self>, task_id: &str) -> Box<Self> {
        self.resumable = self.kind != Kind::GenerationFailed;
        self.task_id = Some(task_id.to_owned());
        self
    }

    /// With a statement that the same call may be made again.
    #[must_use]
    pub fn retryable(mut self: Box<Self>) -> Box<Self> {
        self.retryable = true;
        self
    }

    /// Without `secret`, wherever the service echoed it. Our own words stay as they are,
    /// even where a short secret happens to be a part of them.
    #[must_use]
    pub fn without(mut self: Box<Self>, secret: &str) -> Box<Self> {
        if let Some((ours, theirs)) = self.quote.and_then(|at| self.message.split_at_checked(at)) {
            self.message = ours.to_owned() + &redact(theirs, secret);
        }
        self.fail_code = self.fail_code.map(|code| redact(&code, secret));
        self
    }
}

/// `text` with every occurrence of `secret` blotted out.
#[must_use]
pub fn redact(text: &str, secret: &str) -> String {
    const BLOT: &str = "[key]";
    let mut clean = String::new();
    let mut rest = text;
    while let Some((before, after)) = cut(rest, secret).filter(|_| !secret.is_empty()) {
        clean.push_str(before);
        clean.push_str(BLOT);
        rest = after;
    }
    clean.push_str(rest);
    // What stood beside the secret may make it again with the blot's first or last letters.
    if contains(&clean, secret) && !contains(BLOT, secret) { BLOT.to_owned() } else { clean }
}
