//! Whom a client asks.

use crisp_upscale_core::hosts::{API, UPLOADS, base_url, upload_base_url};

fn hosts(base: Option<&str>, uploads: Option<&str>) -> [String; 2] {
    let base = base_url(base.map(str::to_owned));
    let uploads = upload_base_url(uploads.map(str::to_owned), base.clone());
    [base, uploads]
}

#[test]
fn the_api_has_a_host_of_its_own_for_uploads_and_another_server_is_its_own() {
    assert_eq!(hosts(None, None), [API, UPLOADS]);
    assert_eq!(hosts(Some("https://api.kie.ai/"), None), [API, UPLOADS]);
    assert_eq!(hosts(Some("https://gateway.example//"), None), ["https://gateway.example"; 2]);
    assert_eq!(hosts(None, Some("https://uploads.example/")), [API, "https://uploads.example"]);
    assert_eq!(
        hosts(Some("https://a.example"), Some("https://b.example")),
        ["https://a.example", "https://b.example"]
    );
}

#[test]
fn what_is_no_url_stays_as_it_is_for_the_check_of_the_input() {
    assert_eq!(hosts(Some(""), Some("uploads")), ["", "uploads"]);
}
