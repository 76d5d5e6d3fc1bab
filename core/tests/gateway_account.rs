//! Tests of `gateway::account`: many callers on a virtual clock, against a sliding window at arrival.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use crisp_upscale_core::gateway::account::{Account, Budget, Told, Tries};
use crisp_upscale_core::limiter::Rate;

const RATE: Rate = Rate::DOCUMENTED;
const BEGIN: u64 = 1_786_000_000_000;

/// As it is stored between any two steps.
fn stored(account: &Account) -> Account {
    serde_json::from_str(&serde_json::to_string(account).unwrap()).unwrap()
}

/// What came of a burst: the callers in the order in which their creates arrived, when the last one
/// did, and how many the service would have refused.
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
        Deal,
    }
    let mut account = Account::default();
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
            account = stored(&account);
            if account.ask(&caller.to_string(), &job, RATE, BEGIN) == Told::Go {
                begin(job, BEGIN, &mut events);
            }
        }
    }
    let (mut order, mut took, mut refused) = (Vec::new(), 0, 0);
    let mut window = VecDeque::new();
    events.push(Reverse((BEGIN, Happens::Deal)));
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
                account.end(&job, now);
                events.push(Reverse((account.alarm(RATE).unwrap_or(now), Happens::Deal)));
            }
            Happens::Deal => {
                account = stored(&account);
                for job in account.deal(RATE, now) {
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
    let mut account = Account::default();
    for nth in 0..1_000 {
        account.ask("large", &format!("large/{nth}"), RATE, BEGIN);
    }
    assert_eq!(account.ask("small", "small/0", RATE, BEGIN), Told::Queued);
    for nth in 0..20 {
        account.end(&format!("large/{nth}"), BEGIN);
    }
    assert!(account.deal(RATE, BEGIN + 10_001).contains(&"small/0".to_owned()));
}

#[test]
fn asking_again_takes_no_second_turn_and_no_second_place() {
    let mut account = Account::default();
    for nth in 0..20 {
        assert_eq!(account.ask("a", &nth.to_string(), RATE, BEGIN), Told::Go);
    }
    assert_eq!(account.ask("a", "0", RATE, BEGIN), Told::Go);
    assert_eq!(account.ask("a", "20", RATE, BEGIN), Told::Queued);
    assert_eq!(account.ask("a", "20", RATE, BEGIN), Told::Queued);
    assert_eq!(account.waiting(), 1);
    for nth in 0..20 {
        account.end(&nth.to_string(), BEGIN);
        account.end(&nth.to_string(), BEGIN + 5_000);
    }
    assert_eq!(account.alarm(RATE), Some(BEGIN + 10_001));
    assert_eq!(account.deal(RATE, BEGIN + 10_000), [""; 0]);
    assert_eq!(account.deal(RATE, BEGIN + 10_001), ["20"]);
    assert_eq!(account.alarm(RATE), None);
}

#[test]
fn nobody_overtakes_those_who_wait() {
    let mut account = Account::default();
    for nth in 0..21 {
        account.ask("a", &nth.to_string(), RATE, BEGIN);
    }
    for nth in 0..20 {
        account.end(&nth.to_string(), BEGIN);
    }
    assert_eq!(account.ask("b", "b", RATE, BEGIN + 20_000), Told::Queued, "though turns are free");
    assert_eq!(account.deal(RATE, BEGIN + 20_000), ["20", "b"]);
}

#[test]
fn a_turn_of_which_nothing_is_heard_ends_by_itself() {
    let mut account = Account::default();
    for nth in 0..21 {
        account.ask("a", &nth.to_string(), RATE, BEGIN);
    }
    let lease = account.alarm(RATE).unwrap();
    assert!((BEGIN + 60_000..BEGIN + 120_000).contains(&lease), "after the create's own patience");
    assert_eq!(account.deal(RATE, lease), [""; 0], "its request may have arrived just now");
    assert_eq!(account.deal(RATE, account.alarm(RATE).unwrap()), ["20"]);
}

/// How many of a caller's are taken before one is told to come later, and when it may.
fn filled(account: &mut Account, caller: &str, rate: Rate) -> (usize, u64) {
    let refused =
        (0..10_000).find_map(|nth| match account.ask(caller, &format!("{caller}/{nth}"), rate, BEGIN) {
            Told::Full(wait) => Some((nth, wait)),
            Told::Go | Told::Queued => None,
        });
    refused.expect("a queue has an end")
}

#[test]
fn a_queue_that_is_full_says_when_to_come_back() {
    let mut account = Account::default();
    assert_eq!(
        filled(&mut account, "a", RATE),
        (320, 10_000),
        "20 have a turn, and half of the places are taken"
    );
    assert_eq!(account.ask("a", "a/100", RATE, BEGIN), Told::Queued, "who is in it stays in it");
    account.end("a/0", BEGIN);
    assert_eq!(account.deal(RATE, BEGIN + 10_001).len(), 1);
    assert_eq!(account.ask("a", "later", RATE, BEGIN + 10_001), Told::Queued, "there is room again");
    assert_eq!(account.ask("a", "too many", RATE, BEGIN + 10_001), Told::Full(10_000));
}

#[test]
fn no_caller_can_fill_the_queue_so_that_others_find_no_place() {
    let mut account = Account::default();
    let taken: Vec<usize> = (0..5).map(|nth| filled(&mut account, &format!("large {nth}"), RATE).0).collect();
    assert_eq!(taken, [320, 150, 75, 38, 19], "the turns, and always half of what is left");
    // As soon as some are served, the places are for those who have none.
    for nth in 0..20 {
        account.end(&format!("large 0/{nth}"), BEGIN);
    }
    assert_eq!(account.deal(RATE, BEGIN + 10_001).len(), 20);
    assert!(matches!(account.ask("large 0", "one more", RATE, BEGIN + 10_001), Told::Full(_)));
    assert!(filled(&mut account, "small", RATE).0 >= 10);
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
        let rate = Rate { tasks, window };
        assert_eq!(filled(&mut Account::default(), "a", rate), (taken, window), "{rate:?}");
    }
}

#[test]
fn whoever_guesses_at_passphrases_has_twenty_tries_in_a_minute() {
    let mut tries = Tries::default();
    for nth in 0..20 {
        assert_eq!(tries.hear(true, BEGIN + nth), Ok(()), "a right one counts nothing");
        assert_eq!(tries.hear(false, BEGIN + nth), Ok(()));
    }
    assert_eq!(tries.hear(false, BEGIN + 1_000), Err(59_000));
    assert_eq!(tries.hear(true, BEGIN + 59_999), Err(1), "nor is a right one heard, or guessing would go on");
    assert_eq!(tries.hear(true, BEGIN + 60_000), Ok(()));
    // However they are spread, no more are heard than of two minutes' beginnings and ends.
    let (mut heard, mut tries) = (Vec::new(), Tries::default());
    for now in (BEGIN..BEGIN + 3_600_000).step_by(137) {
        if tries.hear(false, now).is_ok() {
            heard.push(now);
        }
    }
    assert!(heard.windows(41).all(|tries| tries[40] - tries[0] > 60_000));
    assert!((59 * 20..=60 * 20).contains(&heard.len()), "{}", heard.len());
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
    assert!(!budget.is_over(BEGIN + 7_319_999));
    assert!(budget.is_over(BEGIN + 7_320_000));
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
