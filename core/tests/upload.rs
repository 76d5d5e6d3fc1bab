//! Tests of `upload`, and of what the replies to an upload and to credit mean: free calls, tried again or not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::reply;
use crisp_upscale_core::api::Response;
use crisp_upscale_core::classify::{UploadResponse, credit, upload};
use crisp_upscale_core::failure::{Charged, Failure, Kind};
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::task::Instant;
use crisp_upscale_core::task::upload::{Input, Output, Upload};
use serde_json::Value;

/// Not 0, so that an instant is not mistaken for a duration.
const BEGIN: Instant = 10_000_000;
/// The longest that one try may take.
const TIMEOUT: u64 = 180_000;

const GOOD: &str = r#"{"success":true,"code":200,"msg":"File uploaded successfully","data":{"downloadUrl":"https://host.example/a.png"}}"#;

/// What is no success: status, body, kind, whether it may work later.
const BAD: [(u16, &str, Kind, bool); 22] = [
    (
        200,
        r#"{"success":false,"code":400,"msg":"Missing required parameter: uploadPath"}"#,
        Kind::BadRequest,
        false,
    ),
    (200, r#"{"code":401,"msg":"no"}"#, Kind::Unauthorized, false),
    (401, r#"{"code":401,"msg":"no"}"#, Kind::Unauthorized, false),
    (200, r#"{"code":402,"msg":"no"}"#, Kind::InsufficientCredits, false),
    (200, r#"{"code":404,"msg":"no"}"#, Kind::NotFound, false),
    (200, r#"{"code":405,"msg":"no"}"#, Kind::MethodNotAllowed, false),
    (200, r#"{"code":422,"msg":"no"}"#, Kind::Validation, false),
    (200, r#"{"code":433,"msg":"no"}"#, Kind::KeyLimit, false),
    (200, r#"{"code":505,"msg":"no"}"#, Kind::FeatureDisabled, false),
    (200, r#"{"code":599,"msg":"no"}"#, Kind::UnknownCode, false),
    (200, r#"{"code":429,"msg":"slow down"}"#, Kind::RateLimited, true),
    (429, "<html>", Kind::RateLimited, true),
    (429, r#"{"code":400,"msg":"slow down"}"#, Kind::RateLimited, true),
    (200, r#"{"code":455,"msg":"later"}"#, Kind::Maintenance, true),
    (200, r#"{"code":500,"msg":"broken"}"#, Kind::ServerError, true),
    (502, "<html>", Kind::ServerError, true),
    (200, r#"{"code":200,"data":{}}"#, Kind::BadReply, true),
    (200, r#"{"code":200,"data":{"downl"#, Kind::BadReply, true),
    (200, "<html>", Kind::BadReply, true),
    // Nothing but our own mistakes: sent again, they would be answered alike.
    (413, "<html>", Kind::BadReply, false),
    (302, "", Kind::BadReply, false),
    (0, "", Kind::BadReply, false),
];

fn expect_costless(row: &str, failure: &Failure, status: u16, kind: Kind, later: bool) {
    assert_eq!((failure.kind, failure.retryable), (kind, later), "{row}");
    assert_eq!((failure.charged, failure.status), (Charged::No, Some(status)), "{row}");
    assert_eq!((failure.task_id.as_deref(), failure.resumable), (None, false), "{row}");
    assert!(!failure.message.contains("task"), "{row}: there is none: {}", failure.message);
}

#[test]
fn a_useless_reply_costs_nothing_and_some_may_be_asked_for_again() {
    for (status, body, kind, later) in BAD {
        let row = format!("{status} {body}");
        let mut reply = reply(status, body);
        reply.retry_after = Some(7_000);
        expect_costless(&row, &credit(&reply).unwrap_err(), status, kind, later);
        match upload(&reply) {
            UploadResponse::Retry { retry_after: wait, failure } => {
                assert_eq!(wait, Some(7_000), "{row}");
                assert!(later, "{row}");
                expect_costless(&row, &failure, status, kind, later);
            }
            UploadResponse::Failed(failure) => {
                assert!(!later, "{row}");
                expect_costless(&row, &failure, status, kind, later);
            }
            UploadResponse::Uploaded(url) => panic!("{row}: {url}"),
        }
    }
}

#[test]
fn the_url_of_an_upload_is_one_that_the_service_can_fetch() {
    assert_eq!(upload(&reply(200, GOOD)), UploadResponse::Uploaded("https://host.example/a.png".into()));
    for url in ["", "a.png", "/files/a.png", "data:,x", "https://"] {
        let body = GOOD.replace("https://host.example/a.png", url);
        assert!(matches!(upload(&reply(200, &body)), UploadResponse::Retry { .. }), "{url}");
    }
}

#[test]
fn the_balance_is_a_bare_number() {
    for (data, expected) in [("5916.25", 5916.25), ("0", 0.0), ("-0.5", -0.5)] {
        let body = format!(r#"{{"code":200,"msg":"success","data":{data}}}"#);
        assert_eq!(credit(&reply(200, &body)), Ok(expected), "{data}");
    }
    for data in ["null", "\"5\"", "{}", "[5]"] {
        let failure = credit(&reply(200, &format!(r#"{{"code":200,"data":{data}}}"#))).unwrap_err();
        assert_eq!(failure.kind, Kind::BadReply, "{data}");
    }
}

// Lives of an upload

/// Plays an upload by a script of events, each so long after what was asked for.
///
/// Tells how it ended, when, and when each try began.
fn play(
    deadline: Instant,
    script: impl IntoIterator<Item = (u64, Input<Value>)>,
) -> (Result<String, Box<Failure>>, Instant, Vec<Instant>) {
    let mut machine = Upload::new(deadline);
    let (mut now, mut event, mut sent) = (BEGIN, Input::Started, Vec::new());
    let mut script = script.into_iter();
    loop {
        match machine.handle(event, now) {
            Output::Send { until: give_up } => {
                assert_eq!(give_up, deadline.min(now + TIMEOUT));
                sent.push(now);
                let (after, came) = script.next().expect("it tries more often than was expected");
                (now, event) = (now + after, came);
            }
            Output::Sleep { until: then } => {
                assert!(now < then && then < deadline, "at {now} waits until {then}");
                (now, event) = (then, Input::TimerFired);
            }
            ended @ (Output::Uploaded(_) | Output::Failed(_)) => {
                assert!(script.next().is_none(), "it ends earlier than was expected");
                let end = match ended {
                    Output::Failed(failure) => Err(failure),
                    Output::Uploaded(url) => Ok(url),
                    other => panic!("{other:?}"),
                };
                return (end, now, sent);
            }
        }
    }
}

fn replied(status: u16, body: &str, retry_after: Option<u64>) -> Input<Value> {
    Input::Response(Response { retry_after, ..reply(status, body) })
}

const FAR: Instant = BEGIN + 600_000;

#[test]
fn an_upload_that_works_is_sent_once() {
    let (end, now, sent) = play(FAR, [(40, replied(200, GOOD, None))]);
    assert_eq!((end.as_deref(), now, sent.len()), (Ok("https://host.example/a.png"), BEGIN + 40, 1));
}

#[test]
fn whatever_may_pass_is_tried_three_times_with_growing_waits() {
    let events = [
        (Input::NetworkError(NetworkError::Lost), Kind::Unreachable),
        (Input::NetworkError(NetworkError::NoConnection), Kind::Unreachable),
        (Input::NetworkError(NetworkError::TimedOut), Kind::Timeout),
        (replied(502, "<html>", None), Kind::ServerError),
        (replied(200, r#"{"code":429}"#, None), Kind::RateLimited),
    ];
    for (event, kind) in events {
        let row = format!("{event:?}");
        let (end, now, sent) = play(FAR, [(0, event.clone()), (0, event.clone()), (0, event.clone())]);
        let failure = end.unwrap_err();
        assert_eq!((failure.kind, failure.charged, failure.retryable), (kind, Charged::No, true), "{row}");
        assert_eq!(sent, [BEGIN, BEGIN + 1_000, BEGIN + 3_000], "{row}");
        assert_eq!(now, BEGIN + 3_000, "{row}: it does not wait for nothing");

        let (end, ..) = play(FAR, [(0, event.clone()), (0, event), (0, replied(200, GOOD, None))]);
        assert!(end.is_ok(), "{row}: the third try counts");
    }
}

#[test]
fn a_wait_that_the_server_asks_for_is_kept() {
    let limited = |wait| replied(429, "", Some(wait));
    let (_, _, sent) = play(FAR, [(0, limited(20_000)), (0, limited(0)), (0, replied(200, GOOD, None))]);
    assert_eq!(sent, [BEGIN, BEGIN + 20_000, BEGIN + 21_000], "but not less than a second");
}

#[test]
fn a_refusal_ends_it_at_once() {
    let (end, _, sent) = play(FAR, [(5, replied(200, r#"{"code":401,"msg":"no"}"#, None))]);
    assert_eq!((end.unwrap_err().kind, sent.len()), (Kind::Unauthorized, 1));
}

#[test]
fn the_callers_timeout_ends_it() {
    // Before it began; while it is sent; and where the next try would be too late.
    let (end, _, sent) = play(BEGIN, []);
    assert_eq!((end.unwrap_err().kind, sent.len()), (Kind::Timeout, 0));
    let (end, _, sent) = play(BEGIN + 500, [(500, Input::NetworkError(NetworkError::TimedOut))]);
    assert_eq!((end.unwrap_err().kind, sent.len()), (Kind::Timeout, 1));
    let (end, now, sent) = play(BEGIN + 1_000, [(0, replied(502, "", None))]);
    assert_eq!((end.unwrap_err().kind, now, sent.len()), (Kind::ServerError, BEGIN, 1));
    // Woken late, as a timer may.
    let mut upload = Upload::new(BEGIN + 5_000);
    assert!(matches!(upload.handle(Input::<Value>::Started, BEGIN), Output::Send { .. }));
    assert!(matches!(
        upload.handle(Input::<Value>::NetworkError(NetworkError::Lost), BEGIN),
        Output::Sleep { .. }
    ));
    let Output::Failed(late) = upload.handle(Input::<Value>::TimerFired, BEGIN + 9_000) else { panic!() };
    assert_eq!((late.kind, late.charged, late.retryable), (Kind::Timeout, Charged::No, true));
}
