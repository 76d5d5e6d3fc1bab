//! The sandbox as a machine: what its host puts in, and what comes out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::reply::Reply;

/// What happened. The bytes that belong to it come beside it: a request's body
/// (or its form's file), a fetched file, an enlarged image.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Input {
    /// A request arrived. The output has its reply or, where a file must be
    /// fetched first, a [`Work::Fetch`]. With neither, drop the connection.
    Request(Request),
    /// A [`Work::Fetch`] has ended; the output holds the reply to the request that wanted it.
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
        /// The task of the callback.
        task: String,
        /// Whether the receiver answered with a 2xx status within 15 s.
        answered: bool,
    },
    /// [`Output::wake_at`] has come.
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
    /// The pixel worker crashed.
    Crashed,
}

/// What the host has to do.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The reply to the waiting request.
    pub reply: Option<Reply>,
    /// What to start now. Each ends with an [`Input`].
    pub work: Vec<Work>,
    /// When to pass [`Input::Woken`], in Unix milliseconds, unless another input comes first.
    pub wake_at: Option<u64>,
}

/// Something that takes time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Work {
    /// Fetch a file, for an upload by URL.
    Fetch {
        /// Names it in [`Input::Fetched`].
        upload: u64,
        /// Which file.
        source: Source,
    },
    /// Fetch a file and enlarge it.
    Enlarge {
        /// Names it in [`Input::Enlarged`].
        task: String,
        /// Which file.
        source: Source,
        /// For [`enlarge`](crate::pixels::enlarge).
        factor: u8,
    },
    /// POST a callback and wait up to 15 s for the answer.
    Callback {
        /// Names it in [`Input::CalledBack`].
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
