//! A caller's own `fetch` that does not know the runtime's `Request`, as those of other packages.

/// What a `fetch` threw, as far as it tells whether the request was understood.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thrown<'a> {
    /// The error's message.
    pub message: Option<&'a str>,
    /// Its `code`.
    pub code: Option<&'a str>,
    /// Its `input`: what was parsed as a URL.
    pub input: Option<&'a str>,
}

/// How a `Request` reads that was turned into a text.
const REQUEST: &str = "[object Request]";

/// Whether a `fetch` that did not read the request took it for a URL, so that nothing was sent. A closed list of
/// what the packages say: undici 6 to 8, node-fetch 3, node-fetch 2 with cross-fetch.
///
/// An unread request alone is no proof: a `fetch` may have sent the parts of it that can be looked at without reading.
#[must_use]
pub fn took_request_for_url(thrown: Thrown<'_>) -> bool {
    let message = thrown.message.unwrap_or_default();
    // undici
    message == "Failed to parse URL from [object Request]"
        // node-fetch 3, by the error of Node's URL.
        || (thrown.code == Some("ERR_INVALID_URL") && thrown.input == Some(REQUEST))
        // node-fetch 2 and cross-fetch.
        || message == "Only absolute URLs are supported"
}
