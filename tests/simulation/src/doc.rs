//! JSON as core reads it here: parsed once, and cheap to take apart, since a world reads thousands of replies.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use crisp_upscale_core::json::Json;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value whose parts are shared and not copied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Doc {
    Null,
    Bool(bool),
    Number(f64),
    Text(Rc<str>),
    List(Rc<Vec<Doc>>),
    Object(Rc<Vec<(Name, Doc)>>),
}

/// A member's name. Those that come again and again are not copied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name(Cow<'static, str>);

/// What the service and the gateway call their members.
const NAMES: [&str; 22] = [
    "code",
    "msg",
    "data",
    "taskId",
    "recordId",
    "model",
    "state",
    "successFlag",
    "param",
    "input",
    "image",
    "callBackUrl",
    "resultJson",
    "response",
    "resultUrls",
    "failCode",
    "failMsg",
    "costTime",
    "createTime",
    "completeTime",
    "creditsConsumed",
    "events",
];

impl Json for Doc {
    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn get(&self, name: &str) -> Option<Self> {
        let Doc::Object(members) = self else { return None };
        // Of a name that comes twice the last counts, as in JavaScript.
        let (_, value) = members.iter().rev().find(|(Name(other), _)| other == name)?;
        (!matches!(value, Doc::Null)).then(|| value.clone())
    }

    fn items(&self) -> Vec<Self> {
        if let Doc::List(items) = self { items.as_ref().clone() } else { Vec::new() }
    }

    fn text(&self) -> Option<String> {
        if let Doc::Text(text) = self { Some(text.to_string()) } else { None }
    }

    fn number(&self) -> Option<f64> {
        if let Doc::Number(number) = self { Some(*number) } else { None }
    }

    fn boolean(&self) -> Option<bool> {
        if let Doc::Bool(value) = self { Some(*value) } else { None }
    }

    fn is_object(&self) -> bool {
        matches!(self, Doc::Object(_))
    }
}

impl<'de> Deserialize<'de> for Doc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameReader)
    }
}

/// Reads values.
struct Reader;

impl Visitor<'_> for NameReader {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        let known = NAMES.iter().find(|known| **known == name);
        Ok(Name(known.map_or_else(|| Cow::Owned(name.to_owned()), |known| Cow::Borrowed(*known))))
    }
}

/// Reads names.
struct NameReader;

impl<'de> Visitor<'de> for Reader {
    type Value = Doc;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Doc, E> {
        Ok(Doc::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Doc, E> {
        Ok(Doc::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Doc, E> {
        Ok(Doc::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Doc, E> {
        Ok(Doc::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Doc, E> {
        Ok(Doc::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Doc, E> {
        Ok(Doc::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Doc, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Doc::List(items.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Doc, A::Error> {
        let mut members = Vec::with_capacity(12);
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Doc::Object(members.into()))
    }
}
