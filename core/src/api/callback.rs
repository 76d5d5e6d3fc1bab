use super::non_empty;
use crate::json::Json;

/// The ids that the body of a callback names, in the order in which its signature may mean them: the documentation shows
/// four places. Nothing else of the body is read, since the signature does not cover it.
#[must_use]
pub fn callback_task_ids<V: Json>(body: &V) -> Vec<String> {
    let data = body.get("data");
    let mut ids: Vec<String> = Vec::new();
    for place in [data.as_ref(), Some(body)].into_iter().flatten() {
        for name in ["taskId", "task_id"] {
            ids.extend(non_empty(place, name).filter(|id| !ids.contains(id)));
        }
    }
    ids
}
