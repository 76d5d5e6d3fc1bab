//! Whole lives that are cut off between any two transactions, or in the middle of one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::collections::VecDeque;

use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_gateway_core::{Input, Output};
use harness::*;

/// The service is honest, and its callback comes in the end. Then every task that was made is found, and none is made
/// twice, wherever the process ends.
#[test]
fn whatever_is_cut_off_one_order_makes_one_task_and_its_end_is_found() {
    let (mut recovered, mut crashes) = (0, 0);
    for seed in 0..4_000 {
        let mut random = Random(seed);
        let mut gateway = Gateway::new(settings());
        let (_, outputs) = gateway.order();
        let mut todo: VecDeque<Output> = outputs.into();
        // What the service has: when its task was made, and whether it has called back.
        let (mut task_made_at, mut called, mut creates) = (None, false, 0);
        for step in 0.. {
            assert!(step < 500, "seed {seed} never ends");
            let state = gateway.state();
            let unknown = gateway.fail_code().as_deref() == Some("OUTCOME_UNKNOWN");
            let has_ended = state == "success" || state == "fail";
            if has_ended && (!unknown || task_made_at.is_none()) {
                break;
            }
            // The process ends: what was to be done is forgotten.
            if random.below(6) == 0 {
                crashes += 1;
                todo.clear();
                gateway.crash();
                continue;
            }
            if let Some(made_at) = task_made_at
                && !called
                && (todo.is_empty() || gateway.now > made_at + 5_000 && random.below(3) == 0)
            {
                gateway.now = gateway.now.max(made_at + 5_001);
                // The service calls until it is answered.
                let (taken, outputs) = gateway.call(&["t1"]);
                called = taken;
                todo.extend(outputs);
            }
            let Some(output) = todo.pop_front() else {
                todo = gateway.alarm().into();
                continue;
            };
            gateway.now += random.below(2_000) as u64;
            let outputs = match output {
                Output::SendCreate { .. } => match random.below(5) {
                    0 => gateway.created(Ok(refusal(429, "slow"))),
                    outcome => {
                        creates += 1;
                        task_made_at = Some(gateway.now);
                        match outcome {
                            1 => gateway.created(Err(NetworkError::Lost)),
                            2 => gateway.created(Ok(refusal(500, "oops"))),
                            // The process ends before the reply.
                            3 => {
                                todo.clear();
                                gateway.crash();
                                Vec::new()
                            }
                            _ => gateway.created(Ok(task_made("t1"))),
                        }
                    }
                },
                Output::PollTask { task, .. } => {
                    let made_at = task_made_at.unwrap();
                    let state = if gateway.now > made_at + 5_000 { "success" } else { "generating" };
                    let result = match random.below(4) {
                        0 => Err(NetworkError::TimedOut),
                        _ => Ok(task_record(&task, state, IMAGE, made_at)),
                    };
                    gateway.polled(&task, result)
                }
                Output::Reply { .. } | Output::LogEnd { .. } => Vec::new(),
                other => panic!("seed {seed}: {other:?}"),
            };
            todo.extend(outputs);
        }
        assert!(creates <= 1, "seed {seed}: {creates} tasks");
        recovered += u32::from(gateway.counters()["recovered"] == 1);
        let unsent = task_made_at.is_none();
        assert_eq!(gateway.state(), if unsent { "fail" } else { "success" }, "seed {seed}");
    }
    assert!(recovered > 100 && crashes > 1_000, "{recovered} {crashes}");
}

/// What is rolled back has never been: the same input gives the same once more.
#[test]
fn a_transaction_that_is_rolled_back_can_be_repeated() {
    let mut gateway = made();
    gateway.now += 1_000;
    let before = gateway.store.clone();
    assert_eq!(gateway.call(&["t1"]), (true, vec![poll("t1")]));
    gateway.store = before;
    gateway.crash();
    assert_eq!(gateway.call(&["t1"]), (true, vec![poll("t1")]));
    let before = gateway.store.clone();
    assert_eq!(gateway.polled("t1", says("t1", "success")), [ended("success", false)]);
    gateway.store = before;
    gateway.crash();
    assert_eq!(gateway.counters()["ended"].get("success"), None);
    assert_eq!(gateway.alarm(), [poll("t1")], "the poll whose result was lost");
    assert_eq!(gateway.polled("t1", says("t1", "success")), [ended("success", false)]);
    assert_eq!(gateway.counters()["ended"]["success"], 1);
}

/// Jobs as they stand in every phase, at any time: an alarm leaves each with a time to come, or in the queue.
#[test]
fn no_job_is_left_without_a_time_at_which_something_is_done_about_it() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut gateway = Gateway::new(settings());
        for _ in 0..60 {
            gateway.now += random.below(40_000) as u64;
            let key = random.below(30).to_string();
            let job = crisp_upscale_gateway_core::ids::keyed_job_id(CALLER, &key);
            match random.below(6) {
                0 => gateway.crash(),
                1 | 2 => drop(gateway.create(&key, order(), None)),
                3 => {
                    let result = match random.below(4) {
                        0 => Err(NetworkError::Lost),
                        1 => Ok(refusal(429, "slow")),
                        2 => Ok(refusal(402, "No.")),
                        _ => Ok(task_made(&key)),
                    };
                    gateway.input(Input::Created { job, result });
                }
                4 => {
                    let result = Ok(task_record(&key, "success", IMAGE, gateway.now));
                    gateway.input(Input::Polled { job, task: key, result });
                }
                _ => drop(gateway.input(Input::AlarmFired)),
            }
            let jobs = gateway.store.jobs().values();
            let due = jobs.clone().filter_map(|row| row.due_at).min();
            assert!(jobs.clone().all(|row| row.due_at.is_some() || row.queued_at.is_some()));
            assert!(
                due.is_none_or(|due| gateway.alarm_at.is_some_and(|at| at <= due.max(gateway.now + 1_000)))
            );
        }
        // And all of it comes to an end.
        for _ in 0..100_000 {
            let Some(at) = gateway.alarm_at.take() else { break };
            gateway.now = gateway.now.max(at);
            for output in gateway.input(Input::AlarmFired) {
                match output {
                    Output::SendCreate { job, .. } => {
                        drop(gateway.input(Input::Created { job, result: Err(NetworkError::Lost) }));
                    }
                    Output::PollTask { job, task } => {
                        drop(gateway.input(Input::Polled { job, task, result: Err(NetworkError::Lost) }));
                    }
                    _ => {}
                }
            }
        }
        assert!(gateway.store.jobs().is_empty(), "seed {seed}: {:?}", gateway.store.jobs());
    }
}
