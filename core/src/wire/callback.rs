use super::{TaskDetail, non_empty};
use crate::json::Json;

/// What the service posts to `callBackUrl` when a task has ended.
///
/// Its signature does not cover this body, so none of it may be believed before
/// the record has been read again.
#[derive(Clone, Debug, PartialEq)]
pub struct Callback {
    /// Every id that the body names, in the order in which the signature may mean
    /// them: the documentation shows four places.
    pub task_ids: Vec<String>,
    /// The record, as in recordInfo. Its `state` decides, not the envelope's `code`:
    /// 400, 500 and 501 are all documented for a failure.
    pub detail: Option<TaskDetail>,
}

impl Callback {
    /// Reads a callback's body.
    #[must_use]
    pub fn read<V: Json>(body: &V) -> Self {
        let data = body.get("data");
        let inner = data.iter().flat_map(|data| ["taskId", "task_id"].map(|name| non_empty(data, name)));
        let outer = ["taskId", "task_id"].map(|name| non_empty(body, name));
        let mut task_ids: Vec<String> = Vec::new();
        for id in inner.chain(outer).flatten() {
            if !task_ids.contains(&id) {
                task_ids.push(id);
            }
        }
        Callback { task_ids, detail: data.as_ref().and_then(TaskDetail::read) }
    }
}
