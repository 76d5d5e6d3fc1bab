//! What callers are answered: the API's own envelope, of our own fields only.

use crisp_upscale_gateway_core::record::envelope;
use serde_json::Value;
use worker::{Response, Result};

/// A success.
pub(crate) fn success(data: &Value) -> Result<Response> {
    Response::from_json(&envelope(200, "success", data))
}

/// What the service said no with: its code, at HTTP 200 as it does it. A 429 is one for HTTP, too.
pub(crate) fn refused(code: i64, message: &str, wait: Option<u64>) -> Result<Response> {
    let status = if code == 429 { 429 } else { 200 };
    let response = Response::from_json(&envelope(code, message, &Value::Null))?.with_status(status);
    if let Some(wait) = wait {
        response.headers().set("retry-after", &wait.div_ceil(1000).to_string())?;
    }
    Ok(response)
}

/// A refusal of the gateway's own. `status` is the code as well, where the API has such a code.
pub(crate) fn refusal(status: u16, message: &str) -> Result<Response> {
    let code = match status {
        403 => 401,
        408 | 410 | 413 | 415 => 400,
        // The feature is disabled: nothing was made, and to send it again is of no use.
        503 => 505,
        502 => 500,
        status => i64::from(status),
    };
    Ok(Response::from_json(&envelope(code, message, &Value::Null))?.with_status(status))
}

/// The object answered another question than was asked: what it is, nobody can know.
pub(crate) fn unexpected() -> Result<Response> {
    Err("The account's reply is of another kind.".into())
}
