//! What goes over the wire: requests written exactly, replies read tolerantly.
//!
//! Where the vendor's documentation and recorded traffic differ, both forms are read.

mod callback;
mod detail;
mod envelope;
mod request;
mod upload;

pub use callback::callback_task_ids;
pub use detail::{State, TaskDetail};
pub use envelope::{Envelope, Response};
pub use request::{
    CREATE_TASK, CREDIT, CreateTask, FILE_STREAM_UPLOAD, Input, MODEL, RECORD_INFO, TASK_ID, UPLOAD_PATH,
};
pub use upload::UploadedFile;

use crate::json::Json;
use crate::text::number;

/// A value that is an object itself or a string that holds one, as `resultJson`
/// and `param` come in both forms.
fn object_or_text<V: Json>(value: V) -> Option<V> {
    if value.is_object() {
        return Some(value);
    }
    V::parse(&value.text()?).filter(V::is_object)
}

/// A task's id, under each name that the API, its documentation or its siblings give it, in `data` or beside it.
/// Nothing else is searched: `param` and messages hold what the caller sent.
#[must_use]
pub fn task_id<V: Json>(body: &V) -> Option<String> {
    let data = body.get("data");
    [data.as_ref(), Some(body)].into_iter().flatten().find_map(own_task_id)
}

/// The same, in a value itself.
pub(crate) fn own_task_id<V: Json>(value: &V) -> Option<String> {
    ["taskId", "task_id", "recordId"].iter().find_map(|name| non_empty(value, name))
}

/// A whole number, which some servers put in quotes.
fn integer_at<V: Json>(value: &V, name: &str) -> Option<i64> {
    let value = value.get(name)?;
    match value.number() {
        Some(number) => (number.fract() == 0.0).then_some(number as i64),
        None => number(value.text()?.trim_ascii()).and_then(|number| i64::try_from(number).ok()),
    }
}

/// A string that says something: the API sends `""` where it means nothing.
fn non_empty<V: Json>(value: &V, name: &str) -> Option<String> {
    value.text_at(name).filter(|text| !text.is_empty())
}
