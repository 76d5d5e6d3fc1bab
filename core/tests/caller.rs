//! Tests of what a caller hands in besides images: `idempotencyKey` and the `fetch` option, and of a digest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crisp_upscale_core::digest::Digest;
use crisp_upscale_core::failure::{Charged, Kind};
use crisp_upscale_core::fetch_option::{Thrown, took_request_for_url};
use crisp_upscale_core::idempotency::header;
use proptest::prelude::*;
use sha2::Digest as _;

#[test]
fn a_digest_is_sha_256_however_the_bytes_are_cut() {
    // The example of FIPS 180-2.
    const ABC: &str = "sha-256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for chunks in [vec!["abc"], vec!["a", "bc"], vec!["", "ab", "c", ""]] {
        let mut digest = Digest::default();
        for chunk in chunks {
            digest.update(chunk.as_bytes());
        }
        assert_eq!(digest.finish(), ABC);
    }
}

#[test]
fn a_key_that_a_header_can_carry_is_its_own_header() {
    for key in ["k", "order-17", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", &"x".repeat(200)] {
        assert_eq!(header(key).unwrap(), key);
    }
}

#[test]
fn any_other_key_of_up_to_200_characters_has_a_digest_for_a_header() {
    for key in ["order 17", " ", "ключ", "a\nb", "\u{0}", "é", "\u{1f600}", &"ü".repeat(200)] {
        let header = header(key).unwrap();
        let expected: String = sha2::Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(header, format!("sha-256:{expected}"), "{key:?}");
    }
}

#[test]
fn an_empty_key_or_one_that_is_too_long_is_refused() {
    for key in ["", &"x".repeat(201), &"ü".repeat(201), &"\u{1f600}".repeat(201)] {
        let failure = header(key).unwrap_err();
        assert_eq!((failure.kind, failure.charged), (Kind::InvalidInput, Charged::No), "{key:?}");
        assert!(failure.message.contains("1 to 200 characters"), "{}", failure.message);
    }
}

proptest! {
    #[test]
    fn a_digest_is_that_of_another_implementation(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5),
    ) {
        let mut digest = Digest::default();
        for chunk in &chunks {
            digest.update(chunk);
        }
        let expected: String =
            sha2::Sha256::digest(chunks.concat()).iter().map(|byte| format!("{byte:02x}")).collect();
        prop_assert_eq!(digest.finish(), format!("sha-256:{expected}"));
    }

    #[test]
    fn two_keys_have_two_headers(one in ".{1,20}", other in ".{1,20}") {
        prop_assert_eq!(one == other, header(&one).unwrap() == header(&other).unwrap());
    }
}

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
