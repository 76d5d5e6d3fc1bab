use serde::{Serialize, Serializer};

use super::{integer_at, non_empty, object_or_text, own_task_id};
use crate::json::Json;
use crate::text::push_number;
use crate::url::is_web_url;

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

    /// In any letter case, also in the words of the service's other models.
    fn from_word(word: String) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "waiting" => State::Waiting,
            "queuing" => State::Queuing,
            "generating" => State::Generating,
            "success" | "succeeded" | "completed" => State::Success,
            "fail" | "failed" | "error" => State::Fail,
            _ => State::Other(word),
        }
    }

    /// `successFlag` of newer servers: 0 pending, 1 success, 3 fail. Clients of the service's other models met 2 as
    /// well, for a failure.
    fn from_flag(flag: i64) -> Self {
        match flag {
            0 => State::Waiting,
            1 => State::Success,
            _ => State::Fail,
        }
    }

    /// What a record says that has a word, a flag, or both.
    ///
    /// | `state` | `successFlag` | result URL | |
    /// | --- | --- | --- | --- |
    /// | one of the two, or both and they agree | | | what it says |
    /// | success or fail | pending | none | `state` |
    /// | pending | success or failure | none | `successFlag` |
    /// | success | failure | none | success: it is asked for again, so that nothing paid for is lost |
    /// | fail | success | none | the same |
    /// | they disagree | | readable | success |
    /// | none | none | readable | success |
    fn of(word: Option<State>, flag: Option<State>, has_url: bool) -> Option<Self> {
        match (word, flag) {
            (None, None) => has_url.then_some(State::Success),
            (Some(only), None) | (None, Some(only)) => Some(only),
            (Some(word), Some(flag)) if word.has_ended() != flag.has_ended() => Some(if has_url {
                State::Success
            } else if word.has_ended() {
                word
            } else {
                flag
            }),
            (Some(word), Some(flag)) if word.has_ended() && word != flag => Some(State::Success),
            (Some(word), Some(_)) => Some(word),
        }
    }

    fn has_ended(&self) -> bool {
        matches!(self, State::Success | State::Fail)
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
    /// Reads a record; `None` where it has neither a state, nor a `successFlag`, nor a result.
    #[must_use]
    pub fn read<V: Json>(data: &V) -> Option<Self> {
        let result_urls = result_urls(data);
        let word = non_empty(data, "state").map(State::from_word);
        let flag = integer_at(data, "successFlag").map(State::from_flag);
        let state = State::of(word, flag, !result_urls.is_empty())?;
        let number = |name: &str| data.number_at(name);
        Some(TaskDetail {
            task_id: own_task_id(data),
            model: non_empty(data, "model"),
            state,
            image: image(data),
            result_urls,
            fail_code: fail_code(data),
            fail_msg: non_empty(data, "failMsg").or_else(|| non_empty(data, "errorMessage")),
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

/// Newer servers have the result parsed in `response`; all have `resultJson`, as text or as an object. The other forms
/// are guarded against by clients of the service's other models.
fn result_urls<V: Json>(data: &V) -> Vec<String> {
    let places = ["response", "resultJson", "resultUrls", "result_urls"];
    let mut found = places.iter().filter_map(|name| data.get(name)).map(|place| {
        // As an object or as its text, a place says the same.
        let parsed = place.text().filter(|text| !is_web_url(text)).and_then(|text| V::parse(&text));
        urls_in(parsed.unwrap_or(place), NESTED)
    });
    found.find(|urls| !urls.is_empty()).unwrap_or_default()
}

/// How deep URLs may be: an object, in a text, whose member is a text, that holds a list.
const NESTED: u32 = 5;

/// The web's URLs in a value: a URL, a list of them, an object with a member of them, or a text with one of these as
/// JSON.
fn urls_in<V: Json>(value: V, nested: u32) -> Vec<String> {
    let Some(nested) = nested.checked_sub(1) else { return Vec::new() };
    if let Some(text) = value.text() {
        let is_url = is_web_url(&text);
        return if is_url {
            vec![text]
        } else {
            V::parse(&text).map_or(Vec::new(), |value| urls_in(value, nested))
        };
    }
    let members = ["resultUrls", "result_urls"].iter().filter_map(|name| value.get(name));
    let members = members.map(|member| urls_in(member, nested)).find(|urls| !urls.is_empty());
    members
        .unwrap_or_else(|| value.items().iter().filter_map(V::text).filter(|url| is_web_url(url)).collect())
}

/// A string, a number, null, or `""` where it did not fail. Newer servers of other models call it `errorCode`.
fn fail_code<V: Json>(data: &V) -> Option<String> {
    ["failCode", "errorCode"].iter().filter_map(|name| data.get(name)).find_map(|code| match code.number() {
        Some(number) => Some(signed(number as i64)),
        None => code.text().filter(|text| !text.is_empty()),
    })
}

fn signed(number: i64) -> String {
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    push_number(&mut text, number.unsigned_abs());
    text
}
