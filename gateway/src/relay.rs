//! The caller's own callback.

use wasm_bindgen::JsValue;
use web_sys::{Headers, RequestInit, RequestRedirect};

use crate::upstream::fetch;

/// How long the caller's server may take, in milliseconds, as the service's own callbacks.
const TIMEOUT: u64 = 15_000;

/// Posts the end of a job; whether it was taken. The address was checked when the job was ordered. A redirect was not
/// checked, and is not followed.
pub(crate) async fn post(url: &str, body: &str) -> bool {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_redirect(RequestRedirect::Manual);
    init.set_body(&JsValue::from_str(body));
    if let Ok(headers) = Headers::new() {
        let _ = headers.set("content-type", "application/json");
        init.set_headers(&headers);
    }
    fetch(url, &init, TIMEOUT).await.is_ok_and(|response| response.ok())
}
