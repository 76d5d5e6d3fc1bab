//! Whom a client asks: the API and its upload host, or what stands in for both.

/// Where the API is.
pub const API: &str = "https://api.kie.ai";

/// Where the API's files are uploaded to.
pub const UPLOADS: &str = "https://kieai.redpandaai.co";

/// The API's base URL, as it was given or by default, with no slash at its end.
#[must_use]
pub fn base_url(given: Option<String>) -> String {
    given.map_or_else(|| API.to_owned(), trimmed)
}

/// The base URL that files are uploaded to: the API's own host for that, or, where another
/// server is asked, that one, unless another was given. With no slash at its end.
#[must_use]
pub fn upload_base_url(given: Option<String>, base_url: String) -> String {
    match given {
        Some(given) => trimmed(given),
        None if base_url == API => UPLOADS.to_owned(),
        None => base_url,
    }
}

fn trimmed(mut url: String) -> String {
    let slashes = url.bytes().rev().take_while(|byte| *byte == b'/').count();
    url.truncate(url.len() - slashes);
    url
}
