//! What a caller orders: the body of its createTask, and the name that it gave the call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::Allowed;

/// How long an `Idempotency-Key` may be, in characters.
const MAX_KEY: usize = 200;

/// What a caller ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who ordered it.
    pub caller: String,
    /// The model.
    pub model: String,
    /// `input.image`.
    pub image: String,
    /// Where the caller wants the end to be posted.
    pub call_back_url: Option<String>,
}

/// Whether this can be an `Idempotency-Key`: visible ASCII characters, at most 200.
#[must_use]
pub fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads the body of a createTask; `None` stands for what is not JSON. Of what came only the addresses
/// as they were checked go on.
///
/// # Errors
/// The code to refuse it with, and a sentence that says what to do.
pub fn read(
    caller: &str,
    body: Option<Value>,
    models: &[String],
    addresses: &Allowed,
) -> Result<Order, (u16, String)> {
    let body = body.filter(Value::is_object).ok_or((400, "The body is not a JSON object.".to_owned()))?;
    let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
    if !models.iter().any(|allowed| allowed == model) {
        return Err((422, format!("This model is not served. Ask for {}.", models.join(" or "))));
    }
    let image = body.pointer("/input/image").and_then(Value::as_str);
    let image = image.ok_or((422, "input.image is required: the URL of an image.".to_owned()))?;
    let call_back_url = match body.get("callBackUrl") {
        None | Some(Value::Null) => None,
        Some(url) => Some(url.as_str().ok_or((422, "callBackUrl is not a string.".to_owned()))?),
    };
    let check = |name: &str, url: &str| match addresses.check(url) {
        Ok(url) => Ok(url.to_string()),
        Err(failure) => Err((422, format!("{name}: {}", failure.message))),
    };
    Ok(Order {
        caller: caller.to_owned(),
        model: model.to_owned(),
        image: check("input.image", image)?,
        call_back_url: call_back_url
            .filter(|url| !url.is_empty())
            .map(|url| check("callBackUrl", url))
            .transpose()?,
    })
}
