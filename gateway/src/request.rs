//! A request, read once: what the `worker` crate has for this reads each one's `cf` and its URL several times.

use std::fmt;

use worker::{Result, Url};

/// A request.
pub(crate) struct Request {
    raw: web_sys::Request,
    headers: web_sys::Headers,
    url: Url,
    origin: String,
    method: String,
}

// Not derived: its headers hold a token.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Request")
    }
}

impl Request {
    pub(crate) fn new(raw: web_sys::Request) -> Result<Self> {
        let url = Url::parse(&raw.url())?;
        let origin = url.origin().ascii_serialization();
        Ok(Request { headers: raw.headers(), method: raw.method(), raw, url, origin })
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    /// All headers.
    pub(crate) fn headers(&self) -> web_sys::Headers {
        self.headers.clone()
    }

    /// The method, in capitals.
    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    /// The URL.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The URL's origin.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The request itself, for its body.
    pub(crate) fn inner(&self) -> &web_sys::Request {
        &self.raw
    }
}
