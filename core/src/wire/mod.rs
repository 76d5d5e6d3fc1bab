//! What goes over the wire: requests written exactly, replies read tolerantly.
//!
//! Where the vendor's documentation and recorded traffic differ, both forms are read.

mod callback;
mod detail;
mod envelope;
mod request;
mod upload;

pub use callback::Callback;
pub use detail::{State, TaskDetail};
pub use envelope::{Envelope, Reply};
pub use request::{
    CREATE_TASK, CREDIT, CreateTask, FILE_STREAM_UPLOAD, Input, MODEL, RECORD_INFO, TASK_ID, UPLOAD_PATH,
};
pub use upload::Uploaded;

use crate::json::Json;

/// A value that is an object itself or a string that holds one, as `resultJson`
/// and `param` come in both forms.
fn object_or_text<V: Json>(value: V) -> Option<V> {
    if value.is_object() {
        return Some(value);
    }
    V::parse(&value.text()?).filter(V::is_object)
}

/// A string that says something: the API sends `""` where it means nothing.
fn non_empty<V: Json>(value: &V, name: &str) -> Option<String> {
    value.text_at(name).filter(|text| !text.is_empty())
}
