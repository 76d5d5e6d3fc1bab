//! What is asked, as a request. gloo-net builds it and does not send it: it would turn what `fetch` rejects with
//! into a string, and that error's `cause.code` is the only proof that nothing was sent.

use crisp_upscale_core::attempt;
use crisp_upscale_core::head::RANGE;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::wire::{CREATE_TASK, CREDIT, CreateTask, FILE_STREAM_UPLOAD, RECORD_INFO, TASK_ID};
use gloo_net::http::Headers;
use wasm_bindgen::prelude::*;
use web_sys::{Request, RequestCache, RequestInit, RequestRedirect};

use crate::call::Call;
use crate::host::{Parsed, encode, quote};

/// What is asked.
pub(crate) enum Ask<'a> {
    /// `POST` createTask.
    Create(&'a CreateTask),
    /// `GET` recordInfo.
    Look(&'a str),
    /// `GET` attempt, by its `Idempotency-Key`; of a gateway.
    #[cfg_attr(not(feature = "exports"), expect(dead_code))]
    Attempt(&'a str),
    /// `GET` credit: the balance.
    Credit,
    /// An upload, by a form that JavaScript made.
    Upload(JsValue),
    /// What it pushes of these tasks, until the stream ends. Rust programs are not pushed to.
    #[cfg_attr(not(feature = "exports"), expect(dead_code))]
    Events(&'a [String]),
    /// The first bytes of a file on another host; whether as a range.
    Head(&'a str, bool),
    /// A file on another host.
    File(&'a str),
}

impl Ask<'_> {
    /// What is wanted of the reply; see `host.js`.
    pub(crate) fn want(&self) -> i32 {
        match self {
            Ask::Create(_) | Ask::Look(_) | Ask::Attempt(_) | Ask::Credit | Ask::Upload(_) => 0,
            Ask::Events(_) => -1,
            Ask::File(_) => -2,
            Ask::Head(..) => crisp_upscale_core::image::HEAD_BYTES as i32,
        }
    }

    /// Whether it carries what the server is to do something with.
    pub(crate) fn has_body(&self) -> bool {
        matches!(self, Ask::Create(_) | Ask::Upload(_))
    }

    /// How caches treat it. No response may be stored or come from a cache.
    fn cache(&self) -> RequestCache {
        match self {
            // Next 14 caches a POST like a GET: a second call would get the first call's task, or its refusal.
            Ask::Create(_) | Ask::Upload(_) => RequestCache::NoStore,
            // These change from one request to the next.
            Ask::Look(_) | Ask::Attempt(_) | Ask::Credit | Ask::Events(_) => RequestCache::NoStore,
            // A browser caches what an `<img>` without `crossorigin` has loaded. A page may not read that response.
            Ask::Head(..) | Ask::File(_) => RequestCache::NoStore,
        }
    }
}

/// The request.
///
/// # Errors
/// What the runtime says where it is none; nothing was sent then.
pub(crate) fn build(call: &Call, ask: &Ask<'_>, bearer: Option<&str>) -> Result<Request, JsValue> {
    // Some versions of workerd throw on the `cache` option.
    begin(call, ask, bearer, Some(ask.cache())).or_else(|_| begin(call, ask, bearer, None))
}

fn begin(
    call: &Call,
    ask: &Ask<'_>,
    bearer: Option<&str>,
    cache: Option<RequestCache>,
) -> Result<Request, JsValue> {
    let headers = Headers::new();
    let init = RequestInit::new();
    init.set_signal(Some(&call.host.cut()));
    if let Some(bearer) = bearer {
        headers.set("Authorization", &("Bearer ".to_owned() + bearer));
        // No redirect is followed: it would take the key to another host.
        init.set_redirect(RequestRedirect::Manual);
    }
    if let Some(cache) = cache {
        init.set_cache(cache);
    }
    let mut url = call.settings.base_url();
    match ask {
        Ask::Create(task) => {
            url.push_str(CREATE_TASK);
            init.set_method("POST");
            headers.set("Content-Type", "application/json");
            if let Some(attempt) = call.attempt() {
                headers.set("Idempotency-Key", &attempt);
            }
            init.set_body(&task.json(quote).into());
        }
        Ask::Upload(form) => {
            url = call.settings.upload_base_url() + FILE_STREAM_UPLOAD;
            init.set_method("POST");
            // The runtime adds the form's own `Content-Type`, which names the boundary.
            init.set_body(form);
        }
        Ask::Look(id) => {
            url.push_str(RECORD_INFO);
            push_task(&mut url, '?', id);
        }
        Ask::Attempt(key) => {
            url.push_str(attempt::PATH);
            headers.set("Idempotency-Key", key);
        }
        Ask::Events(ids) => {
            let events = Parsed(call.settings.clone().into()).get("events");
            url.push_str(&events.and_then(|events| events.text_at("path")).unwrap_or_default());
            for (nth, id) in ids.iter().enumerate() {
                push_task(&mut url, if nth == 0 { '?' } else { '&' }, id);
            }
            headers.set("Accept", "text/event-stream");
        }
        Ask::Credit => url.push_str(CREDIT),
        Ask::Head(at, ranged) => {
            url = (*at).to_owned();
            if *ranged {
                headers.set("Range", RANGE);
            }
        }
        Ask::File(at) => url = (*at).to_owned(),
    }
    init.set_headers(&headers.into_raw());
    Request::new_with_str_and_init(&url, &init)
}

/// Adds a task to the query.
fn push_task(url: &mut String, before: char, id: &str) {
    url.push(before);
    url.push_str(TASK_ID);
    url.push('=');
    url.push_str(&encode(id));
}
