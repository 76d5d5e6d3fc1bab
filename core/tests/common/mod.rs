//! What the tests of replies share.

use crisp_upscale_core::api::Reply;
use crisp_upscale_core::json::Json;
use serde_json::Value;

/// A reply whose body is this text; one that is not JSON arrives as no body, as the client hands it on.
pub fn reply(status: u16, body: &str) -> Reply<Value> {
    Reply { status, retry_after: None, body: Value::parse(body) }
}
