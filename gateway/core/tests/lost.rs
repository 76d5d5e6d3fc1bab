//! Replies to createTask that never came, and the callbacks that recover their tasks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use crisp_upscale_core::api::Response;
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_gateway_core::{Input, Order, Output, UpstreamResult, ids};
use harness::*;
use serde_json::json;

/// Everything that leaves the outcome of a createTask unknown.
fn losses() -> Vec<UpstreamResult> {
    vec![
        Err(NetworkError::Lost),
        Err(NetworkError::TimedOut),
        Ok(refusal(500, "oops")),
        Ok(refusal(501, "oops")),
        Ok(response(json!({ "code": 200, "msg": "success", "data": {} }))),
        Ok(Response { status: 502, retry_after: None, body: None }),
        Ok(Response { status: 307, retry_after: None, body: None }),
    ]
}

#[test]
fn a_lost_reply_is_answered_with_the_jobs_id_and_waits_for_the_callback() {
    for loss in losses() {
        let mut gateway = Gateway::new(settings());
        let (id, _) = gateway.order();
        assert_eq!(gateway.created(loss.clone()), [answered(id)], "{loss:?}");
        assert_eq!(gateway.state(), "waiting");
        assert_eq!(gateway.alarm(), [ended("unknown", false)], "{loss:?}");
        assert_eq!(gateway.now, BEGIN + 15 * MINUTE);
        let (_, outputs) = gateway.order();
        assert!(!outputs.iter().any(|output| matches!(output, Output::SendCreate { .. })), "{loss:?}");
    }
}

#[test]
fn a_callback_recovers_a_task_whose_reply_was_lost() {
    let mut gateway = lost();
    gateway.now += 20_000;
    assert_eq!(gateway.call(&["t1"]), (true, vec![poll("t1")]));
    assert_eq!(gateway.polled("t1", says("t1", "success")), [ended("success", true)], "at once");
    assert_eq!(gateway.state(), "success");
    assert_eq!(gateway.counters()["recovered"], 1);
}

#[test]
fn a_callback_binds_only_the_task_of_this_very_attempt() {
    let other_image = task_record("t1", "success", "https://host.example/b.jpg", BEGIN);
    let earlier = task_record("t1", "success", IMAGE, BEGIN - 10_000);
    let mut undated = task_record("t1", "success", IMAGE, BEGIN);
    undated.body.as_mut().unwrap()["data"]["createTime"] = json!(null);
    let mut imageless = task_record("t1", "success", IMAGE, BEGIN);
    imageless.body.as_mut().unwrap()["data"]["param"] = json!("");
    let of_another = task_record("t2", "success", IMAGE, BEGIN);
    for record in [other_image, earlier, undated, imageless, of_another] {
        let mut gateway = lost();
        gateway.call(&["t1"]);
        assert_eq!(gateway.polled("t1", Ok(record.clone())), [], "{record:?}");
        assert_eq!(gateway.state(), "waiting");
        assert_eq!(gateway.alarm(), [ended("unknown", false)], "the claim is gone");
    }
}

/// Another caller's job of the same image, under way at the same time, whose task is `t1`.
fn add_other_job(gateway: &mut Gateway) -> String {
    let order = Order { caller: "bob".to_owned(), ..order() };
    gateway.create(KEY, order, None);
    let job = ids::keyed_job_id("bob", KEY);
    gateway.input(Input::Created { job: job.clone(), result: Ok(task_made("t1")) });
    // That was the secret of the other one's callback.
    gateway.secrets.pop();
    job
}

#[test]
fn a_task_of_another_job_is_not_bound() {
    let mut gateway = lost();
    add_other_job(&mut gateway);
    assert_eq!(gateway.call(&["t1"]), (true, vec![poll("t1")]));
    assert_eq!(gateway.polled("t1", says("t1", "success")), []);
    assert_eq!(gateway.state(), "waiting");
    assert_eq!(gateway.fail_code(), None);
}

#[test]
fn a_reply_outweighs_a_callback_that_named_the_task_to_another_job() {
    for ends in [false, true] {
        let mut gateway = lost();
        gateway.now += 100;
        gateway.call(&["t1"]);
        gateway.polled("t1", says("t1", if ends { "success" } else { "generating" }));
        assert_eq!(gateway.state(), if ends { "success" } else { "generating" });
        let other = add_other_job(&mut gateway);
        assert_eq!(gateway.store.jobs()[&other].task.as_deref(), Some("t1"));
        assert_eq!(gateway.store.jobs()[&job()].task, None);
        let expected = if ends { Some("OUTCOME_UNKNOWN") } else { None };
        assert_eq!(gateway.fail_code().as_deref(), expected, "nobody knows of another");
    }
}

#[test]
fn a_task_that_the_service_names_to_two_createtasks_is_the_first_ones() {
    let mut gateway = sent();
    let other = add_other_job(&mut gateway);
    assert!(gateway.created(Ok(task_made("t1"))).iter().all(|output| matches!(output, Output::Reply { .. })));
    assert_eq!(gateway.store.jobs()[&other].task.as_deref(), Some("t1"));
    assert_eq!(gateway.state(), "waiting");
    assert_eq!(gateway.call(&["t2"]), (true, vec![poll("t2")]));
    assert_eq!(gateway.polled("t2", says("t2", "success")), [ended("success", true)], "if there is another");
}

#[test]
fn a_claim_that_cannot_be_verified_now_is_verified_later() {
    let mut gateway = lost();
    assert_eq!(gateway.call(&["t1"]), (true, vec![poll("t1")]));
    for result in [Err(NetworkError::Lost), Ok(refusal(422, "recordInfo is null")), Ok(refusal(500, "oops"))]
    {
        assert_eq!(gateway.polled("t1", result), []);
        assert_eq!(gateway.alarm(), [poll("t1")]);
    }
    assert_eq!(gateway.polled("t1", says("t1", "success")), [ended("success", true)]);
}

#[test]
fn claims_are_few() {
    let mut gateway = lost();
    for nth in 0..100 {
        gateway.call(&[&format!("t{nth}")]);
        gateway.polled("", Err(NetworkError::Lost));
    }
    let stored = &gateway.store.jobs()[&job()].job;
    assert_eq!(stored.matches("\"polls\"").count(), 4, "{stored}");
}

#[test]
fn a_callback_before_the_reply_waits_for_the_reply() {
    let mut gateway = Gateway::new(settings());
    let (id, _) = gateway.order();
    gateway.now += 100;
    assert_eq!(gateway.call(&["t1"]), (true, vec![]), "the reply will tell");
    assert_eq!(gateway.input(Input::AlarmFired), []);
    assert_eq!(gateway.created(Ok(task_made("t1"))), [answered(id), poll("t1")], "at once");
}

#[test]
fn a_callback_before_a_reply_that_hangs_is_worked_off_after_ten_seconds() {
    let mut gateway = sent();
    gateway.call(&["t1"]);
    assert_eq!(gateway.alarm(), [poll("t1")]);
    assert_eq!(gateway.now, BEGIN + 10_000);
    let outputs = gateway.polled("t1", says("t1", "success"));
    assert_eq!(outputs.last(), Some(&ended("success", true)));
    let before = gateway.state();
    assert_eq!(gateway.created(Ok(task_made("t1"))), [], "the reply tells nothing new");
    assert_eq!(gateway.state(), before);
}

#[test]
fn a_reply_that_never_comes_is_lost_after_a_minute() {
    let mut gateway = Gateway::new(settings());
    let (id, _) = gateway.order();
    assert_eq!(gateway.alarm(), [answered(id)]);
    assert_eq!(gateway.now, BEGIN + MINUTE);
    assert_eq!(gateway.created(Ok(task_made("t1"))), []);
    assert_eq!(gateway.alarm(), [poll("t1")], "and if it comes after all, it is taken");
}

#[test]
fn a_crash_in_mid_create_never_sends_again() {
    let mut gateway = sent();
    gateway.crash();
    let (id, outputs) = gateway.order();
    assert_eq!(outputs, [], "the same key waits for the outcome");
    assert_eq!(gateway.input(Input::AnswerTimeout(id)), [answered(id)]);
    gateway.call(&["t1"]);
    assert_eq!(gateway.alarm(), [poll("t1")]);
    assert_eq!(gateway.now, BEGIN + 10_000);
    let outputs = gateway.polled("t1", says("t1", "success"));
    assert_eq!(outputs, [ended("success", true)]);
}

#[test]
fn at_the_deadline_the_outcome_is_unknown_and_a_late_callback_still_completes_it() {
    let mut gateway = lost();
    assert_eq!(gateway.alarm(), [ended("unknown", false)]);
    assert_eq!(gateway.now, BEGIN + 15 * MINUTE);
    assert_eq!(gateway.fail_code().as_deref(), Some("OUTCOME_UNKNOWN"));
    let (id, outputs) = gateway.order();
    assert_eq!(outputs, [answered(id)]);
    gateway.now += 60 * MINUTE;
    assert_eq!(gateway.call(&["t1"]), (true, vec![poll("t1")]));
    assert_eq!(gateway.polled("t1", says("t1", "generating")), []);
    assert_eq!(gateway.state(), "generating");
    assert_eq!(gateway.alarm(), [poll("t1")]);
    assert_eq!(gateway.polled("t1", says("t1", "success")), [ended("success", true)]);
}
