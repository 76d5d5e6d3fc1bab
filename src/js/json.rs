use crisp_upscale_core::json::Json;
use js_sys::{Array, JSON, Reflect};
use wasm_bindgen::JsValue;

/// A JavaScript value, read as core reads JSON. What is absent, null or throws is none.
#[derive(Clone, Debug)]
pub(crate) struct JsonValue(pub(crate) JsValue);

impl Json for JsonValue {
    fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(JsonValue)
    }

    fn get(&self, name: &str) -> Option<Self> {
        let member = Reflect::get(&self.0, &JsValue::from_str(name)).ok()?;
        (!member.is_null() && !member.is_undefined()).then_some(JsonValue(member))
    }

    fn items(&self) -> Vec<Self> {
        if Array::is_array(&self.0) {
            Array::from(&self.0).iter().map(JsonValue).collect()
        } else {
            Vec::new()
        }
    }

    fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    fn boolean(&self) -> Option<bool> {
        self.0.as_bool()
    }

    fn is_object(&self) -> bool {
        self.0.is_object() && !Array::is_array(&self.0)
    }
}
