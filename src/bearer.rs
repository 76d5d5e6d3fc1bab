//! The key, or the token and where it comes from.

use crisp_upscale_core::input;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use crate::clock::Timer;
use crate::js::Settings;
use crate::stop::{Instead, Stop};

/// What to send as Bearer; asks for it where it has to be asked for, until the instant `give_up`.
/// `refused` is one that the server did not take.
///
/// # Errors
/// Why there is none, for an error's `cause`.
pub(crate) async fn bearer(
    settings: &Settings,
    stop: &Stop,
    refused: Option<&str>,
    give_up: u64,
) -> Result<String, JsValue> {
    let bearer = settings.bearer();
    if let Some(key) = bearer.as_string() {
        return Ok(key);
    }
    let ask: &Function = bearer.unchecked_ref();
    let timer = Timer::until(give_up);
    let refused = refused.map_or(JsValue::UNDEFINED, JsValue::from_str);
    let promise = Promise::resolve(&ask.call1(&JsValue::UNDEFINED, &refused)?);
    match stop.race(&promise, &timer).await {
        Ok(token) => {
            let token = token.as_string().unwrap_or_default();
            input::key(&token).map_err(|failure| JsError::new(&failure.message))?;
            Ok(token)
        }
        Err(Instead::Rejected(error)) => Err(error),
        Err(Instead::Stopped) => Err(JsValue::UNDEFINED),
    }
}
