//! createTask as callers meet it: one order for one key, budgets, the queue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::rate_limit::Rate;
use crisp_upscale_gateway_core::budget::OVER_BUDGET;
use crisp_upscale_gateway_core::protocol::{Reply, Request};
use crisp_upscale_gateway_core::queue::FULL;
use crisp_upscale_gateway_core::{Input, Order, Output, Settings, ids};
use harness::*;

fn sends(outputs: &[Output]) -> Vec<String> {
    let jobs = outputs.iter().filter_map(|output| match output {
        Output::SendCreate { job, .. } => Some(job.clone()),
        _ => None,
    });
    jobs.collect()
}

fn by(caller: &str) -> Order {
    Order { caller: caller.to_owned(), ..order() }
}

#[test]
fn the_same_key_is_the_same_job_and_is_sent_once() {
    let lost = || {
        let mut gateway = sent();
        gateway.created(Err(NetworkError::Lost));
        gateway
    };
    let unknown = || {
        let mut gateway = lost();
        gateway.alarm();
        gateway
    };
    let ended = || {
        let mut gateway = made();
        gateway.call(&["t1"]);
        gateway.polled("t1", says("t1", "fail"));
        gateway
    };
    let queued = || {
        let mut gateway = Gateway::new(settings());
        (0..20).for_each(|nth| drop(gateway.create(&format!("{nth}"), by("bob"), None)));
        gateway.order();
        gateway
    };
    for (waits, mut gateway) in [
        (true, sent()),
        (true, queued()),
        (false, lost()),
        (false, unknown()),
        (false, made()),
        (false, ended()),
    ] {
        let before = gateway.store.jobs().clone();
        let (id, outputs) = gateway.order();
        assert_eq!(outputs, if waits { vec![] } else { vec![answered(id)] });
        assert_eq!(*gateway.store.jobs(), before);
    }
}

#[test]
fn two_requests_with_one_key_have_one_answer() {
    let mut gateway = Gateway::new(settings());
    let (first, _) = gateway.order();
    let (second, outputs) = gateway.order();
    assert_eq!(outputs, []);
    assert_eq!(gateway.created(Ok(task_made("t1"))), [answered(first), answered(second)]);
}

#[test]
fn a_refused_order_may_be_made_once_more_under_the_same_key() {
    let mut gateway = sent();
    gateway.created(Ok(refusal(402, "No.")));
    let (id, outputs) = gateway.order();
    assert_eq!(sends(&outputs), [job()]);
    assert_eq!(gateway.created(Ok(task_made("t1"))), [answered(id)]);
}

#[test]
fn the_same_key_with_another_image_is_an_error_and_changes_nothing() {
    let refused = || {
        let mut gateway = sent();
        gateway.created(Ok(refusal(402, "No.")));
        gateway
    };
    for mut gateway in [made(), refused()] {
        let before = gateway.store.jobs().clone();
        let other = Order { image: "https://host.example/b.jpg".to_owned(), ..order() };
        let (id, outputs) = gateway.create(KEY, other, None);
        let message = "This Idempotency-Key was used for another image. Use another key.".to_owned();
        assert_eq!(outputs, [Output::Reply { id, reply: Reply::Conflict(message) }]);
        assert_eq!(*gateway.store.jobs(), before);
    }
}

#[test]
fn the_same_key_of_another_caller_is_another_job() {
    let mut gateway = made();
    let (_, outputs) = gateway.create(KEY, by("bob"), None);
    assert_eq!(sends(&outputs), [ids::keyed_job_id("bob", KEY)]);
}

#[test]
fn an_order_beyond_the_budget_is_refused_with_the_wait_and_leaves_nothing() {
    let mut gateway = Gateway::new(settings());
    gateway.create("a", order(), Some(2));
    gateway.create("b", order(), Some(2));
    let before = gateway.store.clone();
    let (id, outputs) = gateway.create("c", order(), Some(2));
    assert_eq!(outputs, [refused(id, 429, OVER_BUDGET, Some(HOUR + MINUTE))]);
    assert_eq!((gateway.store.jobs(), gateway.store.budgets()), (before.jobs(), before.budgets()));
    let (_, outputs) = gateway.create("a", by("bob"), Some(2));
    assert_eq!(sends(&outputs).len(), 1, "another caller has another budget");
    gateway.now += HOUR + MINUTE;
    let (_, outputs) = gateway.create("c", order(), Some(2));
    assert_eq!(sends(&outputs).len(), 1);
}

#[test]
fn a_budget_outlives_a_crash_and_is_deleted_when_it_counts_nothing() {
    let mut gateway = Gateway::new(Settings { keep: 1_000, ..settings() });
    gateway.create(KEY, order(), Some(1));
    gateway.created(Ok(refusal(402, "No.")));
    gateway.crash();
    let (id, outputs) = gateway.create("b", order(), Some(1));
    assert_eq!(outputs, [refused(id, 429, OVER_BUDGET, Some(HOUR + MINUTE))]);
    while !gateway.store.budgets().is_empty() {
        gateway.now = gateway.alarm_at.take().expect("an alarm for it");
        gateway.input(Input::AlarmFired);
    }
    assert_eq!(gateway.now, BEGIN + HOUR + MINUTE);
    assert!(gateway.store.jobs().is_empty());
}

/// A gateway whose rate limit is used up by another caller.
fn busy() -> Gateway {
    let mut gateway = Gateway::new(settings());
    for nth in 0..20 {
        let (_, outputs) = gateway.create(&nth.to_string(), by("bob"), None);
        assert_eq!(sends(&outputs).len(), 1);
    }
    gateway
}

/// Ends all createTasks of [`busy`].
fn end_all(gateway: &mut Gateway) {
    for nth in 0..20 {
        let job = ids::keyed_job_id("bob", &nth.to_string());
        gateway.input(Input::Created { job, result: Ok(task_made(&format!("bob-{nth}"))) });
    }
}

#[test]
fn beyond_the_rate_limit_an_order_waits_in_the_queue_until_a_slot_is_free() {
    for crashes in [false, true] {
        let mut gateway = busy();
        let (id, outputs) = gateway.order();
        assert_eq!(outputs, []);
        assert_eq!(gateway.state(), "waiting");
        assert_eq!(gateway.input(Input::AnswerTimeout(id)), [answered(id)]);
        gateway.now += 100;
        end_all(&mut gateway);
        if crashes {
            gateway.crash();
        }
        let ended = gateway.now;
        assert_eq!(sends(&gateway.alarm()), [job()], "a crash forgets neither the queue nor what was sent");
        assert_eq!(gateway.now, ended + 10_001);
        gateway.created(Ok(task_made("t1")));
        assert_eq!(gateway.counters()["waiting"], 0);
    }
}

#[test]
fn createtasks_that_a_crash_cut_off_count_until_ten_seconds_after_it() {
    let mut gateway = busy();
    gateway.order();
    gateway.now += 5_000;
    gateway.crash();
    assert_eq!(sends(&gateway.alarm()), [job()]);
    assert_eq!(gateway.now, BEGIN + 15_001, "they may have arrived until the crash");
}

#[test]
fn both_requests_of_a_job_that_was_sent_again_count_after_a_crash() {
    let mut gateway = Gateway::new(Settings { rate: Rate { tasks: 2, window: 10_000 }, ..settings() });
    gateway.order();
    gateway.created(Ok(refusal(429, "slow")));
    assert_eq!(sends(&gateway.alarm()), [job()]);
    gateway.created(Ok(task_made("t1")));
    gateway.crash();
    let (_, outputs) = gateway.create("b", order(), None);
    assert_eq!(sends(&outputs), [""; 0], "two in ten seconds");
    gateway.alarm();
    assert_eq!(gateway.now, BEGIN + 10_001, "the first of them counts no more");
}

#[test]
fn a_full_queue_refuses_cheaply_and_leaves_nothing() {
    let mut gateway = Gateway::new(Settings { rate: Rate { tasks: 1, window: MINUTE }, ..settings() });
    gateway.create("a", order(), Some(100));
    for nth in 0..3 {
        assert_eq!(gateway.create(&nth.to_string(), order(), Some(100)).1, []);
    }
    let before = gateway.store.clone();
    let (id, outputs) = gateway.create("more", order(), Some(100));
    assert_eq!(outputs, [refused(id, 429, FULL, Some(MINUTE))]);
    assert_eq!(gateway.store.rows_written, before.rows_written, "nor is the budget charged");
    assert_eq!(gateway.create("0", order(), Some(100)).1, [], "one that is in it stays in it");
    assert_eq!(gateway.counters()["ended"]["refused"], 1, "it is counted in memory");
    gateway.alarm();
    gateway.crash();
    assert_eq!(gateway.counters()["ended"]["refused"], 1, "and stored by the next alarm");
}

#[test]
fn one_that_the_service_told_to_wait_comes_back_into_the_queue_though_it_is_full() {
    let mut gateway = Gateway::new(Settings { rate: Rate { tasks: 1, window: 2_000 }, ..settings() });
    gateway.order();
    while let (_, outputs) = gateway.create(&gateway.now.to_string(), by("bob"), None)
        && outputs.is_empty()
    {
        gateway.now += 1;
    }
    gateway.created(Ok(refusal(429, "slow")));
    let mut sent = Vec::new();
    for _ in 0..4 {
        let outputs = gateway.alarm();
        for job in sends(&outputs) {
            gateway.input(Input::Created { job: job.clone(), result: Ok(task_made(&job)) });
            sent.push(job);
        }
    }
    assert!(sent.contains(&job()), "{sent:?}");
}

#[test]
fn without_a_rate_limit_nothing_waits() {
    let mut gateway = Gateway::new(Settings { rate: Rate::UNLIMITED, ..settings() });
    for nth in 0..100 {
        assert_eq!(sends(&gateway.create(&nth.to_string(), order(), None).1).len(), 1);
    }
    gateway.crash();
    assert_eq!(sends(&gateway.order().1).len(), 1);
}

#[test]
fn an_alarm_works_off_a_bounded_part_of_the_queue_and_of_the_polls() {
    let mut gateway = Gateway::new(Settings { rate: Rate { tasks: 50, window: 10_000 }, ..settings() });
    for nth in 0..150 {
        gateway.create(&nth.to_string(), order(), None);
    }
    for nth in 0..50 {
        let job = ids::keyed_job_id(CALLER, &nth.to_string());
        gateway.input(Input::Created { job, result: Ok(task_made(&nth.to_string())) });
    }
    // All 50 of them are due for a poll, and 50 slots are free.
    gateway.now += 15_000;
    let mut polls = std::collections::VecDeque::new();
    let (mut sent, mut polled, mut alarms) = (0, 0, 0);
    while sent < 50 || polled < 50 {
        alarms += 1;
        assert!(alarms < 100);
        let outputs = gateway.input(Input::AlarmFired);
        assert!(sends(&outputs).len() <= 20);
        sent += sends(&outputs).len();
        polls.extend(outputs.into_iter().filter(|output| matches!(output, Output::PollTask { .. })));
        while let Some(Output::PollTask { job, task }) = polls.pop_front() {
            assert!(polls.len() < 5, "at most five at a time");
            polled += 1;
            let outputs = gateway.input(Input::Polled { job, task, result: Err(NetworkError::Lost) });
            sent += sends(&outputs).len();
            polls.extend(outputs.into_iter().filter(|output| matches!(output, Output::PollTask { .. })));
        }
    }
    assert_eq!((sent, polled), (50, 50));
}

#[test]
fn an_alarm_that_comes_while_all_polls_hang_comes_again_a_second_later() {
    let mut gateway = Gateway::new(settings());
    for nth in 0..10 {
        gateway.create(&nth.to_string(), order(), None);
        let job = ids::keyed_job_id(CALLER, &nth.to_string());
        gateway.input(Input::Created { job, result: Ok(task_made(&nth.to_string())) });
    }
    assert_eq!(gateway.alarm().len(), 5);
    assert_eq!(gateway.alarm_at, Some(gateway.now + 1_000), "not at once, and not never");
    let hung = gateway.now;
    assert_eq!(gateway.alarm().len(), 5, "the results of the first five never come");
    assert_eq!(gateway.now, hung + MINUTE);
    // And where the process ends meanwhile, the others are polled all the same.
    gateway.crash();
    assert_eq!(gateway.alarm().len(), 5);
}

#[test]
fn a_callback_that_finds_all_polls_in_flight_is_polled_as_soon_as_one_ends() {
    let mut gateway = made();
    let secret = gateway.secrets[0].clone();
    for nth in 0..5 {
        gateway.create(&nth.to_string(), order(), None);
        let task = nth.to_string();
        let other = ids::keyed_job_id(CALLER, &task);
        gateway.input(Input::Created { job: other.clone(), result: Ok(task_made(&task)) });
        let (secret, tasks) = (gateway.secrets.last().unwrap().clone(), vec![task.clone()]);
        let (_, outputs) = gateway.ask(Request::Callback { job: other.clone(), secret, tasks });
        assert_eq!(outputs, [Output::PollTask { job: other, task }]);
    }
    gateway.alarm_at = None;
    assert_eq!(gateway.call_with(&secret, &["t1"]), (true, vec![]));
    assert_eq!(gateway.alarm_at, None, "the alarm that is set is soon enough");
    let other = ids::keyed_job_id(CALLER, "0");
    let result = Ok(task_record("0", "success", IMAGE, BEGIN));
    let outputs = gateway.input(Input::Polled { job: other, task: "0".to_owned(), result });
    assert_eq!(outputs.last(), Some(&poll("t1")));
}

#[test]
fn an_alarm_may_come_twice_and_too_early() {
    let mut gateway = made();
    assert_eq!(gateway.input(Input::AlarmFired), []);
    let due = gateway.alarm_at.expect("it is set again");
    gateway.now = due;
    assert_eq!(gateway.input(Input::AlarmFired), [poll("t1")]);
    assert_eq!(gateway.input(Input::AlarmFired), []);
}

#[test]
fn a_store_that_fails_is_an_error_and_what_is_loaded_anew_goes_on() {
    let mut gateway = sent();
    let before = gateway.store.clone();
    // Another job of the same task comes between, as no honest store lets it.
    let mut row = before.jobs()[&job()].clone();
    row.job = "no job".to_owned();
    crisp_upscale_gateway_core::Store::put_job(&mut gateway.store, &row).unwrap();
    assert!(gateway.try_input(Input::Created { job: job(), result: Ok(task_made("t1")) }).is_err());
    gateway.store = before;
    gateway.crash();
    assert_eq!(gateway.created(Ok(task_made("t1"))), []);
    assert_eq!(gateway.alarm(), [poll("t1")]);
}

#[test]
fn guesses_at_the_passphrase_are_throttled() {
    let mut gateway = Gateway::new(settings());
    let mut ask = |right| match gateway.ask(Request::Passphrase { right }) {
        (Reply::Passphrase { retry_after }, _) => retry_after,
        other => panic!("{other:?}"),
    };
    for _ in 0..20 {
        assert_eq!(ask(false), None);
    }
    assert_eq!(ask(true), Some(MINUTE), "nor is a right one checked, or guessing would go on");
}
