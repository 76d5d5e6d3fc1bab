//! Structured logs: one line of JSON each. No secret, no URL and no header is ever given to it.

use serde_json::Value;
use worker::console_log;

/// Writes a line: what happened, and its particulars.
pub(crate) fn line(event: &str, mut particulars: Value) {
    if let Some(fields) = particulars.as_object_mut() {
        fields.insert("event".to_owned(), Value::from(event));
    }
    console_log!("{particulars}");
}
