//! Replies, in the API's shapes.

use serde::Serialize;
use serde_json::{Value, json};

/// What a request is answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// For how long the host holds the reply back, in milliseconds.
    pub delay: u64,
    /// The body.
    #[serde(skip)]
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(status: u16, media_type: &str, body: Vec<u8>) -> Self {
        Reply { status, headers: vec![("content-type", media_type.to_owned())], delay: 0, body }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Reply::new(status, "application/json", value.to_string().into_bytes())
    }

    pub(crate) fn html(status: u16, page: &str) -> Self {
        Reply::new(status, "text/html; charset=utf-8", page.as_bytes().to_vec())
    }

    pub(crate) fn empty(status: u16) -> Self {
        Reply { status, headers: Vec::new(), delay: 0, body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The jobs API's envelope, at HTTP 200 whatever its code is (seen on the wire).
pub(crate) fn envelope(code: i64, msg: &str, data: Value) -> Reply {
    Reply::json(200, &json!({ "code": code, "msg": msg, "data": data }))
}

/// `{"code":200,"msg":"success","data":…}`
pub(crate) fn success(data: Value) -> Reply {
    envelope(200, "success", data)
}

/// The upload host's refusals have `success` in them and no `data`.
pub(crate) fn upload_refusal(code: i64, msg: &str) -> Reply {
    Reply::json(200, &json!({ "success": false, "code": code, "msg": msg }))
}

/// The upload host and the result hosts allow any origin (wire); the jobs API is not known to.
pub(crate) fn cross_origin(reply: Reply) -> Reply {
    reply
        .header("access-control-allow-origin", "*")
        .header("access-control-allow-methods", "*")
        // The star leaves this one out.
        .header("access-control-allow-headers", "*, Authorization")
        .header("access-control-expose-headers", "*")
}
