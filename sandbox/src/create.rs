//! `createTask`: what it refuses, and what it begins.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::delivery::Delivery;
use crate::faults::{Kind, Target};
use crate::files::RESULTS;
use crate::machine::{Outcome, Request, Work};
use crate::reply::{Reply, envelope, success};
use crate::sandbox::Sandbox;
use crate::tasks::{Failure, MODEL, Task};
use crate::url::is_web;

/// The service's own words (wire).
const UNKNOWN_MODEL: &str = "The model name you specified is not supported. Please verify your input and use one of \
                             the supported models provided by KIE.";

impl Sandbox {
    pub(crate) fn create_task(&mut self, request: &Request, body: &[u8], now: u64) -> Reply {
        // A bad parameter is code 500 here (other clients' experience).
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return envelope(500, "The request body is not JSON", Value::Null);
        };
        let Some(model) = text(&body, "model") else {
            return envelope(422, "This field is required", Value::Null);
        };
        if model != MODEL {
            return envelope(422, UNKNOWN_MODEL, Value::Null);
        }
        let input = body.get("input").unwrap_or(&Value::Null);
        let Some(image) = text(input, "image") else {
            return envelope(500, "image is required", Value::Null);
        };
        if !self.ledger.can_pay(now) {
            return envelope(402, "Credits insufficient", Value::Null);
        }
        if !self.limiter.admit(now) {
            return envelope(429, "Your call frequency is too high. Please try again later.", Value::Null);
        }
        let id = self.new_id();
        let callback = text(&body, "callBackUrl");
        let mut param = json!({ "input": input.to_string(), "model": MODEL });
        if let (Some(url), Value::Object(param)) = (callback, &mut param) {
            param.insert("callBackUrl".to_owned(), json!(url));
        }
        self.ledger.tasks.push(Task {
            id: id.clone(),
            image: image.to_owned(),
            origin: request.origin.clone(),
            param: param.to_string(),
            created: now,
            delays: self.settings.delays,
            outcome: None,
            delivery: callback.map(|url| Delivery::new(url.to_owned())),
        });
        self.begin(&id, image, request, now);
        success(json!({ "taskId": id, "recordId": id }))
    }

    /// Sets a new task's work going, or lets it fail where it is clear that it must.
    fn begin(&mut self, id: &str, url: &str, request: &Request, now: u64) {
        let source = self.source(url, request);
        match self.faults.take(Target::Task) {
            Some(fault) if fault.kind == Kind::Code => {
                let failure = Failure { code: fault.code.to_string(), msg: fault.msg };
                return self.end(id, Err(failure), now);
            }
            Some(fault) if fault.kind == Kind::Slow => {
                if let Some(task) = self.ledger.task(id) {
                    task.delays.generating = task.delays.generating.saturating_add(fault.ms);
                }
            }
            _ => {}
        }
        if !is_web(url) {
            return self.enlarged(id, Outcome::Unreachable, Vec::new(), now);
        }
        let factor = self.settings.factor;
        self.work.push(Work::Enlarge { task: id.to_owned(), source, factor });
    }

    /// A task's work has ended. What is wrong with the input fails the task and costs nothing.
    pub(crate) fn enlarged(&mut self, id: &str, outcome: Outcome, bytes: Vec<u8>, now: u64) {
        let failed = |code: &str, msg: String| Err(Failure { code: code.to_owned(), msg });
        let result = match outcome {
            Outcome::Enlarged => {
                let path = format!("{RESULTS}{id}.png");
                let Some(task) = self.ledger.task(id) else { return };
                let url = format!("{}{path}", task.origin);
                self.files.put(path, "image/png", bytes, now);
                Ok(url)
            }
            Outcome::Refused { reason } => failed("400", reason),
            // How large it is, nobody knows: it was not read to its end.
            Outcome::TooLarge => {
                failed("400", "The file has more than 10 MB, the most that is taken.".to_owned())
            }
            Outcome::Unreachable => failed(
                "400",
                "Image fetch failed. Check access settings or use our File Upload API instead.".to_owned(),
            ),
            Outcome::Crashed => failed("500", "Internal server error".to_owned()),
        };
        self.end(id, result, now);
    }

    fn end(&mut self, id: &str, result: Result<String, Failure>, now: u64) {
        if let Some(task) = self.ledger.task(id) {
            task.outcome = Some((now, result));
        }
    }

    /// 32 hex digits, as on the wire.
    fn new_id(&self) -> String {
        let digest = Sha256::digest(format!("{}.{}", self.settings.seed, self.ledger.tasks.len()));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A string that is there and not empty.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
