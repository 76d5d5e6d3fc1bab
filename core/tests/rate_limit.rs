//! Tests of `rate_limit`: bursts on a virtual clock, against a sliding window that is measured at arrival.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crisp_upscale_core::rate_limit::{Limiter, Rate};

/// Microseconds, so that an instant of the limiter's is a cut-off one.
const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Arrives,
    /// With whether it was refused.
    Replied(bool),
    /// Whoever waits asks the limiter again.
    Asked,
}

/// Reproducible randomness (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    fn between(&mut self, (least, most): (u64, u64)) -> u64 {
        least + self.below(most - least + 1)
    }
}

/// What came of a burst.
struct Burst {
    refused: usize,
    /// From its begin to the last reply, in microseconds.
    took: u64,
}

/// `count` requests at once, and their replies; delays one way are between `delays`, in microseconds.
fn burst(count: usize, delays: (u64, u64), seed: u64) -> Burst {
    let mut random = Random(seed);
    let mut limiter = Limiter::default();
    let begin = 7 * SECOND + random.below(SECOND);
    let (mut waiting, mut answered, mut refused) = (count, 0, 0);
    let mut window = VecDeque::<u64>::new();
    let mut happenings = BinaryHeap::from([Reverse((begin, Happens::Asked))]);
    while let Some(Reverse((now, happens))) = happenings.pop() {
        match happens {
            Happens::Arrives => {
                window.retain(|&arrived| arrived + 10 * SECOND > now);
                let refused = window.len() >= 20;
                if !refused {
                    window.push_back(now);
                }
                happenings.push(Reverse((now + random.between(delays), Happens::Replied(refused))));
            }
            Happens::Replied(is_refused) => {
                refused += usize::from(is_refused);
                answered += 1;
                limiter.release(now / MS);
                if answered == count {
                    return Burst { refused, took: now - begin };
                }
                happenings.push(Reverse((now, Happens::Asked)));
            }
            Happens::Asked => {
                while waiting > 0 {
                    match limiter.acquire(Rate::DOCUMENTED, now / MS) {
                        Ok(()) => {
                            waiting -= 1;
                            happenings.push(Reverse((now + random.between(delays), Happens::Arrives)));
                        }
                        Err(again) => {
                            happenings.extend(again.map(|again| Reverse((again * MS, Happens::Asked))));
                            break;
                        }
                    }
                }
            }
        }
    }
    panic!("{answered} of {count} were answered");
}

#[test]
fn a_burst_of_200_meets_no_429_and_loses_no_time() {
    for seed in 0..500 {
        let Burst { refused, took } = burst(200, (10 * MS, 80 * MS), seed);
        assert_eq!(refused, 0, "seed {seed}");
        let least = (200 / 20 - 1) * 10 * SECOND;
        assert!((least..=least * 102 / 100).contains(&took), "seed {seed}: {took} µs");
    }
}

#[test]
fn no_delays_make_it_meet_a_429() {
    for delays in [(0, 0), (0, 1), (0, MS), (0, 2 * SECOND), (9 * SECOND, 11 * SECOND), (0, 40 * SECOND)] {
        for seed in 0..100 {
            assert_eq!(burst(200, delays, seed).refused, 0, "{delays:?}, seed {seed}");
        }
    }
}

#[test]
fn a_request_counts_from_its_start_until_ten_seconds_after_its_end() {
    let mut limiter = Limiter::default();
    for n in 0..20 {
        assert_eq!(limiter.acquire(Rate::DOCUMENTED, n), Ok(()));
    }
    assert_eq!(limiter.acquire(Rate::DOCUMENTED, 20), Err(None), "all are under way");
    assert_eq!(limiter.acquire(Rate::DOCUMENTED, 60_000), Err(None), "however long");
    limiter.release(70_000);
    limiter.release(71_000);
    assert_eq!(limiter.acquire(Rate::DOCUMENTED, 72_000), Err(Some(80_001)));
    assert_eq!(limiter.acquire(Rate::DOCUMENTED, 80_000), Err(Some(80_001)));
    assert_eq!(limiter.acquire(Rate::DOCUMENTED, 80_001), Ok(()));
    assert_eq!(limiter.acquire(Rate::DOCUMENTED, 80_001), Err(Some(81_001)), "one for one");
}

#[test]
fn what_has_ended_long_ago_is_forgotten() {
    let mut limiter = Limiter::default();
    for n in 0..10_000 {
        assert_eq!(limiter.acquire(Rate::DOCUMENTED, n * 1_000), Ok(()));
        limiter.release(n * 1_000 + 100);
        assert!(limiter.ended.len() <= 11, "{}", limiter.ended.len());
    }
    assert_eq!(limiter.in_flight, 0);
}

/// A setting may say so; once it wrapped around to no limit at all.
#[test]
fn a_window_without_an_end_has_none() {
    let rate = Rate { tasks: 1, window: u64::MAX };
    let mut limiter = Limiter::default();
    assert_eq!(limiter.acquire(rate, 5), Ok(()));
    limiter.release(6);
    assert_eq!(limiter.acquire(rate, 7), Err(Some(u64::MAX)));
}
