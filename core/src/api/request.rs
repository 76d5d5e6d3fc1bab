use serde::Serialize;

/// The model that this package exists for.
pub const MODEL: &str = "recraft/crisp-upscale";

/// The path of `POST` createTask under the API's base URL.
pub const CREATE_TASK: &str = "/api/v1/jobs/createTask";

/// The path of `GET` recordInfo ("task detail") under the API's base URL.
pub const RECORD_INFO: &str = "/api/v1/jobs/recordInfo";

/// The path of `GET` credit under the API's base URL.
pub const CREDIT: &str = "/api/v1/chat/credit";

/// The path of `POST` file-stream-upload under the upload host's base URL.
pub const FILE_STREAM_UPLOAD: &str = "/api/file-stream-upload";

/// `uploadPath` of an upload: the folder, with no slash at either end.
pub const UPLOAD_PATH: &str = "images/crisp-upscale";

/// The query parameter of [`RECORD_INFO`].
pub const TASK_ID: &str = "taskId";

/// The body of createTask, for [`MODEL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreateTask {
    /// The model's name.
    pub model: &'static str,
    /// Where the end of the task is to be posted. Left out where there is none:
    /// the API does not take an empty one. The capital B is the vendor's.
    #[serde(rename = "callBackUrl", skip_serializing_if = "Option::is_none")]
    pub call_back_url: Option<String>,
    /// The model's input.
    pub input: Input,
}

/// The input of [`MODEL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// The public URL of a jpeg, png or webp of at most 10 MB; not its content.
    pub image: String,
}

impl CreateTask {
    /// The request to upscale one image.
    #[must_use]
    pub fn upscale(image: String, call_back_url: Option<String>) -> Self {
        let call_back_url = call_back_url.filter(|url| !url.is_empty());
        CreateTask { model: MODEL, call_back_url, input: Input { image } }
    }

    /// The body as JSON, for who has no serialiser: `quote` makes a JSON string of a text.
    #[must_use]
    pub fn json(&self, quote: impl Fn(&str) -> String) -> String {
        let mut json = String::from("{\"model\":\"");
        json.push_str(self.model);
        if let Some(url) = &self.call_back_url {
            json.push_str("\",\"callBackUrl\":");
            json.push_str(&quote(url));
            json.push_str(",\"input\":{\"image\":");
        } else {
            json.push_str("\",\"input\":{\"image\":");
        }
        json.push_str(&quote(&self.input.image));
        json.push_str("}}");
        json
    }
}
