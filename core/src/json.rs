//! Reading JSON without owning a parser.
//!
//! JavaScript has one already, and carrying a second would double the client's
//! size; natively there is serde_json. The rules read through this trait.

/// A JSON value, whoever parsed it.
pub trait Json: Sized {
    /// Parses a text; `None` where it is not JSON.
    fn parse(text: &str) -> Option<Self>;

    /// An object's member; `None` where this is no object, or the member is absent or null.
    fn get(&self, name: &str) -> Option<Self>;

    /// An array's items; none where this is no array.
    fn items(&self) -> Vec<Self>;

    /// The value of a string.
    fn text(&self) -> Option<String>;

    /// The value of a number.
    fn number(&self) -> Option<f64>;

    /// The value of a boolean.
    fn boolean(&self) -> Option<bool>;

    /// An object's member that is a string.
    fn text_at(&self, name: &str) -> Option<String> {
        self.get(name)?.text()
    }

    /// An object's member that is a number.
    fn number_at(&self, name: &str) -> Option<f64> {
        self.get(name)?.number()
    }

    /// Whether this is an object (not an array, not null).
    fn is_object(&self) -> bool;
}

#[cfg(feature = "serde_json")]
impl Json for serde_json::Value {
    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn get(&self, name: &str) -> Option<Self> {
        self.get(name).filter(|value| !value.is_null()).cloned()
    }

    fn items(&self) -> Vec<Self> {
        self.as_array().cloned().unwrap_or_default()
    }

    fn text(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }

    fn number(&self) -> Option<f64> {
        self.as_f64()
    }

    fn boolean(&self) -> Option<bool> {
        self.as_bool()
    }

    fn is_object(&self) -> bool {
        self.is_object()
    }
}
