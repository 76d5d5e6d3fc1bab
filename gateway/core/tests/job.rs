//! The life of a job: its createTask, its polls, its end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use crisp_upscale_core::api::Response;
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_gateway_core::protocol::Reply;
use crisp_upscale_gateway_core::{Input, Order, Output, Settings};
use harness::*;
use serde_json::{Value, json};

#[test]
fn the_ordinary_job_is_a_create_a_callback_and_one_poll() {
    let mut gateway = Gateway::new(settings());
    let (id, outputs) = gateway.order();
    let [Output::SendCreate { job: sent, body }] = &outputs[..] else { panic!("{outputs:?}") };
    let body: Value = serde_json::from_str(body).unwrap();
    let secret = gateway.secrets[0].clone();
    assert_eq!(sent, &job());
    assert_eq!(
        body,
        json!({
            "model": "recraft/crisp-upscale",
            "input": { "image": IMAGE },
            "callBackUrl": format!("{BASE}/callback/{}/{secret}", job()),
        })
    );
    assert_eq!(gateway.created(Ok(task_made("t1"))), [answered(id)]);
    assert_eq!(gateway.state(), "waiting");
    gateway.now += 4_000;
    assert_eq!(gateway.call(&["t1"]), (true, vec![poll("t1")]));
    assert_eq!(gateway.polled("t1", says("t1", "success")), [ended("success", false)]);
    let record = gateway.record();
    assert_eq!((&record["state"], &record["creditsConsumed"]), (&json!("success"), &json!(0.5)));
    assert!(record["resultJson"].as_str().unwrap().contains(&format!("{BASE}/results/{}?expires=", job())));
    assert!(!record.to_string().contains("files.example"), "the service's URL is not for callers");
    assert!(!record.to_string().contains(&secret));
    let counters = gateway.counters();
    assert_eq!(
        counters,
        json!({ "ended": { "success": 1 }, "codes": { "200": 1 }, "recovered": 0, "waiting": 0 })
    );
}

#[test]
fn callbacks_go_to_the_public_url_where_one_is_set_and_nowhere_where_none_can_come() {
    let public_url = Some("https://public.example".to_owned());
    let mut gateway = Gateway::new(Settings { public_url, ..settings() });
    let (_, outputs) = gateway.order();
    assert!(format!("{outputs:?}").contains("https://public.example/callback/"));
    let mut gateway = Gateway::new(Settings { callbacks: false, ..settings() });
    let (_, outputs) = gateway.order();
    assert!(!format!("{outputs:?}").contains("callBackUrl"));
}

#[test]
fn without_a_callback_the_alarm_finds_the_end() {
    let mut gateway = made();
    assert_eq!(gateway.alarm(), [poll("t1")]);
    assert!(gateway.now <= BEGIN + 15_000, "the first poll is no later");
    assert_eq!(gateway.polled("t1", says("t1", "generating")), []);
    assert_eq!(gateway.state(), "generating");
    let before = gateway.store.rows_written;
    assert_eq!(gateway.polled("t1", says("t1", "generating")), []);
    assert_eq!(gateway.store.rows_written, before, "what has not changed is not stored");
    assert_eq!(gateway.alarm(), [poll("t1")]);
    assert_eq!(gateway.polled("t1", says("t1", "fail")), [ended("fail", false)]);
    assert_eq!(gateway.fail_code().as_deref(), Some("500"));
}

#[test]
fn where_no_callback_can_come_it_polls_every_three_seconds_at_first() {
    let mut gateway = made_with(Settings { callbacks: false, ..settings() }, order());
    for nth in 1..=20 {
        assert_eq!(gateway.alarm(), [poll("t1")]);
        assert_eq!(gateway.now, BEGIN + nth * 3_000);
        gateway.polled("t1", says("t1", "waiting"));
    }
}

#[test]
fn polls_become_rare_and_end_after_the_time_that_jobs_are_kept() {
    let mut gateway = made();
    let mut polls = 0;
    loop {
        let outputs = gateway.alarm();
        if outputs == [ended("fail", false)] {
            break;
        }
        assert_eq!(outputs, [poll("t1")]);
        gateway.polled("t1", Err(NetworkError::Lost));
        polls += 1;
        assert!(polls < 400, "a day of polls every 5 minutes is 288");
    }
    let code = gateway.fail_code();
    assert_eq!(code.as_deref(), Some("OUTCOME_UNKNOWN"), "it may still succeed and be charged");
    assert!((BEGIN + DAY..BEGIN + DAY + 5 * MINUTE).contains(&gateway.now));
}

/// Found by the simulation, where it was polled every second for a day.
#[test]
fn a_success_that_never_names_its_file_is_polled_ever_less_often_and_is_not_called_free() {
    let mut gateway = made();
    let nameless = response(json!({ "code": 200, "data": { "taskId": "t1", "state": "success" } }));
    let mut polls = 0;
    loop {
        let outputs = gateway.alarm();
        if outputs != [poll("t1")] {
            assert_eq!(outputs, [ended("fail", false)]);
            break;
        }
        polls += 1;
        assert!(polls < 500, "not every second for a day");
        assert_eq!(gateway.polled("t1", Ok(nameless.clone())), []);
    }
    assert!(gateway.now >= BEGIN + DAY);
    assert_eq!(gateway.fail_code().as_deref(), Some("OUTCOME_UNKNOWN"));
}

#[test]
fn a_success_without_a_file_is_read_again_until_it_names_one() {
    let mut gateway = made();
    gateway.alarm();
    let mut nameless = task_record("t1", "success", IMAGE, BEGIN);
    nameless.body.as_mut().unwrap()["data"]["resultJson"] = json!("");
    let before = gateway.now;
    assert_eq!(gateway.polled("t1", Ok(nameless)), []);
    assert_eq!(gateway.alarm(), [poll("t1")]);
    assert!(gateway.now <= before + 1_000);
}

#[test]
fn a_poll_without_a_record_is_followed_by_another() {
    for result in [
        Ok(refusal(500, "oops")),
        Ok(refusal(429, "slow")),
        Ok(refusal(422, "recordInfo is null")),
        Ok(refusal(401, "no")),
        Ok(Response { status: 502, retry_after: None, body: None }),
        Err(NetworkError::Lost),
        Err(NetworkError::TimedOut),
    ] {
        let mut gateway = made();
        assert_eq!(gateway.alarm(), [poll("t1")]);
        assert_eq!(gateway.polled("t1", result.clone()), [], "{result:?}");
        assert_eq!(gateway.alarm(), [poll("t1")], "{result:?}");
        assert!(gateway.now < BEGIN + MINUTE, "{result:?}");
        assert_eq!(gateway.state(), "waiting", "{result:?}");
    }
}

#[test]
fn a_poll_is_not_before_the_service_wants_it_and_not_for_ever_after() {
    for (asked, waited) in [(120_000, 120_000), (u64::from(u32::MAX) * 1_000, 5 * MINUTE)] {
        for reply in [refusal(429, "slow"), refusal(500, "busy")] {
            let mut gateway = made();
            gateway.alarm();
            let polled = gateway.now;
            gateway.polled("t1", Ok(Response { retry_after: Some(asked), ..reply }));
            assert_eq!(gateway.alarm(), [poll("t1")]);
            assert_eq!(gateway.now, polled + waited);
        }
    }
}

#[test]
fn a_record_that_lags_behind_its_callback_is_soon_read_again() {
    let mut gateway = made();
    gateway.now += 3_000;
    let called = gateway.now;
    assert_eq!(gateway.call(&["t1"]), (true, vec![poll("t1")]));
    for _ in 1..5 {
        gateway.polled("t1", says("t1", "generating"));
        assert_eq!(gateway.alarm(), [poll("t1")]);
    }
    assert!(gateway.now <= called + 15_000, "{}", gateway.now - called);
    // The last quick one had its pause, and then slowly, as before.
    gateway.polled("t1", says("t1", "generating"));
    gateway.alarm();
    gateway.polled("t1", says("t1", "generating"));
    let polled = gateway.now;
    gateway.alarm();
    assert!(gateway.now >= polled + 15_000);
}

#[test]
fn callbacks_that_come_again_and_again_are_one_poll_at_a_time() {
    let mut gateway = made();
    assert_eq!(gateway.call(&["t1"]), (true, vec![poll("t1")]));
    for _ in 0..100 {
        assert_eq!(gateway.call(&["t1"]), (true, vec![]), "the poll is in flight");
    }
    gateway.polled("t1", says("t1", "generating"));
    let polled = gateway.now;
    assert_eq!(gateway.alarm(), [poll("t1")], "it may have read the record before the end");
    assert_eq!(gateway.now, polled + 1_000);
}

#[test]
fn a_callback_is_taken_only_with_its_secret_and_of_its_task() {
    let mut gateway = made();
    let secret = gateway.secrets[0].clone();
    let before = gateway.store.clone();
    for (secret, tasks) in
        [("other", &["t1"][..]), ("", &["t1"]), (&secret, &["t2"]), (&secret, &[]), (&secret[1..], &["t1"])]
    {
        assert_eq!(gateway.call_with(secret, tasks), (false, vec![]), "{secret} {tasks:?}");
    }
    assert_eq!(gateway.store.jobs(), before.jobs());
    assert!(gateway.call(&["x", "t1"]).0, "of several ids one is enough");
    gateway.polled("t1", says("t1", "success"));
    let before = gateway.store.jobs().clone();
    assert_eq!(gateway.call(&["t1"]), (false, vec![]), "the secret is void after the end");
    assert_eq!(*gateway.store.jobs(), before);
}

#[test]
fn a_callback_for_a_job_that_is_not_there_or_was_not_sent_is_not_taken() {
    let mut gateway = Gateway::new(settings());
    assert_eq!(gateway.call_with("x", &["t1"]), (false, vec![]));
    for nth in 0..20 {
        gateway.create(&format!("other-{nth}"), order(), None);
    }
    gateway.order();
    assert_eq!(gateway.call_with("", &["t1"]), (false, vec![]), "it waits in the queue");
}

#[test]
fn each_attempt_has_a_secret_of_its_own_and_only_its_hash_is_stored() {
    let mut gateway = sent();
    gateway.created(Ok(refusal(429, "slow")));
    gateway.alarm();
    assert_eq!(gateway.secrets.len(), 2);
    let [first, second] = [0, 1].map(|nth| gateway.secrets[nth].clone());
    assert_ne!(first, second);
    assert!(!gateway.call_with(&first, &["t1"]).0, "the earlier attempt's secret is void");
    assert!(gateway.call_with(&second, &["t1"]).0);
    let stored = format!("{:?}", gateway.store);
    assert!(!stored.contains(&first) && !stored.contains(&second));
}

#[test]
fn the_services_rate_limit_is_waited_for_and_the_create_sent_again() {
    let mut gateway = Gateway::new(settings());
    let (id, _) = gateway.create(KEY, order(), Some(1));
    let limited = Response { retry_after: Some(7_000), ..refusal(429, "slow") };
    assert_eq!(gateway.created(Ok(limited)), []);
    let outputs = gateway.alarm();
    assert!(matches!(&outputs[..], [Output::SendCreate { .. }]), "the budget counts it once: {outputs:?}");
    assert_eq!(gateway.now, BEGIN + 7_000);
    assert_eq!(gateway.created(Ok(task_made("t1"))), [answered(id)]);
}

#[test]
fn a_rate_limit_that_never_ends_is_passed_on() {
    let mut gateway = Gateway::new(settings());
    let (id, _) = gateway.order();
    for _ in 0..100 {
        let outputs = gateway.created(Ok(refusal(429, "slow")));
        if outputs.contains(&ended("refused", false)) {
            assert_eq!(outputs[0], refused(id, 429, "slow", Some(1_000)));
            return;
        }
        gateway.now += 10_000;
        gateway.alarm();
    }
    panic!("it went on for ever");
}

/// `Retry-After: 4294967295` is 136 years. A caller is told of it at once.
#[test]
fn a_wait_that_no_job_can_wait_for_is_the_callers() {
    let years = Some(u64::from(u32::MAX) * 1_000);
    let mut gateway = Gateway::new(settings());
    let (id, _) = gateway.order();
    let outputs = gateway.created(Ok(Response { retry_after: years, ..refusal(429, "slow") }));
    assert_eq!(outputs, [refused(id, 429, "slow", years), ended("refused", false)]);
}

#[test]
fn a_refusal_is_the_answer_with_its_code_and_the_services_words() {
    for code in [400, 401, 402, 404, 405, 422, 433, 451, 455, 505] {
        let mut gateway = Gateway::new(settings());
        let (id, _) = gateway.order();
        let outputs = gateway.created(Ok(refusal(code, "No.")));
        assert_eq!(outputs, [refused(id, code, "No.", None), ended("refused", false)]);
        assert_eq!(gateway.fail_code(), Some(code.to_string()));
    }
}

#[test]
fn a_second_result_of_a_createtask_changes_nothing() {
    let mut gateway = made();
    let before = gateway.store.jobs().clone();
    for result in [Ok(refusal(402, "No.")), Ok(task_made("t2")), Err(NetworkError::Lost)] {
        assert_eq!(gateway.created(result), []);
        assert_eq!(*gateway.store.jobs(), before);
    }
}

#[test]
fn inputs_about_jobs_that_are_gone_change_nothing() {
    let mut gateway = Gateway::new(settings());
    let job = job();
    assert_eq!(gateway.created(Ok(task_made("t1"))), []);
    assert_eq!(gateway.polled("t1", says("t1", "success")), []);
    for input in [
        Input::Relayed { job: job.clone(), ok: true },
        Input::Copied { job: job.clone(), ok: true },
        Input::CopyDeleted { job, ok: true },
        Input::AnswerTimeout(7),
        Input::Unsubscribe(7),
        Input::AlarmFired,
    ] {
        assert_eq!(gateway.input(input), []);
    }
    assert!(gateway.store.jobs().is_empty());
}

#[test]
fn a_record_is_for_its_caller_alone() {
    let gateway = made();
    let missing = json!({ "code": 422, "msg": "recordInfo is null", "data": null });
    assert_eq!(gateway.record_of("bob", &job()), missing);
    assert_eq!(gateway.record_of(CALLER, "0123456789abcdef0123456789abcdef"), missing);
    assert_eq!(gateway.record()["events"], "/api/v1/jobs/events");
    assert_eq!(gateway.record()["attempts"], "/api/v1/jobs/attempt");
}

#[test]
fn a_caller_waits_ten_seconds_for_the_services_answer_and_has_the_jobs_id_then() {
    let mut gateway = Gateway::new(settings());
    let (id, _) = gateway.order();
    assert_eq!(gateway.input(Input::AnswerTimeout(id)), [answered(id)]);
    assert_eq!(gateway.input(Input::AnswerTimeout(id)), [], "once");
    assert_eq!(gateway.created(Ok(task_made("t1"))), []);
}

#[test]
fn where_a_result_is_is_said_once_there_is_one() {
    use crisp_upscale_gateway_core::protocol::{Request, ResultFile};
    let mut gateway = made();
    let ask = |gateway: &mut Gateway| gateway.ask(Request::Result { job: job() }).0;
    assert_eq!(ask(&mut gateway), Reply::Result(None));
    gateway.call(&["t1"]);
    gateway.polled("t1", says("t1", "success"));
    let url = "https://files.example/t1.png".to_owned();
    assert_eq!(ask(&mut gateway), Reply::Result(Some(ResultFile { url, copied: false })));
}

#[test]
fn an_order_says_its_model() {
    let other = Order { model: "recraft/other".to_owned(), ..order() };
    let gateway = made_with(settings(), other);
    assert_eq!(gateway.record()["model"], "recraft/other");
}
