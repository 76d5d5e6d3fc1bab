//! Whom a client asks.

use crisp_upscale_core::endpoints::{API, UPLOADS, base_url, upload_base_url};

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

#[test]
fn what_the_vendors_pages_show_behind_the_host_is_not_added_twice() {
    for end in
        ["", "/", "/api/v1", "/api/v1/", "/api/v1/jobs", "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"]
    {
        assert_eq!(hosts(Some(&format!("https://api.kie.ai{end}")), None), [API, UPLOADS], "{end}");
        let gateway = format!("https://gateway.example/upscale{end}");
        assert_eq!(hosts(Some(&gateway), None), ["https://gateway.example/upscale"; 2], "{end}");
    }
    // Somebody's own path.
    for own in ["https://gateway.example/api/v1/upscale", "https://gateway.example/myapi/v2"] {
        assert_eq!(hosts(Some(own), None), [own; 2]);
    }
}

#[test]
fn the_apis_own_host_has_its_upload_host_in_every_spelling() {
    for base in [
        "HTTPS://api.kie.ai",
        "https://API.KIE.AI",
        "https://api.kie.ai:443",
        "https://api.kie.ai.",
        "https://Api.Kie.Ai.:443/api/v1/",
        "http://api.kie.ai",
    ] {
        assert_eq!(hosts(Some(base), None)[1], UPLOADS, "{base}");
    }
    for other in
        ["https://api.kie.ai.example", "https://xapi.kie.ai", "https://host.example/api.kie.ai", "api.kie.ai"]
    {
        assert_ne!(hosts(Some(other), None)[1], UPLOADS, "{other}");
    }
}
