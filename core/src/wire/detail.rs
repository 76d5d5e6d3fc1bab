use serde::{Serialize, Serializer};

use super::{non_empty, object_or_text};
use crate::json::Json;
use crate::text::push_number;

/// Where a task stands, in the vendor's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// `waiting`: accepted.
    Waiting,
    /// `queuing`: in line for a machine.
    Queuing,
    /// `generating`: being worked on.
    Generating,
    /// `success`: ended, there is a result.
    Success,
    /// `fail`: ended, there is none, and nothing is charged.
    Fail,
    /// A word that is not documented. The task goes on, as far as anybody knows.
    Other(String),
}

impl State {
    /// The vendor's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            State::Waiting => "waiting",
            State::Queuing => "queuing",
            State::Generating => "generating",
            State::Success => "success",
            State::Fail => "fail",
            State::Other(word) => word,
        }
    }

    fn from_word(word: String) -> Self {
        match word.as_str() {
            "waiting" => State::Waiting,
            "queuing" => State::Queuing,
            "generating" => State::Generating,
            "success" => State::Success,
            "fail" => State::Fail,
            _ => State::Other(word),
        }
    }

    /// `successFlag` of newer servers: 0 pending, 1 success, 3 fail.
    fn from_flag(flag: f64) -> Self {
        match flag as i64 {
            1 => State::Success,
            3 => State::Fail,
            _ => State::Waiting,
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// `data` of recordInfo and of a callback. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDetail {
    /// The task's id; opaque.
    pub task_id: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// Where the task stands.
    pub state: State,
    /// The image that was asked for, out of `param`.
    pub image: Option<String>,
    /// The files that came out; this model makes one.
    pub result_urls: Vec<String>,
    /// Why it failed, as the vendor's code: a number on most servers, a word on some.
    pub fail_code: Option<String>,
    /// Why it failed, in the vendor's words.
    pub fail_msg: Option<String>,
    /// When the task was made.
    pub create_time: Option<f64>,
    /// When it ended.
    pub complete_time: Option<f64>,
    /// Credits; reserved until the task has ended, true from then on, 0 for a failure.
    pub credits_consumed: Option<f64>,
    // Left out on purpose: `costTime` (seconds on the wire, milliseconds in the
    // documentation; derive it from the two times) and `progress` (never filled for this model).
}

impl TaskDetail {
    /// Reads a record; `None` where it has neither a state nor a `successFlag`.
    #[must_use]
    pub fn read<V: Json>(data: &V) -> Option<Self> {
        let state = match non_empty(data, "state") {
            Some(word) => State::from_word(word),
            None => State::from_flag(data.number_at("successFlag")?),
        };
        let number = |name: &str| data.number_at(name);
        Some(TaskDetail {
            task_id: non_empty(data, "taskId"),
            model: non_empty(data, "model"),
            state,
            image: image(data),
            result_urls: result_urls(data),
            fail_code: fail_code(data),
            fail_msg: non_empty(data, "failMsg"),
            create_time: number("createTime"),
            complete_time: number("completeTime"),
            credits_consumed: number("creditsConsumed"),
        })
    }
}

/// `param` is a JSON string whose `input` is one again; documented with one layer less.
fn image<V: Json>(data: &V) -> Option<String> {
    let param = object_or_text(data.get("param")?)?;
    let input = object_or_text(param.get("input")?)?;
    non_empty(&input, "image")
}

/// Newer servers have the result parsed in `response`; all have `resultJson`, as text or as an object.
fn result_urls<V: Json>(data: &V) -> Vec<String> {
    let parsed = urls_in(data.get("response").filter(V::is_object));
    if parsed.is_empty() { urls_in(data.get("resultJson").and_then(object_or_text)) } else { parsed }
}

fn urls_in<V: Json>(result: Option<V>) -> Vec<String> {
    let urls = result.and_then(|result| result.get("resultUrls"));
    let urls = urls.map(|urls| urls.items()).unwrap_or_default();
    urls.iter().filter_map(V::text).filter(|url| !url.is_empty()).collect()
}

/// A string, a number, null, or `""` where it did not fail.
fn fail_code<V: Json>(data: &V) -> Option<String> {
    let code = data.get("failCode")?;
    match code.number() {
        Some(number) => Some(signed(number as i64)),
        None => code.text().filter(|text| !text.is_empty()),
    }
}

fn signed(number: i64) -> String {
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    push_number(&mut text, number.unsigned_abs());
    text
}
