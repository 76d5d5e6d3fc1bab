//! Event streams, and the polls on the way for those who watch.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::sse::Frames;
use crisp_upscale_gateway_core::protocol::Request;
use crisp_upscale_gateway_core::{Input, Output, Settings, ids};
use harness::*;
use serde_json::Value;

fn subscribe(gateway: &mut Gateway, stream: u64, caller: &str, tasks: &[&str]) -> Vec<Output> {
    let tasks = tasks.iter().map(|&task| task.to_owned()).collect();
    gateway.input(Input::Subscribe { stream, caller: caller.to_owned(), tasks })
}

/// The messages of a stream: of which task, and its state; `None` for a record that is missing.
fn pushed(outputs: &[Output], of: u64) -> Vec<(String, Option<String>)> {
    let messages = outputs.iter().filter_map(|output| match output {
        Output::Push { stream, message } if *stream == of => Some(message),
        _ => None,
    });
    let read = |message: &String| {
        let mut frames = Frames::default().feed(message).unwrap();
        assert_eq!(frames.len(), 1, "{message}");
        let frame = frames.remove(0);
        let data: Value = serde_json::from_str(&frame.data).unwrap();
        (frame.event, data["data"]["state"].as_str().map(str::to_owned))
    };
    messages.map(read).collect()
}

fn state(job: &str, state: &str) -> (String, Option<String>) {
    (job.to_owned(), Some(state.to_owned()))
}

#[test]
fn a_stream_has_the_present_state_and_every_change_until_the_end() {
    let mut gateway = made();
    let outputs = subscribe(&mut gateway, 1, CALLER, &[&job()]);
    assert_eq!(pushed(&outputs, 1), [state(&job(), "waiting")]);
    assert_eq!(outputs.len(), 1);
    gateway.call(&["t1"]);
    let outputs = gateway.polled("t1", says("t1", "generating"));
    assert_eq!(pushed(&outputs, 1), [state(&job(), "generating")]);
    gateway.alarm();
    let outputs = gateway.polled("t1", says("t1", "generating"));
    assert_eq!(outputs, [], "no change");
    gateway.alarm();
    let outputs = gateway.polled("t1", says("t1", "success"));
    assert_eq!(pushed(&outputs, 1), [state(&job(), "success")]);
    assert!(outputs.contains(&Output::CloseStream(1)));
    assert!(subscribe(&mut gateway, 2, CALLER, &[&job()]).contains(&Output::CloseStream(2)), "it is over");
}

#[test]
fn one_stream_is_of_many_tasks_and_ends_with_the_last() {
    let mut gateway = Gateway::new(settings());
    let jobs: Vec<String> = (0..3).map(|nth| ids::keyed_job_id(CALLER, &nth.to_string())).collect();
    for nth in 0..3 {
        gateway.create(&nth.to_string(), order(), None);
    }
    let tasks: Vec<&str> = jobs.iter().map(String::as_str).collect();
    let outputs = subscribe(&mut gateway, 1, CALLER, &tasks);
    assert_eq!(pushed(&outputs, 1).len(), 3);
    let mut closed = Vec::new();
    for job in &jobs {
        let outputs = gateway.input(Input::Created { job: job.clone(), result: Ok(refusal(402, "No.")) });
        assert_eq!(pushed(&outputs, 1), [state(job, "fail")]);
        closed.push(outputs.contains(&Output::CloseStream(1)));
    }
    assert_eq!(closed, [false, false, true]);
}

#[test]
fn a_task_of_another_caller_or_none_is_missing_and_is_not_waited_for() {
    let mut gateway = made();
    let outputs = subscribe(&mut gateway, 1, "bob", &[&job(), "none"]);
    assert_eq!(pushed(&outputs, 1), [(job(), None), ("none".to_owned(), None)]);
    assert_eq!(outputs.last(), Some(&Output::CloseStream(1)));
    gateway.call(&["t1"]);
    let outputs = gateway.polled("t1", says("t1", "success"));
    assert_eq!(pushed(&outputs, 1), []);
}

#[test]
fn every_stream_of_a_task_is_notified_and_none_that_was_closed() {
    let mut gateway = made();
    for stream in 1..=3 {
        subscribe(&mut gateway, stream, CALLER, &[&job()]);
    }
    gateway.input(Input::Unsubscribe(2));
    gateway.call(&["t1"]);
    let outputs = gateway.polled("t1", says("t1", "success"));
    let told: Vec<usize> = (1..=3).map(|stream| pushed(&outputs, stream).len()).collect();
    assert_eq!(told, [1, 0, 1]);
    assert!(!outputs.contains(&Output::CloseStream(2)));
}

/// The times after the createTask at which a job is polled until it ends after `lasts`.
fn polls_of(gateway: &mut Gateway, key: &str, lasts: u64, watched: bool) -> Vec<u64> {
    let begin = gateway.now;
    gateway.create(key, order(), None);
    let job = ids::keyed_job_id(CALLER, key);
    gateway.input(Input::Created { job: job.clone(), result: Ok(task_made(key)) });
    if watched {
        subscribe(gateway, begin, CALLER, &[&job]);
    }
    let mut polls = Vec::new();
    while let Some(at) = gateway.alarm_at.filter(|at| *at < begin + lasts) {
        gateway.alarm_at = None;
        gateway.now = at;
        for output in gateway.input(Input::AlarmFired) {
            let Output::PollTask { job: of, task } = output else { continue };
            let result = Ok(task_record(&task, "generating", IMAGE, begin));
            if of == job {
                polls.push(gateway.now - begin);
            }
            gateway.input(Input::Polled { job: of, task, result });
        }
    }
    gateway.now = begin + lasts;
    let (secret, tasks) = (gateway.secrets.last().unwrap().clone(), vec![key.to_owned()]);
    gateway.ask(Request::Callback { job: job.clone(), secret, tasks });
    let result = Ok(task_record(key, "success", IMAGE, begin));
    gateway.input(Input::Polled { job, task: key.to_owned(), result });
    polls
}

#[test]
fn a_job_that_is_watched_is_polled_after_a_third_and_two_thirds_of_the_time_that_jobs_take() {
    let mut gateway = Gateway::new(settings());
    assert_eq!(polls_of(&mut gateway, "a", 12_000, true), [3_000, 6_000], "before any was seen");
    assert_eq!(polls_of(&mut gateway, "b", 12_000, true), [4_000, 8_000]);
    assert_eq!(polls_of(&mut gateway, "c", 12_000, false), [0; 0], "nobody watches");
    for nth in 0..20 {
        polls_of(&mut gateway, &nth.to_string(), 30_000, false);
    }
    assert_eq!(polls_of(&mut gateway, "d", 29_000, true), [10_000, 15_000, 20_000], "and the slow one");
    for nth in 20..40 {
        polls_of(&mut gateway, &nth.to_string(), 1_000, true);
    }
    assert_eq!(polls_of(&mut gateway, "e", 1_000, true), [0; 0], "what is over so soon needs none");
}

#[test]
fn one_who_asks_for_the_record_watches_too_and_is_polled_for_twice_however_often_it_asks() {
    let mut gateway = made();
    let mut polls = 0;
    while gateway.now < BEGIN + 14_000 {
        gateway.now += 250;
        gateway.ask(Request::RecordInfo { caller: CALLER.to_owned(), job: job() });
        if gateway.alarm_at.is_some_and(|at| at <= gateway.now) {
            gateway.alarm_at = None;
            for output in gateway.input(Input::AlarmFired) {
                assert_eq!(output, poll("t1"));
                polls += 1;
                gateway.polled("t1", says("t1", "waiting"));
            }
        }
    }
    assert_eq!(polls, 2);
}

#[test]
fn a_poll_on_the_way_writes_nothing_where_nothing_has_changed_and_is_lost_in_a_crash() {
    let mut gateway = made();
    subscribe(&mut gateway, 1, CALLER, &[&job()]);
    let before = gateway.store.rows_written;
    assert_eq!(gateway.alarm(), [poll("t1")]);
    assert_eq!(gateway.now, BEGIN + 3_000);
    gateway.polled("t1", Err(NetworkError::Lost));
    assert_eq!(gateway.store.rows_written, before);
    gateway.crash();
    assert_eq!(gateway.alarm(), [poll("t1")]);
    assert_eq!(gateway.now, BEGIN + 15_000);
}

#[test]
fn where_no_callback_can_come_there_are_polls_enough() {
    let mut gateway = made_with(Settings { callbacks: false, ..settings() }, order());
    subscribe(&mut gateway, 1, CALLER, &[&job()]);
    for nth in 1..=4 {
        assert_eq!(gateway.alarm(), [poll("t1")]);
        assert_eq!(gateway.now, BEGIN + nth * 3_000);
        gateway.polled("t1", says("t1", "waiting"));
    }
}
