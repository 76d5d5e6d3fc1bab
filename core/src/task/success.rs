use serde::Serialize;

use crate::api::TaskDetail;
use crate::failure::{Charged, Failure, Kind};

/// How a task ends well.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskSuccess {
    /// The task.
    pub task_id: String,
    /// Where the upscaled image is; the service keeps it for a day at least.
    pub url: String,
    /// What it cost, in credits, where the service says.
    pub credits: Option<f64>,
    /// When the task was made, in Unix milliseconds, where the service says.
    pub create_time: Option<f64>,
    /// When it was done, in Unix milliseconds, where the service says.
    pub complete_time: Option<f64>,
}

impl TaskSuccess {
    /// From a record whose state is `success`.
    ///
    /// # Errors
    /// The record names no file.
    pub(crate) fn from_record(task_id: &str, detail: TaskDetail) -> Result<Box<Self>, Box<Failure>> {
        match detail.result_urls.into_iter().next() {
            Some(url) => Ok(Box::new(TaskSuccess {
                task_id: task_id.to_owned(),
                url,
                credits: detail.credits_consumed,
                create_time: detail.create_time,
                complete_time: detail.complete_time,
            })),
            None => Err(no_result_url(task_id)),
        }
    }
}

/// The record says `success` and names no file.
pub(crate) fn no_result_url(task_id: &str) -> Box<Failure> {
    let message = "The service says that the task succeeded and names no file. Resume the task later.";
    Failure::with_message(Kind::BadReply, Charged::Yes, message).for_task(task_id)
}
