//! Which request goes where.

use crisp_upscale_core::image::MAX_BYTES;
use serde_json::{Value, json};

use crate::faults::{Kind, Target, finish};
use crate::files::RESULTS;
use crate::machine::{Request, Source};
use crate::reply::{Reply, cross_origin, envelope, success, upload_refusal};
use crate::sandbox::Sandbox;

/// The page that says what this is.
const PAGE: &str = include_str!("page.html");

/// The service's own words, with a dash that is no hyphen (wire).
const UNAUTHORIZED: &str = "Unauthorized – Authentication failed. Please check that your Authorization and \
                            Content-Type headers are correctly set.";

fn refusal(target: Target, code: i64, msg: &str) -> Reply {
    if target.is_upload() { upload_refusal(code, msg) } else { envelope(code, msg, Value::Null) }
}

/// What a path of the API is for, and by which method.
fn target(path: &str) -> Option<(Target, &'static str)> {
    Some(match path {
        "/api/v1/jobs/createTask" => (Target::CreateTask, "POST"),
        "/api/v1/jobs/recordInfo" => (Target::RecordInfo, "GET"),
        "/api/v1/chat/credit" => (Target::Credit, "GET"),
        "/api/v1/common/download-url" => (Target::DownloadUrl, "POST"),
        "/api/file-base64-upload" => (Target::Base64Upload, "POST"),
        "/api/file-stream-upload" => (Target::StreamUpload, "POST"),
        "/api/file-url-upload" => (Target::UrlUpload, "POST"),
        path if path.starts_with("/files/") => (Target::Files, "GET"),
        _ => return None,
    })
}

impl Sandbox {
    /// `None`: the connection is dropped, or a file must be fetched first.
    pub(crate) fn answer(&mut self, request: &Request, body: Vec<u8>, now: u64) -> Option<Reply> {
        let Some((target, method)) = target(&request.path) else {
            return Some(self.control(request, &body, now));
        };
        let open = target.is_upload() || target == Target::Files;
        if open && request.method == "OPTIONS" {
            return Some(cross_origin(Reply::empty(204)));
        }
        self.ledger.count(target, request.authorization.is_some());
        let fault = self.faults.take(target);
        if let Some(fault) = fault.as_ref().filter(|fault| !fault.taken) {
            if fault.kind == Kind::Refuse {
                return None;
            }
            if let Some(reply) = fault.reply() {
                return Some(if open { cross_origin(reply) } else { reply });
            }
        }
        if request.method != method && !(method == "GET" && request.method == "HEAD") {
            return finish(target, refusal(target, 405, "Method not allowed"), fault);
        }
        let key = self.settings.key.as_str();
        let authorized = request.authorization.as_deref().and_then(|value| value.strip_prefix("Bearer "));
        if target != Target::Files && authorized != Some(key) {
            return finish(target, refusal(target, 401, UNAUTHORIZED), fault);
        }
        let reply = match target {
            Target::CreateTask => self.create_task(request, &body, now),
            Target::RecordInfo => self.record_info(request, now),
            Target::Credit => success(json!(self.ledger.credits(now))),
            Target::DownloadUrl => self.download_url(request, &body, now),
            Target::Base64Upload => self.base64_upload(request, &body, now),
            Target::StreamUpload => self.stream_upload(request, body, now),
            Target::UrlUpload => self.url_upload(request, &body, fault.clone())?,
            Target::Files => self.serve_file(request, now),
            // No path leads to these two.
            Target::Task | Target::Callback => Reply::empty(404),
        };
        finish(target, reply, fault)
    }

    /// What belongs to the sandbox and not to the API: outside `/api`, without a key.
    fn control(&mut self, request: &Request, body: &[u8], now: u64) -> Reply {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET" | "HEAD", "/") => Reply::html(200, PAGE),
            ("GET", "/sandbox/ledger") => Reply::json(200, &self.ledger.to_json(now)),
            ("POST", "/sandbox/credits") => {
                let body: Value = serde_json::from_slice(body).unwrap_or_default();
                let Some(credits) = body.get("credits").and_then(Value::as_f64) else {
                    return Reply::json(400, &json!({ "error": "credits must be a number" }));
                };
                self.ledger.set_credits(credits, now);
                Reply::json(200, &json!({ "credits": self.ledger.credits(now) }))
            }
            ("POST", "/sandbox/faults") => self.faults.set(body),
            // Not 404: a route that is missing here must not pass for one that the service lacks.
            (method, path) => Reply::json(
                501,
                &json!({ "code": 501, "msg": format!("The sandbox knows no {method} {path}"), "data": null }),
            ),
        }
    }

    fn record_info(&mut self, request: &Request, now: u64) -> Reply {
        let (grace_period, price) = (self.settings.grace_period, self.settings.price);
        let id = request.query.get("taskId").map_or("", String::as_str);
        if id.is_empty() {
            return envelope(400, "taskId parameter is required", Value::Null);
        }
        match self.ledger.task(id) {
            Some(task) if now >= task.created.saturating_add(grace_period) => {
                success(task.record(price, now))
            }
            // One answer for too early, unknown and foreign (wire).
            _ => envelope(422, "recordInfo is null", Value::Null),
        }
    }

    /// A link to a result, good for 20 minutes.
    fn download_url(&self, request: &Request, body: &[u8], now: u64) -> Reply {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let url = body.get("url").and_then(Value::as_str).unwrap_or_default();
        match self.own_path(url, request) {
            Some(path) if path.starts_with(RESULTS) && self.files.bytes(&path, now).is_some() => {
                let until = now + 20 * 60 * 1000;
                success(json!(format!("{}{path}?until={until}", request.origin)))
            }
            _ => envelope(422, "url is wrong", Value::Null),
        }
    }

    fn serve_file(&self, request: &Request, now: u64) -> Reply {
        let until = request.query.get("until").and_then(|until| until.parse::<u64>().ok());
        if until.is_some_and(|until| until < now) {
            return Reply::new(403, "text/plain", b"This link has expired.".to_vec());
        }
        self.files.serve(request, now)
    }

    pub(crate) fn source(&self, url: &str, request: &Request) -> Source {
        Source { url: url.to_owned(), path: self.own_path(url, request), limit: MAX_BYTES }
    }

    /// The path of a URL that leads back here, to a file.
    fn own_path(&self, url: &str, request: &Request) -> Option<String> {
        let path = url.strip_prefix(&request.origin)?.split(['?', '#']).next()?;
        path.starts_with("/files/").then(|| path.to_owned())
    }
}
