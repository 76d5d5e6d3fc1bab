//! The clock and the random number generator.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn fill(bytes: &mut [u8]) -> Result<(), JsValue>;
}

/// So many bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> worker::Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Unix milliseconds.
pub(crate) fn now() -> u64 {
    js_sys::Date::now() as u64
}
