//! Tests of `schedule`: when to poll next, as far as no benchmark is needed. What is learned of which workload is
//! tested in `bench/polling`.

use crisp_upscale_core::schedule::Durations;

fn seen(durations: impl IntoIterator<Item = u64>) -> Durations {
    let mut all = Durations::default();
    durations.into_iter().for_each(|duration| all.learn(duration));
    all
}

#[test]
fn before_anything_is_seen_it_is_the_vendors_pace() {
    for age in [0, 3_000, 90_000, u64::MAX] {
        assert_eq!(Durations::default().next_poll(age), 3_000, "{age}");
    }
}

#[test]
fn tasks_that_all_take_as_long_are_polled_when_they_end() {
    for duration in [2_000, 5_000, 12_000] {
        let model = seen([duration; 20]);
        let first = model.next_poll(0);
        assert!(
            (duration * 9 / 10..duration * 5 / 4).contains(&first),
            "{duration} ms, polled after {first}"
        );
    }
}

#[test]
fn where_there_are_two_kinds_it_polls_after_each() {
    let model = seen([5_000, 40_000].repeat(10));
    let first = model.next_poll(0);
    assert!((5_000..7_000).contains(&first), "{first}");
    // Soon after, most of the quick ones would have ended.
    let later = 8_000 + model.next_poll(8_000);
    assert!((20_000..44_000).contains(&later), "{later}");
}

/// Whatever was seen, however old the task: not more often than four times a second, and not as
/// if it were forgotten.
#[test]
fn waits_have_bounds() {
    let ages = [0, 1, 999, 12_000, 600_000, 86_400_000, u64::MAX];
    let histories = [
        seen([0]),
        seen([1; 32]),
        seen([u64::MAX; 32]),
        seen([1, u64::MAX]),
        seen(1..=40),
        seen([12_000; 32]),
    ];
    for model in &histories {
        for age in ages {
            let wait = model.next_poll(age);
            assert!((250..=180_000).contains(&wait), "{wait} at {age} after {model:?}");
        }
    }
    // It has outlived all that were seen.
    let model = seen([12_000, 11_000, 13_000]);
    for age in [13_001, 60_000, 600_000, u64::MAX] {
        assert!(model.next_poll(age) <= 5_000, "{age}");
    }
}

#[test]
fn only_the_last_32_are_kept() {
    let model = seen((1..=100).map(|nth| nth * 1_000));
    let expected: Vec<f64> = (69..=100).map(|nth| f64::from(nth) * 1_000.0).collect();
    assert_eq!(model.iter().collect::<Vec<_>>(), expected);
    // What JavaScript kept comes back the same.
    assert_eq!(Durations::from_iter(model.iter()), model);
}

#[test]
fn numbers_that_are_no_durations_do_no_harm() {
    let model = Durations::from_iter([f64::NAN, f64::INFINITY, -5.0, 0.0]);
    assert_eq!(model.iter().collect::<Vec<_>>(), [1.0, 3_600_000.0, 1.0, 1.0]);
}
