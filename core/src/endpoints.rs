//! Whom a client asks: the API and its upload host, or what stands in for both.

use crate::api::{CREATE_TASK, RECORD_INFO};
use crate::text::cut;
use crate::url::authority;

/// Where the API is.
pub const API: &str = "https://api.kie.ai";

/// Where the API's files are uploaded to.
pub const UPLOADS: &str = "https://kieai.redpandaai.co";

/// What the vendor's pages show behind the API's host; the client adds it by itself.
const ENDPOINTS: [&str; 4] = [CREATE_TASK, RECORD_INFO, "/api/v1/jobs", "/api/v1"];

/// The API's base URL, as it was given or by default, with no slash and no endpoint of the API at its end.
#[must_use]
pub fn base_url(given: Option<String>) -> String {
    let Some(mut url) = given.map(trimmed) else { return API.to_owned() };
    if let Some(endpoint) = ENDPOINTS.iter().find(|endpoint| url.ends_with(**endpoint)) {
        url.truncate(url.len() - endpoint.len());
    }
    trimmed(url)
}

/// The base URL that files are uploaded to: the API's own host for that, or, where another
/// server is asked, that one, unless another was given. With no slash at its end.
#[must_use]
pub fn upload_base_url(given: Option<String>, base_url: String) -> String {
    match given {
        Some(given) => trimmed(given),
        None if is_api(&base_url) => UPLOADS.to_owned(),
        None => base_url,
    }
}

/// Whether it is the API's own host, in any spelling: letter case, a port, a dot at the end.
fn is_api(base_url: &str) -> bool {
    let host = authority(base_url);
    let host = cut(host, ":").map_or(host, |(host, _)| host);
    host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case(authority(API))
}

fn trimmed(mut url: String) -> String {
    let slashes = url.bytes().rev().take_while(|byte| *byte == b'/').count();
    url.truncate(url.len() - slashes);
    url
}
