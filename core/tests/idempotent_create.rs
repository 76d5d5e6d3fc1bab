//! Tests of `task::create` with an `Idempotency-Key`: a createTask whose outcome is unknown is sent again, since the
//! server makes one task of all of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Input, Output, Request, Upscale, reply};
use crisp_upscale_core::api::CreateTask;
use crisp_upscale_core::failure::{Charged, Failure, Kind};
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::schedule::Durations;
use serde_json::Value;

const HTML: &str = "<html>Bad gateway</html>";
const MADE: &str = r#"{"code":200,"data":{"taskId":"5f48"}}"#;
const TOO_MANY: &str = r#"{"code":429,"msg":"Too many"}"#;

fn says(status: u16, body: &str) -> Input<Value> {
    Input::Response(reply(status, body))
}

/// When creates were sent until the task was made or the job ended; the last answer stays.
fn play(mut job: Upscale, answers: &[Input<Value>]) -> (Vec<u64>, Option<Box<Failure>>) {
    let (mut now, mut event, mut sent) = (0, Input::Started, Vec::new());
    loop {
        let step = job.handle(event, now, &mut Durations::default());
        if step.update.is_some() {
            return (sent, None);
        }
        event = match step.output {
            Output::AcquireLease(_) => Input::LeaseAcquired,
            Output::Sleep(then) => {
                now = then;
                Input::TimerFired
            }
            Output::Send(Request::Create(_), _) => {
                let answer = answers.get(sent.len()).or(answers.last()).unwrap().clone();
                sent.push(now);
                answer
            }
            Output::Send(request, _) => panic!("{request:?}"),
            Output::Done(end) => return (sent, Some(end.unwrap_err())),
        };
    }
}

fn job(deadline: u64) -> Upscale {
    Upscale::create_idempotent(CreateTask::upscale("https://h.example/a.png".to_owned(), None), deadline)
}

fn unknown_outcomes() -> [Input<Value>; 5] {
    [
        Input::NetworkError(NetworkError::Lost),
        Input::NetworkError(NetworkError::TimedOut),
        says(502, HTML),
        says(200, r#"{"code":500,"msg":"Internal"}"#),
        says(200, r#"{"code":200,"data":{}}"#),
    ]
}

#[test]
fn an_unknown_outcome_is_asked_for_again_and_ends_well() {
    for first in unknown_outcomes() {
        let (sent, failure) = play(job(600_000), &[first.clone(), says(200, MADE)]);
        assert_eq!((sent, failure), (vec![0, 1_000], None), "{first:?}");
    }
}

#[test]
fn it_is_sent_again_a_few_times_with_growing_waits() {
    for first in unknown_outcomes() {
        let (sent, failure) = play(job(600_000), std::slice::from_ref(&first));
        assert_eq!(sent, [0, 1_000, 3_000, 7_000], "{first:?}");
        let failure = failure.unwrap();
        assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown), "{first:?}");
        assert!(!failure.retryable, "{first:?}");
    }
}

#[test]
fn it_is_not_sent_again_after_the_callers_time() {
    let (sent, failure) = play(job(3_000), &[Input::NetworkError(NetworkError::Lost)]);
    assert_eq!(sent, [0, 1_000]);
    assert_eq!(failure.unwrap().kind, Kind::OutcomeUnknown);
}

#[test]
fn a_later_refusal_does_not_tell_what_became_of_the_first_request() {
    for (last, sends, words) in [
        (says(200, r#"{"code":401,"msg":"expired"}"#), 2, "expired"),
        (says(200, r#"{"code":402,"msg":"no credits"}"#), 2, "no credits"),
        (Input::NetworkError(NetworkError::NoConnection), 4, "cannot be reached"),
        (Input::NetworkError(NetworkError::NoToken), 2, "token"),
        (Input::NetworkError(NetworkError::TokenTimedOut), 2, "did not come in time"),
        (Input::NetworkError(NetworkError::FetchRefused), 2, "fetch option"),
    ] {
        let (sent, failure) = play(job(600_000), &[Input::NetworkError(NetworkError::Lost), last.clone()]);
        let failure = failure.unwrap();
        assert_eq!(sent.len(), sends, "{last:?}");
        assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown), "{last:?}");
        assert!(!failure.retryable, "{last:?}");
        assert!(failure.message.contains(words), "{}", failure.message);
    }
    // The rate limit refuses until the time is over.
    let (_, failure) = play(job(20_000), &[Input::NetworkError(NetworkError::Lost), says(429, TOO_MANY)]);
    assert_eq!(failure.unwrap().kind, Kind::OutcomeUnknown);
}

#[test]
fn a_token_that_cannot_be_had_costs_nothing() {
    let (sent, failure) = play(job(600_000), &[Input::NetworkError(NetworkError::NoToken)]);
    let failure = failure.unwrap();
    assert_eq!(sent, [0], "whoever gives it may try again itself");
    assert_eq!((failure.kind, failure.charged), (Kind::Unauthorized, Charged::No));
    assert!(failure.retryable);
}

#[test]
fn a_token_that_is_late_or_a_fetch_that_refuses_costs_nothing() {
    for (fault, kind, retryable) in [
        (NetworkError::TokenTimedOut, Kind::Timeout, true),
        (NetworkError::FetchRefused, Kind::InvalidInput, false),
    ] {
        let (sent, failure) = play(job(600_000), &[Input::NetworkError(fault)]);
        let failure = failure.unwrap();
        assert_eq!(sent, [0]);
        assert_eq!((failure.kind, failure.charged, failure.retryable), (kind, Charged::No, retryable));
    }
}
