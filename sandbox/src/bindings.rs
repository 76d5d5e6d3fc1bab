//! The boundary to JavaScript. What happens and what follows cross it as JSON,
//! bytes beside it as they are.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::sandbox::Sandbox;

/// A [`Sandbox`] for JavaScript.
#[wasm_bindgen(js_name = Sandbox)]
#[derive(Debug)]
pub struct JsSandbox(Sandbox);

#[wasm_bindgen(js_class = Sandbox)]
impl JsSandbox {
    /// A sandbox with these [`Settings`](crate::Settings), as JSON.
    ///
    /// # Errors
    /// A sentence that says which setting is wrong.
    #[wasm_bindgen(constructor)]
    pub fn new(settings: &str) -> Result<Self, String> {
        let settings = serde_json::from_str(settings).map_err(|error| error.to_string())?;
        Ok(JsSandbox(Sandbox::new(settings)))
    }

    /// [`Sandbox::handle`] with an [`Input`](crate::Input) as JSON. Gives the
    /// [`Output`](crate::Output) as JSON, and its reply's body.
    ///
    /// # Errors
    /// A sentence that says what of the event is not understood.
    pub fn handle(&mut self, event: &str, bytes: Vec<u8>, now: f64) -> Result<Array, String> {
        let event = serde_json::from_str(event).map_err(|error| error.to_string())?;
        let turn = self.0.handle(event, bytes, now as u64);
        let body = Uint8Array::from(turn.reply.as_ref().map_or(&[][..], |reply| &reply.body));
        let turn = serde_json::to_string(&turn).map_err(|error| error.to_string())?;
        Ok(Array::of2(&turn.into(), &body))
    }

    /// [`Sandbox::file`]
    pub fn file(&self, path: &str, now: f64) -> Option<Vec<u8>> {
        self.0.file(path, now as u64).map(<[u8]>::to_vec)
    }
}

/// [`pixels::enlarge`](crate::pixels::enlarge)
///
/// # Errors
/// A sentence for people, as a string.
#[wasm_bindgen]
pub fn enlarge(file: &[u8], factor: u8) -> Result<Vec<u8>, String> {
    crate::pixels::enlarge(file, factor)
}
