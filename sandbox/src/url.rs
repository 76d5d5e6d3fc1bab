//! What a URL has to be.

/// Whether a server can fetch it: a host's `fetch` would read `data:` and `blob:` as well.
pub(crate) fn is_web(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}
