//! After a job's end: the caller's own callback, the copy of the result, its erasure, and what is remembered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_gateway_core::protocol::{Reply, Request};
use crisp_upscale_gateway_core::{Input, Order, Output, Settings, ids};
use harness::*;
use serde_json::{Value, json};

const DONE: &str = "https://caller.example/done";

fn relayed_order() -> Order {
    Order { call_back_url: Some(DONE.to_owned()), ..order() }
}

/// The outputs of the end of a job, whose task ended in this state.
fn end(gateway: &mut Gateway, state: &str) -> Vec<Output> {
    gateway.call(&["t1"]);
    gateway.polled("t1", says("t1", state))
}

fn relay_of(outputs: &[Output]) -> Option<Value> {
    outputs.iter().find_map(|output| match output {
        Output::Relay { job: of, url, body } if *of == job() && url == DONE => {
            Some(serde_json::from_str(body).unwrap())
        }
        _ => None,
    })
}

fn relayed(gateway: &mut Gateway, ok: bool) -> Vec<Output> {
    gateway.input(Input::Relayed { job: job(), ok })
}

#[test]
fn the_callers_own_callback_is_tried_three_times() {
    let mut gateway = made_with(settings(), relayed_order());
    let outputs = end(&mut gateway, "success");
    let body = relay_of(&outputs).expect("a relay, at once");
    assert_eq!(body["code"], 200);
    assert_eq!(body["data"], gateway.record(), "as the record is");
    let ended = gateway.now;
    for after in [10_000, 70_000] {
        assert_eq!(relayed(&mut gateway, false), []);
        assert_eq!(relay_of(&gateway.alarm()), Some(body.clone()));
        assert_eq!(gateway.now, ended + after);
    }
    assert_eq!(relayed(&mut gateway, false), []);
    gateway.input(Input::AlarmFired);
    assert_eq!(gateway.alarm_at, Some(ended + DAY), "and then no more");
}

#[test]
fn a_failure_is_relayed_as_the_service_tells_it() {
    let mut gateway = made_with(settings(), relayed_order());
    let body = relay_of(&end(&mut gateway, "fail")).unwrap();
    assert_eq!((&body["code"], &body["data"]["state"]), (&json!(501), &json!("fail")));
}

#[test]
fn a_relay_that_was_taken_is_not_repeated_and_one_that_was_cut_off_is() {
    let mut gateway = made_with(settings(), relayed_order());
    end(&mut gateway, "success");
    gateway.crash();
    assert!(relay_of(&gateway.alarm()).is_some());
    relayed(&mut gateway, true);
    gateway.input(Input::AlarmFired);
    assert_eq!(gateway.alarm_at, Some(BEGIN + DAY));
}

#[test]
fn a_refusal_is_not_relayed_and_an_unknown_outcome_is() {
    let mut gateway = sent_with(settings(), relayed_order());
    let outputs = gateway.created(Ok(refusal(402, "No.")));
    assert_eq!(relay_of(&outputs), None);
    let mut gateway = sent_with(settings(), relayed_order());
    gateway.created(Err(NetworkError::Lost));
    let outputs = gateway.alarm();
    let body = relay_of(&outputs).or_else(|| relay_of(&gateway.alarm())).unwrap();
    assert_eq!(body["data"]["failCode"], "OUTCOME_UNKNOWN");
}

fn copy() -> Output {
    Output::CopyResult { job: job(), url: "https://files.example/t1.png".to_owned() }
}

#[test]
fn results_are_copied_where_they_are_to_be() {
    let mut gateway = made_with(Settings { copies: true, ..settings() }, order());
    end(&mut gateway, "success");
    assert_eq!(gateway.alarm(), [copy()]);
    assert_eq!(gateway.now, BEGIN + 2_000, "those who wait for it are served first");
    let copied = |gateway: &mut Gateway| match gateway.ask(Request::Result { job: job() }).0 {
        Reply::Result(Some(file)) => file.copied,
        other => panic!("{other:?}"),
    };
    assert!(!copied(&mut gateway));
    gateway.input(Input::Copied { job: job(), ok: false });
    assert_eq!(gateway.alarm(), [copy()]);
    gateway.input(Input::Copied { job: job(), ok: true });
    assert!(copied(&mut gateway));
}

#[test]
fn failures_are_not_copied() {
    let mut gateway = made_with(Settings { copies: true, ..settings() }, order());
    end(&mut gateway, "fail");
    gateway.input(Input::AlarmFired);
    assert_eq!(gateway.alarm_at, Some(BEGIN + DAY));
}

#[test]
fn a_job_is_deleted_a_while_after_its_end_and_its_copy_before_it() {
    let mut gateway = made_with(Settings { copies: true, ..settings() }, order());
    end(&mut gateway, "success");
    gateway.alarm();
    gateway.input(Input::Copied { job: job(), ok: true });
    assert_eq!(gateway.alarm(), [Output::DeleteCopy { job: job() }]);
    assert_eq!(gateway.now, BEGIN + DAY);
    gateway.input(Input::CopyDeleted { job: job(), ok: false });
    assert_eq!(gateway.store.jobs().len(), 1, "until its copy is");
    assert_eq!(gateway.alarm(), [Output::DeleteCopy { job: job() }]);
    gateway.input(Input::CopyDeleted { job: job(), ok: true });
    assert!(gateway.store.jobs().is_empty());
}

#[test]
fn what_is_not_done_when_a_job_is_deleted_is_not_done_any_more() {
    let mut gateway = made_with(Settings { copies: true, keep: 1_000, ..settings() }, relayed_order());
    end(&mut gateway, "success");
    assert_eq!(relayed(&mut gateway, false), []);
    while !gateway.store.jobs().is_empty() {
        gateway.now = gateway.alarm_at.take().expect("an alarm");
        assert_eq!(gateway.input(Input::AlarmFired), []);
    }
    assert_eq!(gateway.now, BEGIN + 1_000);
    assert_eq!(gateway.input(Input::Copied { job: job(), ok: true }), []);
    assert_eq!(gateway.alarm_at, None);
}

#[test]
fn a_job_of_the_key_of_one_that_is_deleted_is_a_new_one() {
    let mut gateway = made();
    end(&mut gateway, "success");
    while !gateway.store.jobs().is_empty() {
        gateway.now = gateway.alarm_at.take().expect("an alarm");
        assert_eq!(gateway.input(Input::AlarmFired), []);
    }
    assert_eq!(gateway.now, BEGIN + DAY);
    let (_, outputs) = gateway.order();
    assert!(matches!(&outputs[..], [Output::SendCreate { .. }]));
    gateway.created(Ok(task_made("t2")));
    assert_eq!(gateway.alarm(), [poll("t2")], "its alarm is set");
}

#[test]
fn an_attempt_is_found_by_its_key_and_one_that_never_arrived_is_said_not_to_have() {
    let mut gateway = Gateway::new(settings());
    gateway.now += 5_000;
    let never = json!({ "taskId": null, "arrived": false, "remembersFor": 5_000 });
    assert_eq!(gateway.find_attempt(CALLER, KEY), never);
    let before = gateway.store.clone();
    assert_eq!(gateway.find_attempt(CALLER, KEY), never);
    assert_eq!(gateway.store.jobs(), before.jobs(), "it makes nothing");
    gateway.order();
    assert_eq!(gateway.find_attempt(CALLER, KEY), json!({ "taskId": job() }), "in mid-create");
    gateway.created(Err(NetworkError::Lost));
    assert_eq!(gateway.find_attempt(CALLER, KEY), json!({ "taskId": job() }));
}

#[test]
fn an_attempt_of_another_caller_is_neither_found_nor_said_not_to_have_arrived() {
    let mut gateway = made();
    assert_eq!(gateway.find_attempt("bob", KEY), json!({ "taskId": null }));
    assert_eq!(gateway.find_attempt("bob", "other")["arrived"], false);
}

#[test]
fn an_order_that_was_refused_by_the_gateway_itself_never_arrived() {
    let mut gateway = Gateway::new(settings());
    gateway.create(KEY, order(), Some(0));
    assert_eq!(gateway.find_attempt(CALLER, KEY)["arrived"], false, "nothing was made");
}

#[test]
fn what_is_deleted_is_not_said_never_to_have_arrived() {
    let mut gateway = Gateway::new(settings());
    gateway.now += HOUR;
    let ordered = gateway.now;
    gateway.order();
    gateway.created(Ok(task_made("t1")));
    gateway.now += MINUTE;
    end(&mut gateway, "success");
    assert_eq!(gateway.find_attempt(CALLER, "other")["remembersFor"], HOUR + MINUTE);
    while !gateway.store.jobs().is_empty() {
        gateway.now = gateway.alarm_at.take().expect("an alarm");
        gateway.input(Input::AlarmFired);
    }
    gateway.crash();
    gateway.now += 1_000;
    let data = gateway.find_attempt(CALLER, KEY);
    let remembers = data["remembersFor"].as_u64().unwrap();
    assert_eq!(remembers, gateway.now - ordered, "the attempt left before that");
    assert!(remembers >= DAY, "and what left later than a day ago is remembered");
}

#[test]
fn a_job_that_was_made_later_and_deleted_earlier_is_the_edge_of_the_memory() {
    let mut gateway = made();
    gateway.now += HOUR;
    let later = gateway.now;
    gateway.create("b", order(), None);
    let other = ids::keyed_job_id(CALLER, "b");
    gateway.input(Input::Created { job: other, result: Ok(refusal(402, "No.")) });
    while gateway.store.jobs().len() > 1 {
        gateway.now = gateway.alarm_at.take().expect("an alarm");
        gateway.input(Input::AlarmFired);
        gateway.polled("t1", Err(NetworkError::Lost));
    }
    // The first one was not seen to end, and is still there.
    assert_eq!(gateway.find_attempt(CALLER, KEY), json!({ "taskId": job() }));
    assert_eq!(gateway.find_attempt(CALLER, "b")["remembersFor"], gateway.now - later);
}
