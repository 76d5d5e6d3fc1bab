//! What is asked, as a request. gloo-net builds it and does not send it: it would turn what `fetch` rejects with
//! into a string, and that error's `cause.code` is the only proof that nothing was sent.

use crisp_upscale_core::head::RANGE;
use crisp_upscale_core::wire::{CREATE_TASK, CREDIT, CreateTask, FILE_STREAM_UPLOAD, RECORD_INFO, TASK_ID};
use gloo_net::http::{Method, RequestBuilder};
use wasm_bindgen::prelude::*;
use web_sys::{RequestCache, RequestRedirect};

use crate::call::Call;
use crate::host::quote;

/// What is asked.
pub(crate) enum Ask<'a> {
    /// `POST` createTask.
    Create(&'a CreateTask),
    /// `GET` recordInfo.
    Look(&'a str),
    /// `GET` credit: the balance.
    Credit,
    /// An upload, by a form that JavaScript made.
    Upload(&'a JsValue),
    /// What it pushes of these tasks, until the stream ends.
    Events(&'a [String]),
    /// The first bytes of a file on another host.
    Head(&'a str),
    /// A file on another host.
    File(&'a str),
}

impl Ask<'_> {
    /// What is wanted of the reply; see `host.js`.
    pub(crate) fn want(&self) -> i32 {
        match self {
            Ask::Create(_) | Ask::Look(_) | Ask::Credit | Ask::Upload(_) => 0,
            Ask::Events(_) => -1,
            Ask::File(_) => -2,
            Ask::Head(_) => crisp_upscale_core::image::HEAD_BYTES as i32,
        }
    }
}

/// The request.
///
/// # Errors
/// What the runtime says where it is none; nothing was sent then.
pub(crate) fn build(call: &Call, ask: &Ask<'_>, bearer: Option<&str>) -> Result<web_sys::Request, JsValue> {
    let base = call.settings.base_url();
    let url = match ask {
        Ask::Create(_) => base + CREATE_TASK,
        Ask::Look(_) => base + RECORD_INFO,
        Ask::Credit => base + CREDIT,
        Ask::Upload(_) => call.settings.upload_base_url() + FILE_STREAM_UPLOAD,
        Ask::Events(_) => base + &call.settings.path().unwrap_or_default(),
        Ask::Head(url) | Ask::File(url) => (*url).to_owned(),
    };
    let begun = || {
        let builder = RequestBuilder::new(&url).abort_signal(Some(&call.host.cut()));
        match bearer {
            // No redirect is followed: it would take the key to another host.
            Some(bearer) => builder
                .header("Authorization", &("Bearer ".to_owned() + bearer))
                .redirect(RequestRedirect::Manual),
            None => builder,
        }
    };
    let built = match ask {
        Ask::Create(task) => {
            let post = begun().method(Method::POST).header("Content-Type", "application/json");
            match call.attempt() {
                Some(attempt) => post.header("Idempotency-Key", &attempt),
                None => post,
            }
            .body(task.json(quote))
        }
        // The runtime adds the form's own `Content-Type`, which names the boundary.
        Ask::Upload(form) => begun().method(Method::POST).body(*form),
        _ => {
            let read = || match ask {
                Ask::Look(id) => begun().query([(TASK_ID, *id)]),
                Ask::Events(ids) => begun()
                    .header("Accept", "text/event-stream")
                    .query(ids.iter().map(|id| (TASK_ID, id.as_str()))),
                Ask::Head(_) => begun().header("Range", RANGE),
                _ => begun(),
            };
            // A framework's cache must not answer a read; some versions of workerd throw on the option.
            if bearer.is_some() { read().cache(RequestCache::NoStore).build().or_else(|_| read().build()) } else { read().build() }
        }
    };
    built.map(Into::into).map_err(|error| JsError::new(&error.to_string()).into())
}
