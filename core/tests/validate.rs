//! Tests of `validate`: which URLs and keys are taken, and that a refused key is in no message.
#![allow(clippy::expect_used)]

use crisp_upscale_core::failure::{Charged, Failure, Kind};
use crisp_upscale_core::validate::{
    base_url, call_back_url, image_url, key, model, task_id, upload_base_url,
};

/// A refusal before anything was sent: it costs nothing and has been answered by nobody.
fn refused(row: &str, checked: Result<(), Box<Failure>>) -> Box<Failure> {
    let failure = checked.expect_err(row);
    assert_eq!(failure.kind, Kind::InvalidInput, "{row}");
    assert_eq!(failure.charged, Charged::No, "{row}");
    assert_eq!((failure.code, failure.status, failure.task_id.as_deref()), (None, None, None), "{row}");
    assert!(!failure.retryable, "{row}: the same call would be refused again");
    assert!(failure.message.ends_with('.'), "{row}: not a sentence: {}", failure.message);
    failure
}

type Check = fn(&str) -> Result<(), Box<Failure>>;

/// Every URL that a caller hands in, and what its message calls it.
const CHECKS: [(&str, Check); 3] =
    [("image URL", image_url), ("base URL", base_url), ("callBackUrl", call_back_url)];

#[test]
fn whole_web_urls_are_taken() {
    for url in [
        "https://host.example/photo.jpg",
        "http://host.example/photo.jpg",
        "HTTPS://HOST.EXAMPLE/PHOTO.JPG",
        "hTTp://host.example",
        "https://host.example",
        "https://host.example:8443/a/b?c=d&e=%20#f",
        "https://user:password@host.example/",
        "https://127.0.0.1:8787",
        "http://[::1]:8787/",
        "https://bücher.example/täst.jpg",
        "https://例え.jp/写真.png",
        "https://host.example?query-without-a-path",
    ] {
        for (what, check) in CHECKS {
            // What paths are added to has no query, no fragment and no user.
            if what == "base URL" && url.contains(['?', '#', '@']) {
                continue;
            }
            assert_eq!(check(url), Ok(()), "{what}: {url}");
        }
    }
}

#[test]
fn a_base_url_is_a_scheme_a_host_and_a_path() {
    for url in [
        "https://host.example?key=1",
        "https://host.example/path?",
        "https://host.example/path#part",
        "https://host.example/#",
        "https://user:password@host.example",
        "https://user@host.example/path",
        "https://host.example\\path",
    ] {
        for check in [base_url, upload_base_url] {
            let failure = refused(url, check(url));
            assert!(
                failure.message.contains("Give the scheme, the host and the path alone."),
                "{url}: {failure:?}"
            );
        }
    }
    for url in ["https://host.example/@scope/path", "https://host.example:8443/a/b", "http://[::1]:8787"] {
        assert_eq!((base_url(url), upload_base_url(url)), (Ok(()), Ok(())), "{url}");
    }
}

#[test]
fn what_is_no_web_url_is_refused_by_name() {
    for url in [
        "",
        " ",
        "example.com/x.jpg",
        "//example.com/x.jpg",
        "/x.jpg",
        "x.jpg",
        "ftp://example.com/x.jpg",
        "https:",
        "https:/example.com/x.jpg",
        "https://",
        "https:///x.jpg",
        "https://?x",
        "https://#x",
        "http://",
        " https://example.com/x.jpg",
        "https://example.com/x.jpg ",
        "https://example.com/a b.jpg",
        "https://example.com/x.jpg\n",
        "https://example.com/x\r\nX-Injected: 1",
        "https://example.com/\tx.jpg",
        "https://example.com/\0x.jpg",
        // A no-break space and an ideographic one come with pasted text.
        "https://example.com/\u{a0}x.jpg",
        "https://example.com/\u{3000}x.jpg",
        // A zero-width space or byte order mark in front comes with pasted text as well.
        "\u{200b}https://example.com/x.jpg",
        "\u{feff}https://example.com/x.jpg",
        "javascript:alert(1)",
        "é",
        "httpsé//example.com",
    ] {
        for (what, check) in CHECKS {
            let failure = refused(url, check(url));
            let expected =
                format!("The {what} is not a URL. Give a whole one that begins with https:// or http://.");
            assert_eq!(failure.message, expected, "{url:?}");
        }
    }
}

/// Such URLs work in the page, so the sentence says why they do not here.
#[test]
fn an_image_url_that_only_the_page_can_fetch_is_told_so() {
    for url in
        ["data:image/png;base64,AAAA", "DATA:,x", "blob:https://host.example/1-2", "file:///home/me/x.jpg"]
    {
        let failure = refused(url, image_url(url));
        assert!(failure.message.starts_with("The service cannot fetch this URL."), "{url}: {failure:?}");
        refused(url, base_url(url));
        refused(url, call_back_url(url));
    }
}

#[test]
fn a_key_that_can_stand_in_a_header_is_taken() {
    for good in ["0123456789abcdef0123456789abcdef", "sk-a_b.c~d+e/f=", "k", "!\"#$%&'()*,:;<>?@[]^`{|}"] {
        assert_eq!(key(good), Ok(()), "{good}");
    }
}

#[test]
fn an_empty_key_is_refused() {
    assert!(refused("empty", key("")).message.starts_with("The key is empty."));
}

#[test]
fn a_badly_pasted_key_is_refused_and_is_in_no_message() {
    for bad in [
        "Bearer 0123456789",
        " 0123456789",
        "0123456789 ",
        "0123456789\n",
        "01234\r\n56789",
        "01234\t56789",
        "01234\u{0}56789",
        "01234\u{7f}56789",
        // Zero-width space, byte order mark, no-break space, a letter that is not ASCII.
        "0123456789\u{200b}",
        "\u{feff}0123456789",
        "01234\u{a0}56789",
        "0123456789é",
    ] {
        let failure = refused(bad, key(bad));
        assert!(failure.message.starts_with("The key has a space"), "{bad:?}: {}", failure.message);
        for part in ["Bearer", "01234", "56789"] {
            assert!(!failure.message.contains(part), "{bad:?} is in {}", failure.message);
        }
    }
}

#[test]
fn a_task_id_is_opaque_but_not_empty() {
    for id in ["5f48aa", "task_recraft_1765177373893", "a/b c?d=é"] {
        assert_eq!(task_id(id), Ok(()), "{id}");
    }
    refused("empty", task_id(""));
}

#[test]
fn only_the_one_model_is_taken() {
    assert_eq!(model("recraft/crisp-upscale"), Ok(()));
    for other in ["", "recraft/remove-background", "Recraft/Crisp-Upscale", " recraft/crisp-upscale"] {
        refused(other, model(other));
    }
}
