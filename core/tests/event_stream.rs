//! Tests of what is pushed: by whom it is announced, how a job takes it, and what its end means.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Input, Output, Request, Step, Upscale, reply};
use crisp_upscale_core::api::{CreateTask, Envelope, Response};
use crisp_upscale_core::event_stream::{self, FIRST_MESSAGE_TIMEOUT, OPEN_TIMEOUT, SILENCE_TIMEOUT};
use crisp_upscale_core::failure::{Charged, Kind};
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::schedule::Durations;
use crisp_upscale_core::webhook::Meaning;
use serde_json::{Value, json};

const TASK: &str = "5f48";
const BEGIN: u64 = 10_000_000;
const DEADLINE: u64 = BEGIN + 600_000;

/// A job whose task was made `age` before, and what it has learned.
struct Played(Upscale, Durations);

impl Played {
    fn of_age(age: u64) -> Self {
        Played(Upscale::watch(TASK.to_owned(), BEGIN - age, DEADLINE), Durations::default())
    }

    /// Takes an event so long after the beginning.
    fn step(&mut self, event: Input<Value>, at: u64) -> Step {
        self.0.handle(event, BEGIN + at, &mut self.1)
    }

    fn next(&mut self, event: Input<Value>, at: u64) -> Output {
        self.step(event, at).output
    }
}

fn record(data: Value) -> Response<Value> {
    reply(200, &json!({"code": 200, "msg": "success", "data": data}).to_string())
}

fn state(word: &str) -> Response<Value> {
    record(json!({"taskId": TASK, "state": word}))
}

fn success() -> Response<Value> {
    let result = json!({"resultUrls": ["https://host.example/1.png"]}).to_string();
    record(
        json!({"taskId": TASK, "state": "success", "resultJson": result, "createTime": 0, "completeTime": 7_000}),
    )
}

fn unknown() -> Response<Value> {
    record(json!({"taskId": TASK, "state": "fail", "failCode": "OUTCOME_UNKNOWN", "failMsg": "No reply."}))
}

fn wait(at: u64) -> Output {
    Output::Sleep(BEGIN + at)
}

/// A poll that leaves so long after the beginning.
fn poll(at: u64) -> Output {
    Output::Send(Request::Poll(TASK.to_owned()), BEGIN + at + 20_000)
}

// Who pushes

#[test]
fn only_a_path_on_the_same_base_is_listened_at() {
    let path = |events: Value| {
        let body = json!({"code": 200, "msg": "success", "data": {"taskId": TASK, "events": events}});
        Envelope::read(&body).unwrap().events()
    };
    for good in ["/api/v1/jobs/events", "/events", "/v1.2/my-events_of/all"] {
        assert_eq!(path(json!(good)).as_deref(), Some(good));
    }
    for bad in [
        "",
        "events",
        "//evil.example/x",
        "/x//y",
        "https://evil.example/x",
        "/\\evil.example",
        "\\\\evil.example",
        "@evil.example/x",
        ":80/x",
        ".evil.example/x",
        "/../x",
        "/x/..",
        "/./x",
        "/%2e%2e/x",
        "/\t/evil.example",
        "/ x",
        "/x?y",
        "/x#y",
        "/ä",
    ] {
        assert_eq!(path(json!(bad)), None, "{bad}");
    }
    for bad in [json!(null), json!(1), json!({}), json!(["/events"])] {
        assert_eq!(path(bad.clone()), None, "{bad}");
    }
    assert_eq!(Envelope::read(&json!({"code": 200, "data": null})).unwrap().events(), None);
}

#[test]
fn a_stream_is_known_by_its_status_and_its_type() {
    for (status, content_type, is) in [
        (200, "text/event-stream", true),
        (200, "Text/Event-Stream; charset=utf-8", true),
        (200, "text/event-streams", false),
        (200, "text/html", false),
        (200, "", false),
        (204, "text/event-stream", false),
        (500, "text/event-stream", false),
        (0, "text/event-stream", false),
    ] {
        assert_eq!(event_stream::is_stream(status, content_type), is, "{status} {content_type}");
    }
}

#[test]
fn a_stream_that_came_to_nothing_is_opened_again_later_and_later() {
    let waits: Vec<u64> = (0..7).map(event_stream::delay).collect();
    assert_eq!(waits, [0, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    for (row, before, time, heard, left, now) in [
        ("all jobs have ended", 3, 500, true, true, 0),
        ("it broke after a while", 3, SILENCE_TIMEOUT, true, false, 1),
        ("it broke after a moment", 3, SILENCE_TIMEOUT - 1, true, false, 4),
        ("it brought nothing", 3, OPEN_TIMEOUT, false, false, 4),
        ("it was left before it could bring anything", 3, FIRST_MESSAGE_TIMEOUT - 1, false, true, 3),
        ("the jobs ended without it", 3, FIRST_MESSAGE_TIMEOUT, false, true, 4),
        ("for ever", u32::MAX, 0, false, false, u32::MAX),
    ] {
        assert_eq!(event_stream::failures(before, time, heard, left), now, "{row}");
    }
}

// The job

#[test]
fn a_job_that_is_pushed_never_polls() {
    // Young or old: the present state comes first.
    for age in [0, 5_000, 3_600_000] {
        let mut job = Played::of_age(age);
        assert_eq!(job.next(Input::Subscribed, 0), wait(FIRST_MESSAGE_TIMEOUT));
        let step = job.step(Input::Pushed(state("waiting")), 100);
        assert_eq!(step.output, Output::Sleep(DEADLINE));
        assert_eq!(step.update.unwrap().state, "waiting");
        assert_eq!(job.step(Input::Pushed(state("waiting")), 200).update, None);
        assert_eq!(job.step(Input::Pushed(state("generating")), 90_000).update.unwrap().state, "generating");
        let Output::Done(end) = job.next(Input::Pushed(success()), 100_000) else { panic!("{age}") };
        assert_eq!(end.unwrap().task_id, TASK);
        assert_eq!(job.1.iter().collect::<Vec<_>>(), [7_000.0], "learned for when there is no push");
    }
}

#[test]
fn a_time_out_holds_while_it_is_pushed() {
    let mut job = Played::of_age(0);
    job.next(Input::Subscribed, 0);
    job.next(Input::Pushed(state("waiting")), 100);
    let Output::Done(end) = job.next(Input::TimerFired, 600_000) else { panic!("it goes on") };
    let failure = end.unwrap_err();
    assert_eq!((failure.kind, failure.task_id.as_deref()), (Kind::Timeout, Some(TASK)));
}

#[test]
fn where_nothing_is_pushed_the_job_polls_until_it_is() {
    let mut job = Played::of_age(0);
    job.next(Input::Subscribed, 0);
    assert_eq!(job.next(Input::TimerFired, FIRST_MESSAGE_TIMEOUT), poll(FIRST_MESSAGE_TIMEOUT));
    assert_eq!(job.next(Input::Response(state("waiting")), 10_100), wait(13_100));
    assert_eq!(job.next(Input::SubscriptionLost, 12_000), wait(13_100), "it does not rely on it anyhow");
    assert_eq!(job.next(Input::TimerFired, 13_100), poll(13_100));
    assert_eq!(job.next(Input::Response(state("waiting")), 13_200), wait(16_200));
    assert_eq!(job.next(Input::Pushed(state("waiting")), 14_000), Output::Sleep(DEADLINE));
}

#[test]
fn after_a_break_it_polls_once_and_then_by_its_schedule() {
    let mut job = Played::of_age(0);
    job.next(Input::Subscribed, 0);
    job.next(Input::Pushed(state("waiting")), 100);
    assert_eq!(job.next(Input::SubscriptionLost, 1_000), poll(1_000));
    assert_eq!(job.next(Input::Response(state("waiting")), 1_100), wait(4_100));
    assert_eq!(job.next(Input::TimerFired, 4_100), poll(4_100));
}

#[test]
fn a_stream_that_cannot_be_opened_costs_a_young_task_no_poll_before_its_time() {
    let mut job = Played::of_age(0);
    job.next(Input::Subscribed, 0);
    assert_eq!(job.next(Input::SubscriptionLost, 50), wait(3_000));
    let mut job = Played::of_age(60_000);
    job.next(Input::Subscribed, 0);
    assert_eq!(job.next(Input::SubscriptionLost, 50), poll(50));
}

#[test]
fn a_server_that_asks_to_wait_is_not_asked_before() {
    let mut job = Played::of_age(60_000);
    job.next(Input::Started, 0);
    let busy = Response { retry_after: Some(60_000), ..reply(429, "busy") };
    assert_eq!(job.next(Input::Response(busy), 100), wait(60_100));
    assert_eq!(job.next(Input::Subscribed, 200), wait(60_100));
}

/// The next thing that is pushed may never come then.
#[test]
fn after_a_message_without_a_record_it_polls() {
    for (row, message, then) in [
        ("no JSON", reply(200, "<html>"), 1_000),
        ("a fault", reply(200, r#"{"code":500,"msg":"broken"}"#), 1_000),
        ("no record yet", reply(200, r#"{"code":422,"msg":"recordInfo is null","data":null}"#), 3_000),
        ("no file", record(json!({"state": "success"})), 3_000),
    ] {
        let mut job = Played::of_age(0);
        job.next(Input::Subscribed, 0);
        assert_eq!(job.next(Input::Pushed(message), 100), wait(100 + then), "{row}");
        assert_eq!(job.next(Input::TimerFired, 100 + then), poll(100 + then), "{row}");
    }
    let mut job = Played::of_age(3_600_000);
    job.next(Input::Subscribed, 0);
    let foreign = reply(200, r#"{"code":422,"msg":"recordInfo is null","data":null}"#);
    let Output::Done(end) = job.next(Input::Pushed(foreign), 100) else { panic!("it goes on") };
    assert_eq!(end.unwrap_err().kind, Kind::NotFound);
}

#[test]
fn whatever_is_pushed_sends_no_second_create() {
    for stray in [Input::Subscribed, Input::Pushed(state("waiting")), Input::SubscriptionLost] {
        let mut job =
            Upscale::create(CreateTask::upscale("https://h.example/a.png".to_owned(), None), DEADLINE);
        let durations = &mut Durations::default();
        job.handle(Input::<Value>::Started, BEGIN, durations);
        job.handle(Input::<Value>::LeaseAcquired, BEGIN, durations);
        let step = job.handle(stray, BEGIN + 1_000, durations);
        let Output::Done(end) = step.output else { panic!("{step:?}") };
        assert_eq!(end.unwrap_err().kind, Kind::OutcomeUnknown);
    }
}

// A gateway that does not know

#[test]
fn an_outcome_that_a_gateway_does_not_know_is_unknown_and_can_be_resumed() {
    for event in [Input::Response(unknown()), Input::Pushed(unknown())] {
        let mut job = Played::of_age(900_000);
        job.next(Input::Started, 0);
        let Output::Done(end) = job.next(event, 100) else { panic!("it goes on") };
        let failure = end.unwrap_err();
        assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown));
        assert_eq!((failure.task_id.as_deref(), failure.code), (Some(TASK), None));
        assert!(failure.resumable && !failure.retryable);
        assert!(failure.message.ends_with("The service said: No reply."), "{}", failure.message);
    }
    let mut job = Played::of_age(900_000);
    assert_eq!(job.next(Input::Started, 0), poll(0));
    assert!(matches!(job.next(Input::Response(success()), 100), Output::Done(end) if end.is_ok()));
}

#[test]
fn a_callback_of_an_outcome_that_nobody_knows_is_no_end() {
    let said = Meaning::from_response(TASK, &unknown());
    assert!(matches!(said, Meaning::Later(failure) if failure.kind == Kind::OutcomeUnknown));
}

#[test]
fn a_fault_after_a_break_is_waited_out() {
    let mut job = Played::of_age(0);
    job.next(Input::Subscribed, 0);
    job.next(Input::Pushed(state("waiting")), 100);
    job.next(Input::SubscriptionLost, 1_000);
    assert_eq!(job.next(Input::NetworkError(NetworkError::Lost), 1_100), wait(2_100));
    assert_eq!(job.next(Input::Pushed(state("waiting")), 2_000), Output::Sleep(DEADLINE));
}
