//! The queue by itself: many callers on a virtual clock, against a sliding window at arrival; and budgets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use crisp_upscale_core::rate_limit::Rate;
use crisp_upscale_gateway_core::budget::Budget;
use crisp_upscale_gateway_core::passphrase::Throttle;
use crisp_upscale_gateway_core::queue::Queue;

const RATE: Rate = Rate::DOCUMENTED;
const BEGIN: u64 = 1_786_000_000_000;

fn empty(rate: Rate) -> Queue {
    Queue::new(rate, [], [], BEGIN)
}

#[derive(Debug, PartialEq, Eq)]
enum Got {
    Slot,
    Place,
    Nothing,
}

/// What a job gets, as a createTask does.
fn ask(queue: &mut Queue, caller: &str, job: &str, now: u64) -> Got {
    if queue.acquire(job, now) {
        return Got::Slot;
    }
    if queue.is_full(caller) {
        return Got::Nothing;
    }
    queue.push(caller, job.to_owned());
    Got::Place
}

fn grant_all(queue: &mut Queue, now: u64) -> Vec<String> {
    std::iter::from_fn(|| queue.grant(now)).collect()
}

/// What came of a burst: the callers in the order in which their creates arrived, when the last one did, and how many
/// the service would have refused.
struct Burst {
    order: Vec<usize>,
    took: u64,
    refused: usize,
}

/// `each` jobs of each of `callers` at once; a create takes up to 80 ms to arrive and again to be answered.
fn burst(callers: usize, each: usize) -> Burst {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum Happens {
        Arrives(String),
        Ends(String),
        Alarm,
    }
    let mut queue = empty(RATE);
    let mut events = BinaryHeap::new();
    let mut noise = 7_u64;
    let mut delay = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        10 + (noise >> 33) % 71
    };
    let mut begin = |job: String, now: u64, events: &mut BinaryHeap<_>| {
        let arrives = now + delay();
        events.push(Reverse((arrives, Happens::Arrives(job.clone()))));
        events.push(Reverse((arrives + delay(), Happens::Ends(job))));
    };
    // All of one caller's come before the next caller's.
    for caller in 0..callers {
        for nth in 0..each {
            let job = format!("{caller}/{nth}");
            if ask(&mut queue, &caller.to_string(), &job, BEGIN) == Got::Slot {
                begin(job, BEGIN, &mut events);
            }
        }
    }
    let (mut order, mut took, mut refused) = (Vec::new(), 0, 0);
    let mut window = VecDeque::new();
    events.push(Reverse((BEGIN, Happens::Alarm)));
    while let Some(Reverse((now, happens))) = events.pop() {
        match happens {
            Happens::Arrives(job) => {
                window.retain(|&arrived| arrived + 10_000 > now);
                refused += usize::from(window.len() >= 20);
                window.push_back(now);
                order.push(job.split('/').next().unwrap().parse().unwrap());
                took = now - BEGIN;
            }
            Happens::Ends(job) => {
                queue.release(&job, now);
                events.push(Reverse((queue.free_at(now).unwrap_or(now), Happens::Alarm)));
            }
            Happens::Alarm => {
                for job in grant_all(&mut queue, now) {
                    begin(job, now, &mut events);
                }
            }
        }
    }
    Burst { order, took, refused }
}

#[test]
fn five_hundred_creates_of_fifty_callers_never_meet_the_limit_and_lose_no_time() {
    let Burst { order, took, refused } = burst(50, 10);
    assert_eq!((order.len(), refused), (500, 0));
    // 24 windows must pass at the least: 98 % of the allowed rate.
    assert!(took * 98 <= 24 * 10_000 * 100, "{took} ms");
}

#[test]
fn each_caller_gets_a_fair_share_at_any_time() {
    let Burst { order, .. } = burst(50, 10);
    // The first 20 found no queue. From then on nobody is served twice before all others once.
    let mut served = BTreeMap::<usize, usize>::new();
    for caller in &order[20..] {
        *served.entry(*caller).or_default() += 1;
        let waiting: Vec<usize> = (2..50).map(|caller| served.get(&caller).copied().unwrap_or(0)).collect();
        let (least, most) = (waiting.iter().min().unwrap(), waiting.iter().max().unwrap());
        assert!(most - least <= 2, "{served:?}");
    }
}

#[test]
fn a_small_caller_does_not_wait_for_a_large_ones_queue() {
    let mut queue = empty(RATE);
    for nth in 0..1_000 {
        ask(&mut queue, "large", &format!("large/{nth}"), BEGIN);
    }
    assert_eq!(ask(&mut queue, "small", "small/0", BEGIN), Got::Place);
    for nth in 0..20 {
        queue.release(&format!("large/{nth}"), BEGIN);
    }
    assert!(grant_all(&mut queue, BEGIN + 10_001).contains(&"small/0".to_owned()));
}

#[test]
fn a_slot_is_free_ten_seconds_after_its_createtask_ended() {
    let mut queue = empty(RATE);
    for nth in 0..20 {
        assert_eq!(ask(&mut queue, "a", &nth.to_string(), BEGIN), Got::Slot);
    }
    assert_eq!(ask(&mut queue, "a", "20", BEGIN), Got::Place);
    assert_eq!(queue.len(), 1);
    assert_eq!(queue.free_at(BEGIN), None, "while all are in flight nobody can say");
    for nth in 0..20 {
        queue.release(&nth.to_string(), BEGIN);
        queue.release(&nth.to_string(), BEGIN + 5_000);
    }
    assert_eq!(queue.free_at(BEGIN), Some(BEGIN + 10_001));
    assert_eq!(grant_all(&mut queue, BEGIN + 10_000), [""; 0]);
    assert_eq!(grant_all(&mut queue, BEGIN + 10_001), ["20"]);
    assert_eq!(queue.free_at(BEGIN + 10_001), None);
    assert!(queue.is_empty());
}

#[test]
fn nobody_overtakes_those_who_wait() {
    let mut queue = empty(RATE);
    for nth in 0..21 {
        ask(&mut queue, "a", &nth.to_string(), BEGIN);
    }
    for nth in 0..20 {
        queue.release(&nth.to_string(), BEGIN);
    }
    assert_eq!(ask(&mut queue, "b", "b", BEGIN + 20_000), Got::Place, "though slots are free");
    assert_eq!(grant_all(&mut queue, BEGIN + 20_000), ["20", "b"]);
}

#[test]
fn a_queue_that_is_derived_anew_serves_the_callers_in_turn_and_the_oldest_first() {
    let queued = [("a", "a/1"), ("a", "a/2"), ("b", "b/1"), ("a", "a/3"), ("c", "c/1"), ("b", "b/2")];
    let queued = queued.map(|(caller, job)| (caller.to_owned(), job.to_owned()));
    let ends = (0..20).map(|nth| BEGIN - 400 * nth).chain([BEGIN + 60_000]);
    let mut queue = Queue::new(RATE, queued, ends, BEGIN);
    assert_eq!(queue.free_at(BEGIN), Some(BEGIN + 2_401));
    assert_eq!(grant_all(&mut queue, BEGIN + 2_401), [""; 0], "21 counted, of which one was in flight");
    assert_eq!(grant_all(&mut queue, BEGIN + 10_001), ["a/1", "b/1", "c/1", "a/2", "b/2", "a/3"]);
}

/// How many of a caller's are taken before one is refused.
fn filled(queue: &mut Queue, caller: &str) -> usize {
    (0..10_000)
        .find(|nth| ask(queue, caller, &format!("{caller}/{nth}"), BEGIN) == Got::Nothing)
        .expect("a queue has an end")
}

#[test]
fn a_queue_that_is_full_has_room_again_when_one_is_served() {
    let mut queue = empty(RATE);
    assert_eq!(filled(&mut queue, "a"), 320, "20 have a slot, and half of the places are taken");
    queue.release("a/0", BEGIN);
    assert_eq!(grant_all(&mut queue, BEGIN + 10_001).len(), 1);
    assert_eq!(ask(&mut queue, "a", "later", BEGIN + 10_001), Got::Place);
    assert_eq!(ask(&mut queue, "a", "too many", BEGIN + 10_001), Got::Nothing);
}

#[test]
fn no_caller_can_fill_the_queue_so_that_others_find_no_place() {
    let mut queue = empty(RATE);
    let taken: Vec<usize> = (0..5).map(|nth| filled(&mut queue, &format!("large {nth}"))).collect();
    assert_eq!(taken, [320, 150, 75, 38, 19], "the slots, and always half of what is left");
    // As soon as some are served, the places are for those who have none.
    for nth in 0..20 {
        queue.release(&format!("large 0/{nth}"), BEGIN);
    }
    assert_eq!(grant_all(&mut queue, BEGIN + 10_001).len(), 20);
    assert_eq!(ask(&mut queue, "large 0", "one more", BEGIN + 10_001), Got::Nothing);
    assert!(filled(&mut queue, "small") >= 10);
}

#[test]
fn a_queue_is_as_long_as_can_be_served_in_five_minutes_and_has_600_places_at_most() {
    for (tasks, window, taken) in [
        (1, 1_000_000, 2),
        (1, 60_000, 4),
        (1, 1_000, 151),
        (100, 1_000, 400),
        (1_000, 1, 1_300),
        (1, 0, 301),
    ] {
        assert_eq!(filled(&mut empty(Rate { tasks, window }), "a"), taken, "{tasks} in {window}");
    }
}

#[test]
fn guesses_at_passphrases_are_twenty_in_a_minute() {
    let mut throttle = Throttle::default();
    for nth in 0..20 {
        assert_eq!(throttle.check(true, BEGIN + nth), Ok(()), "a right one counts nothing");
        assert_eq!(throttle.check(false, BEGIN + nth), Ok(()));
    }
    assert_eq!(throttle.check(false, BEGIN + 1_000), Err(59_000));
    assert_eq!(
        throttle.check(true, BEGIN + 59_999),
        Err(1),
        "nor is a right one checked, or guessing would go on"
    );
    assert_eq!(throttle.check(true, BEGIN + 60_000), Ok(()));
    // However they are spread, no more are checked than of two minutes' beginnings and ends.
    let (mut checked, mut throttle) = (Vec::new(), Throttle::default());
    for now in (BEGIN..BEGIN + 3_600_000).step_by(137) {
        if throttle.check(false, now).is_ok() {
            checked.push(now);
        }
    }
    assert!(checked.windows(41).all(|tries| tries[40] - tries[0] > 60_000));
    assert!((59 * 20..=60 * 20).contains(&checked.len()), "{}", checked.len());
}

#[test]
fn a_budget_holds_for_any_hour() {
    let mut budget = Budget::default();
    for nth in 0..10 {
        assert_eq!(budget.take(10, BEGIN + nth * 30_000), Ok(()));
    }
    // It counts by the minute, and a minute counts to its own end.
    assert_eq!(budget.take(10, BEGIN + 600_000), Err(3_060_000));
    assert_eq!(budget.take(10, BEGIN + 3_659_999), Err(1));
    assert_eq!(budget.take(10, BEGIN + 3_660_000), Ok(()));
    assert_eq!(budget.take(10, BEGIN + 3_660_000), Ok(()), "two were in that minute");
    assert_eq!(budget.take(10, BEGIN + 3_660_000), Err(60_000));
    assert_eq!(budget.over_at(), BEGIN + 7_320_000);
    assert_eq!(Budget::default().take(0, BEGIN), Err(3_600_000), "a budget of nothing");
}

#[test]
fn no_hour_holds_more_than_the_budget_however_it_is_spent() {
    let mut noise = 3_u64;
    let mut budget = Budget::default();
    let mut taken = VecDeque::new();
    let mut now = BEGIN;
    for _ in 0..20_000 {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        now += (noise >> 33) % 20_000;
        if budget.take(50, now).is_ok() {
            taken.push_back(now);
        }
        taken.retain(|&at| at + 3_600_000 > now);
        assert!(taken.len() <= 50);
    }
    let room = serde_json::to_string(&budget).unwrap().len();
    assert!(room < 4_000, "{room}");
}
