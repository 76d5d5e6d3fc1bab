//! Tests of `idempotency`: the same call again, by its `idempotencyKey`, and the header that carries the key.
#![allow(clippy::unwrap_used)]

use crisp_upscale_core::failure::{Charged, Kind};
use crisp_upscale_core::idempotency::{check_repeat, has_expired, header};
use proptest::prelude::*;
use sha2::Digest as _;

const A: &str = "https://host.example/a.jpg";
const B: &str = "https://host.example/b.jpg";
const DAY: f64 = 86_400_000.0;

#[test]
fn the_same_image_goes_on_with_the_task() {
    assert_eq!(check_repeat(A, A, true), Ok(()));
}

#[test]
fn another_image_needs_another_key_whether_there_is_a_task_or_not() {
    for has_task in [true, false] {
        let failure = check_repeat(B, A, has_task).unwrap_err();
        assert_eq!(
            (failure.kind, failure.charged, failure.retryable),
            (Kind::InvalidInput, Charged::No, false)
        );
    }
}

#[test]
fn without_a_task_nobody_knows_whether_one_was_made() {
    let failure = check_repeat(A, A, false).unwrap_err();
    assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown));
    assert!(!failure.retryable && !failure.resumable);
}

#[test]
fn a_key_is_remembered_for_24_hours() {
    assert!(!has_expired(1_000.0, 1_000.0 + DAY));
    assert!(has_expired(1_000.0, 1_001.0 + DAY));
    assert!(!has_expired(1_000.0, 0.0), "a clock that was set back forgets nothing");
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
    fn two_keys_have_two_headers(one in ".{1,20}", other in ".{1,20}") {
        prop_assert_eq!(one == other, header(&one).unwrap() == header(&other).unwrap());
    }
}
