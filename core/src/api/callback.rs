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
        Callback { task_ids: Self::task_ids(body), detail: data.as_ref().and_then(TaskDetail::read) }
    }

    /// The ids alone.
    #[must_use]
    pub fn task_ids<V: Json>(body: &V) -> Vec<String> {
        let data = body.get("data");
        let mut ids: Vec<String> = Vec::new();
        for place in [data.as_ref(), Some(body)].into_iter().flatten() {
            for name in ["taskId", "task_id"] {
                ids.extend(non_empty(place, name).filter(|id| !ids.contains(id)));
            }
        }
        ids
    }
}
