//! What the host tells a sandbox, and what it is told to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Reply;

/// What happened. The bytes that belong to it come beside it: a request's body
/// (or its form's file), a fetched file, an enlarged image.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Event {
    /// A request came in. The turn holds its reply or, where a file must be
    /// fetched first, a [`Work::Fetch`]; neither means that the connection is to be dropped.
    Request(Request),
    /// A [`Work::Fetch`] has ended; the turn holds the reply to the request that wanted it.
    Fetched {
        /// Which one.
        upload: u64,
        /// Whether the file came, whole and within 10 MB.
        found: bool,
    },
    /// A [`Work::Enlarge`] has ended.
    Enlarged {
        /// The task that wanted it.
        task: String,
        /// How it ended.
        outcome: Outcome,
    },
    /// A [`Work::Callback`] has ended.
    CalledBack {
        /// The task that was told of.
        task: String,
        /// Whether the receiver answered with a 2xx status within 15 s.
        answered: bool,
    },
    /// [`Turn::wake_at`] has come.
    Woken,
}

/// A request's head.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// Scheme, host and port, as in `http://127.0.0.1:8080`: the URLs that go out begin with it.
    pub origin: String,
    /// The path, percent-encoded as it came.
    pub path: String,
    /// The query's names and values, decoded.
    pub query: BTreeMap<String, String>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Range` header.
    pub range: Option<String>,
    /// The fields, where the body is a multipart form.
    pub form: Option<Form>,
}

/// A multipart form without its file's bytes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Form {
    /// The text fields.
    pub fields: BTreeMap<String, String>,
    /// The name of the field `file`'s file; `None` where there is no such field.
    pub file_name: Option<String>,
}

/// How fetching and enlarging an image ended.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Outcome {
    /// The bytes are the result.
    Enlarged,
    /// The file cannot be enlarged.
    Refused {
        /// A sentence for people, from [`enlarge`](crate::pixels::enlarge).
        reason: String,
    },
    /// The URL gave no file: no connection, no 2xx status, or not within 30 s.
    Unreachable,
    /// It has more bytes than are taken; reading stopped there.
    TooLarge,
    /// The pixel worker died of it.
    Crashed,
}

/// What the host does next.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// What the waiting request is answered.
    pub reply: Option<Reply>,
    /// What to begin now and to report as an [`Event`].
    pub work: Vec<Work>,
    /// When to come back with [`Event::Woken`], in Unix milliseconds, unless something else happens first.
    pub wake_at: Option<u64>,
}

/// Something that takes time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Work {
    /// Fetch a file, for an upload by URL.
    Fetch {
        /// Names it in [`Event::Fetched`].
        upload: u64,
        /// Which file.
        source: Source,
    },
    /// Fetch a file and enlarge it.
    Enlarge {
        /// Names it in [`Event::Enlarged`].
        task: String,
        /// Which file.
        source: Source,
        /// For [`enlarge`](crate::pixels::enlarge).
        factor: u8,
    },
    /// POST a callback and wait up to 15 s for the answer.
    Callback {
        /// Names it in [`Event::CalledBack`].
        task: String,
        /// Where to.
        url: String,
        /// Names and values.
        headers: Vec<(&'static str, String)>,
        /// JSON.
        body: String,
    },
}

/// A file to fetch within 30 s.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// Where it is.
    pub url: String,
    /// Its path, where it is one of the sandbox's own: see [`Sandbox::file`](crate::Sandbox::file).
    pub path: Option<String>,
    /// The most bytes to read of it.
    pub limit: u64,
}
