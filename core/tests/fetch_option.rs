//! Tests of `fetch_option`: what proves that a `fetch` of the caller's sent nothing.

use crisp_upscale_core::fetch_option::{Thrown, took_request_for_url};

fn says(message: &str) -> Thrown<'_> {
    Thrown { message: Some(message), ..Thrown::default() }
}

#[test]
fn what_other_packages_say_of_a_request_that_they_take_for_a_url_is_a_closed_list() {
    let node_fetch = |code, input| Thrown { message: Some("Invalid URL"), code, input };
    for (thrown, proves) in [
        (says("Failed to parse URL from [object Request]"), true),
        (says("Only absolute URLs are supported"), true),
        (node_fetch(Some("ERR_INVALID_URL"), Some("[object Request]")), true),
        // Not of our request, or of nobody knows what.
        (node_fetch(Some("ERR_INVALID_URL"), Some("/api")), false),
        (node_fetch(Some("ERR_INVALID_URL"), None), false),
        (node_fetch(None, Some("[object Request]")), false),
        (says("Failed to parse URL from /api"), false),
        (says("Invalid URL"), false),
        (says("fetch failed"), false),
        (says(""), false),
        (Thrown::default(), false),
    ] {
        assert_eq!(took_request_for_url(thrown), proves, "{thrown:?}");
    }
}
