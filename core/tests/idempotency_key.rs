//! The same call again, by its `idempotencyKey`.
#![allow(clippy::unwrap_used)]

use crisp_upscale_core::failure::{Charged, Kind};
use crisp_upscale_core::idempotency::{check_repeat, has_expired};

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
