//! What `JSON.parse` made of a reply, as the rules read it.

use crisp_upscale_core::json::Json;
use js_sys::{Array, JSON, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A value of `JSON.parse`, so never `undefined`, a function or a getter.
#[derive(Debug)]
pub(crate) struct Parsed(JsValue);

impl Json for Parsed {
    fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Parsed)
    }

    fn get(&self, name: &str) -> Option<Self> {
        // `Reflect.get` throws where there is no object, which is as good as absent.
        let member = Reflect::get(&self.0, &JsValue::from_str(name)).ok()?;
        (!member.is_null() && !member.is_undefined()).then_some(Parsed(member))
    }

    fn items(&self) -> Vec<Self> {
        self.0.dyn_ref::<Array>().map(|array| array.iter().map(Parsed).collect()).unwrap_or_default()
    }

    fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    fn is_object(&self) -> bool {
        self.0.is_object() && !Array::is_array(&self.0)
    }
}
