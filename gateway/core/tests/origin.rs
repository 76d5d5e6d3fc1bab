//! Tests of `origin`: which pages may call, and what their browsers are told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crisp_upscale_gateway_core::origin::{Origins, Visitor};

const OWN: &str = "https://gateway.example";

fn origins() -> Origins {
    Origins::new("https://www.example  http://127.0.0.1:8080\nHTTPS://Shop.Example:443/").unwrap()
}

#[test]
fn an_origin_that_is_listed_may_call_and_so_may_our_own() {
    for origin in ["https://www.example", "http://127.0.0.1:8080", "https://shop.example", OWN] {
        assert_eq!(origins().visitor(Some(origin), OWN), Visitor::Page(origin));
    }
    assert_eq!(Origins::default().visitor(Some(OWN), OWN), Visitor::Page(OWN));
}

#[test]
fn who_sends_no_origin_is_no_page() {
    assert_eq!(origins().visitor(None, OWN), Visitor::NoPage);
}

#[test]
fn any_other_origin_is_a_strangers() {
    for origin in [
        "",
        "null",
        "*",
        "http://www.example",
        "https://www.example/",
        "https://www.example:443",
        "https://www.example:8443",
        "https://WWW.example",
        "https://www.example.evil.example",
        "https://evil-www.example",
        "https://a.www.example",
        "https://www.example.",
        "https://www.example https://evil.example",
        "https://evil.example, https://www.example",
        " https://www.example",
        "http://127.0.0.1:80800",
        "http://127.0.0.1",
        "https://shop.example:443",
        "http://gateway.example",
    ] {
        assert_eq!(origins().visitor(Some(origin), OWN), Visitor::Stranger, "{origin}");
    }
}

#[test]
fn a_page_can_read_replies_and_when_to_come_again_and_sends_no_cookies() {
    let page = "https://www.example";
    let expected = [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", page),
        ("Access-Control-Expose-Headers", "Retry-After"),
    ];
    assert_eq!(Visitor::Page(page).headers(), expected);
}

#[test]
fn a_preflight_is_told_what_may_be_sent() {
    let page = "https://www.example";
    let expected = [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", page),
        ("Access-Control-Allow-Methods", "GET, POST"),
        ("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key"),
        ("Access-Control-Max-Age", "7200"),
    ];
    assert_eq!(Visitor::Page(page).preflight_headers(), expected);
}

#[test]
fn nobody_else_is_told_anything() {
    for visitor in [Visitor::NoPage, Visitor::Stranger] {
        assert_eq!(visitor.headers(), [("Vary", "Origin")]);
        assert_eq!(visitor.preflight_headers(), [("Vary", "Origin")]);
    }
}

#[test]
fn a_list_with_something_else_in_it_is_refused_whole() {
    for item in ["*", "null", "https://*.example", "www.example", "https://www.example/app"] {
        let failure = Origins::new(&format!("https://good.example {item}")).unwrap_err();
        assert!(
            failure.message.starts_with(&format!("ORIGINS lists \"{item}\", which is no origin")),
            "{failure:?}"
        );
    }
}
