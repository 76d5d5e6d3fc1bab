//! URLs by their form. Browsers and services know more of URLs than these rules, and check for themselves what passes
//! here.

use crate::text::{begins, cut};

/// Whether this is a URL by http or https, with something that can be a host.
pub(crate) fn is_web_url(url: &str) -> bool {
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.as_bytes().get(scheme.len()).filter(|_| has_prefix(url, scheme)).copied());
    host.is_some_and(|first| !b"/?#".contains(&first))
        && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// Whether a URL begins with this, in any letter case.
pub(crate) fn has_prefix(url: &str, prefix: &str) -> bool {
    begins(url.as_bytes(), prefix.as_bytes())
}

/// The host of a URL, with its port and whatever else stands before the path.
pub(crate) fn authority(url: &str) -> &str {
    let behind = cut(url, "//").map_or("", |(_, behind)| behind);
    let end = behind.bytes().position(|byte| b"/?#\\".contains(&byte));
    end.and_then(|end| behind.get(..end)).unwrap_or(behind)
}
