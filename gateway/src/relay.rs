//! The caller's own callback.

use serde_json::Value;
use wasm_bindgen::JsValue;
use web_sys::{Headers, RequestInit, RequestRedirect};

use crate::upstream::fetch;

/// How long the caller's server may take, in milliseconds, as the service's own callbacks.
const PATIENCE: u64 = 15_000;

/// Posts the end of a job, as the service would; whether it was taken. The address was checked when
/// the job was ordered, and a redirect, which was not, is not followed.
pub(crate) async fn post(url: &str, record: &Value) -> bool {
    let failed = record.pointer("/data/state").and_then(Value::as_str) != Some("success");
    let (code, msg) = if failed { (501, "Playground task failed.") } else { (200, "success") };
    let body = crate::reply::envelope(code, msg, record.get("data").unwrap_or(&Value::Null));
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_redirect(RequestRedirect::Manual);
    init.set_body(&JsValue::from_str(&body.to_string()));
    if let Ok(headers) = Headers::new() {
        let _ = headers.set("content-type", "application/json");
        init.set_headers(&headers);
    }
    fetch(url, &init, PATIENCE).await.is_ok_and(|response| response.ok())
}
