//! Tests of `task`: the machines of a whole upscale on a virtual clock, with scripted inputs and with random ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use common::{Input, Output, Request, Update, Upscale, reply};
use crisp_upscale_core::api::{CreateTask, Response};
use crisp_upscale_core::backoff;
use crisp_upscale_core::failure::{Charged, Failure, Kind};
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::schedule::Durations;
use crisp_upscale_core::task::{DEFAULT_TIMEOUT, Instant, TaskSuccess};
use serde_json::{Value, json};

const IMAGE: &str = "https://host.example/photo.jpg";
const RESULT: &str = "https://tempfile.aiquickdraw.com/r/1.png";
const TASK: &str = "5f48";
/// Not 0, so that an instant is not mistaken for a duration.
const BEGIN: Instant = 10_000_000;
/// The longest that the reply to a createTask is waited for.
const CREATE_TIMEOUT: u64 = 60_000;
/// The longest that the reply to a recordInfo is waited for.
const POLL_TIMEOUT: u64 = 20_000;
const GRACE: u64 = 90_000;

// The driver: it does what the output says, and the clock jumps to the instant.

/// The input that a request ends with, and after how long.
type Answer = (u64, Input<Value>);

/// A run of the machines, as the caller, the service and the clock saw it.
struct Run {
    outcome: Result<TaskSuccess, Box<Failure>>,
    ended: Instant,
    updates: Vec<(Instant, Update)>,
    creates: Vec<Instant>,
    polls: Vec<Instant>,
}

impl Run {
    /// The states reported, without their instants.
    fn states(&self) -> Vec<&str> {
        self.updates.iter().map(|(_, update)| update.state.as_str()).collect()
    }

    fn failure(&self) -> &Failure {
        self.outcome.as_ref().expect_err("the job ended well")
    }
}

/// Plays a job to its end. What holds for every job is asserted here; `row` names it.
///
/// `late` is how long the timer oversleeps at most, asked anew for every sleep.
fn play(
    row: &str,
    mut job: Upscale,
    deadline: Instant,
    mut late: impl FnMut() -> u64,
    mut answer: impl FnMut(&Request, Instant) -> Answer,
) -> Run {
    let (mut now, mut input) = (BEGIN, Input::Started);
    // Nothing has been seen yet, so polls are 3 s apart.
    let mut durations = Durations::default();
    let (mut updates, mut creates, mut polls) = (Vec::<(Instant, Update)>::new(), Vec::new(), Vec::new());
    // Every request is followed by a wait of 1 s or by the end, so a job has a bounded number of steps.
    let most = 10 + 3 * (deadline.saturating_sub(BEGIN) / 1_000);
    for _ in 0..most {
        let step = job.handle(input, now, &mut durations);
        if let Some(update) = step.update {
            if let Some((_, last)) = updates.last() {
                assert_ne!(last.state, update.state, "{row}: the same state twice");
            }
            assert!(!["success", "fail"].contains(&update.state.as_str()), "{row}: the end is no update");
            updates.push((now, update));
        }
        match step.output {
            Output::Send(request, give_up) => {
                assert!(now < give_up && give_up <= deadline, "{row}: at {now} gives up at {give_up}");
                let timeout = match &request {
                    Request::Create(task) => {
                        assert_eq!(*task, CreateTask::upscale(IMAGE.into(), None), "{row}");
                        assert_eq!(updates, [], "{row}: a create after the task was made");
                        assert!(polls.is_empty(), "{row}: a create after a poll");
                        creates.push(now);
                        CREATE_TIMEOUT
                    }
                    Request::Poll(task_id) => {
                        assert_eq!(task_id, TASK, "{row}");
                        polls.push(now);
                        POLL_TIMEOUT
                    }
                };
                assert_eq!(give_up, deadline.min(now + timeout), "{row}: timeout at {now}");
                let (after, received) = answer(&request, now);
                (now, input) = if after > give_up - now {
                    (give_up, Input::NetworkError(NetworkError::TimedOut))
                } else {
                    (now + after, received)
                };
            }
            Output::AcquireLease(until) => {
                assert_eq!(until, deadline, "{row}: a lease is waited for as long as the caller waits");
                input = Input::LeaseAcquired;
            }
            Output::Sleep(then) => {
                assert!(now <= then && then <= deadline, "{row}: at {now} waits until {then}");
                (now, input) = (then + late(), Input::TimerFired);
            }
            Output::Done(outcome) => {
                return Run {
                    outcome: outcome.map(|upscaled| *upscaled),
                    ended: now,
                    updates,
                    creates,
                    polls,
                };
            }
        }
    }
    panic!("{row}: no end within {most} steps");
}

/// What the service does: its answers to creates and to polls in turn, the last one for ever.
#[derive(Default)]
struct Script {
    creates: VecDeque<Answer>,
    polls: VecDeque<Answer>,
}

impl Script {
    fn new(creates: impl Into<VecDeque<Answer>>, polls: impl Into<VecDeque<Answer>>) -> Self {
        Script { creates: creates.into(), polls: polls.into() }
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let answers = match request {
            Request::Create(_) => &mut self.creates,
            Request::Poll(_) => &mut self.polls,
        };
        let first = answers.pop_front().unwrap_or_else(|| panic!("nothing is scripted for {request:?}"));
        if answers.is_empty() {
            answers.push_back(first.clone());
        }
        first
    }
}

/// A new job, with this much time.
fn run_new(row: &str, time: u64, mut script: Script) -> Run {
    let job = Upscale::create(CreateTask::upscale(IMAGE.into(), None), BEGIN + time);
    play(row, job, BEGIN + time, || 0, |request, _| script.answer(request))
}

/// A job whose task was made `age` before.
fn resume(row: &str, age: u64, time: u64, polls: impl Into<VecDeque<Answer>>) -> Run {
    let mut script = Script::new([], polls);
    let job = Upscale::watch(TASK.into(), BEGIN - age, BEGIN + time);
    let run = play(row, job, BEGIN + time, || 0, |request, _| script.answer(request));
    assert!(run.creates.is_empty(), "{row}: a task that was made is not made again");
    run
}

// Answers. Each takes 100 ms unless it says otherwise.

fn says(status: u16, body: &str) -> Answer {
    (100, Input::Response(reply(status, body)))
}

fn asks_to_wait(status: u16, body: &str, milliseconds: u64) -> Answer {
    (100, Input::Response(Response { retry_after: Some(milliseconds), ..reply(status, body) }))
}

fn no_reply(error: NetworkError) -> Answer {
    (100, Input::NetworkError(error))
}

/// No answer before any timeout.
fn silence() -> Answer {
    (u64::MAX, Input::NetworkError(NetworkError::Lost))
}

fn made() -> Answer {
    says(200, &json!({"code": 200, "msg": "success", "data": {"taskId": TASK, "recordId": TASK}}).to_string())
}

fn state(word: &str) -> Answer {
    record(&json!({"taskId": TASK, "state": word, "resultJson": "", "creditsConsumed": 0.5}))
}

fn record(data: &Value) -> Answer {
    says(200, &json!({"code": 200, "msg": "success", "data": data}).to_string())
}

fn success() -> Answer {
    let result = json!({ "resultUrls": [RESULT] }).to_string();
    record(&json!({
        "taskId": TASK, "state": "success", "resultJson": result,
        "createTime": 1_777_534_515_134_u64, "completeTime": 1_777_534_578_854_u64, "creditsConsumed": 0.5,
    }))
}

fn success_without_a_file() -> Answer {
    record(&json!({"taskId": TASK, "state": "success", "resultJson": ""}))
}

fn null_record() -> Answer {
    says(200, r#"{"code":422,"msg":"recordInfo is null","data":null}"#)
}

const TOO_MANY: &str = r#"{"code":429,"msg":"Your call frequency is too high. Please try again later."}"#;
const HTML: &str = "<html><body>502 Bad Gateway</body></html>";

fn upscaled() -> TaskSuccess {
    TaskSuccess {
        task_id: TASK.into(),
        url: RESULT.into(),
        credits: Some(0.5),
        create_time: Some(1_777_534_515_134.0),
        complete_time: Some(1_777_534_578_854.0),
    }
}

/// A failure while watching: it carries the task, and does not invite to make another.
fn expect_task_failure(row: &str, run: &Run, kind: Kind, charged: Charged) {
    let failure = run.failure();
    assert_eq!((failure.kind, failure.charged), (kind, charged), "{row}: {failure:?}");
    assert_eq!(failure.task_id.as_deref(), Some(TASK), "{row}: {failure:?}");
    assert!(!failure.retryable, "{row}: another task would cost again");
    assert_eq!(failure.resumable, kind != Kind::GenerationFailed, "{row}");
}

// Jobs that go well

#[test]
fn an_upscale_without_trouble() {
    let polls = [
        state("waiting"),
        state("waiting"),
        state("queuing"),
        state("generating"),
        state("generating"),
        success(),
    ];
    let run = run_new("happy", 300_000, Script::new([made()], polls));
    assert_eq!(run.outcome, Ok(upscaled()));
    assert_eq!(run.states(), ["submitted", "waiting", "queuing", "generating"]);
    assert!(run.updates.iter().all(|(_, update)| update.task_id == TASK));
    assert_eq!(run.creates, [BEGIN]);
    // Made after 100 ms; each poll 3 s after the last reply, which takes 100 ms.
    let made = BEGIN + 100;
    assert_eq!(run.polls, (0..6).map(|nth| made + 3_000 + nth * 3_100).collect::<Vec<_>>());
    assert_eq!(run.ended, made + 3_000 + 5 * 3_100 + 100);
    // Each change is reported when it is learned, not later.
    assert_eq!(
        run.updates.iter().map(|(at, _)| at - made).collect::<Vec<_>>(),
        [0, 3_100, 3_100 + 2 * 3_100, 3_100 + 3 * 3_100]
    );
}

#[test]
fn a_state_that_comes_back_is_reported_again() {
    let polls = [state("queuing"), state("generating"), state("queuing"), success()];
    let run = run_new("back", 300_000, Script::new([made()], polls));
    assert_eq!(run.states(), ["submitted", "queuing", "generating", "queuing"]);
}

#[test]
fn an_unknown_state_is_reported() {
    let polls = [state("paused"), state("paused"), state("warming up"), success()];
    let run = run_new("unknown state", 300_000, Script::new([made()], polls));
    assert_eq!(run.outcome, Ok(upscaled()));
    assert_eq!(run.states(), ["submitted", "paused", "warming up"]);
}

#[test]
fn a_resumed_task_is_watched_to_its_end() {
    // It is polled at at once: it may have ended meanwhile.
    let run = resume("ended", 3_600_000, 300_000, [success()]);
    assert_eq!((run.outcome.as_ref(), run.polls.as_slice()), (Ok(&upscaled()), [BEGIN].as_slice()));
    assert_eq!(run.states(), Vec::<&str>::new());

    let run = resume("goes on", 5_000, 300_000, [state("generating"), success()]);
    assert_eq!(run.outcome, Ok(upscaled()));
    assert_eq!(run.states(), ["generating"]);
}

/// Following may begin when the task was made a moment before, by another job: it is given the same first wait.
#[test]
fn a_task_just_made_is_not_polled_before_its_first_wait_is_over() {
    for (age, first) in [(0, 3_000), (400, 2_600), (2_999, 1), (3_000, 0), (5_000, 0)] {
        let row = format!("made {age} ms before");
        let run = resume(&row, age, 300_000, [success()]);
        assert_eq!((run.polls, run.outcome), (vec![BEGIN + first], Ok(upscaled())), "{row}");
    }
    let run = resume("no time for a poll", 0, 500, []);
    expect_task_failure("no time for a poll", &run, Kind::Timeout, Charged::Unknown);
    assert_eq!((run.polls.len(), run.ended), (0, BEGIN + 500));
}

/// What JavaScript sees of a success, name for name.
#[test]
fn a_success_is_handed_on_in_these_words() {
    assert_eq!(
        serde_json::to_value(upscaled()).unwrap(),
        json!({
            "taskId": TASK, "url": RESULT, "credits": 0.5,
            "createTime": 1_777_534_515_134.0, "completeTime": 1_777_534_578_854.0,
        })
    );
}

// Making the task

/// Every reply and error that is no proven refusal ends the job, or begins the watch, with one create.
#[test]
fn one_create_unless_it_was_refused_for_certain() {
    let rows = [
        ("made", made(), None),
        ("500", says(200, r#"{"code":500,"msg":"Internal server error"}"#), Some(Kind::OutcomeUnknown)),
        ("501", says(200, r#"{"code":501,"msg":"failed"}"#), Some(Kind::OutcomeUnknown)),
        ("a page at 502", says(502, HTML), Some(Kind::OutcomeUnknown)),
        ("a page at 200", says(200, HTML), Some(Kind::OutcomeUnknown)),
        ("a page at 503 that asks to wait", asks_to_wait(503, HTML, 1_000), Some(Kind::OutcomeUnknown)),
        ("a hidden redirect", says(0, ""), Some(Kind::OutcomeUnknown)),
        ("a redirect", says(307, ""), Some(Kind::OutcomeUnknown)),
        ("cut", says(200, r#"{"code":200,"data":{"taskId":"5f"#), Some(Kind::OutcomeUnknown)),
        ("no task id", says(200, r#"{"code":200,"msg":"success","data":{}}"#), Some(Kind::OutcomeUnknown)),
        ("lost", no_reply(NetworkError::Lost), Some(Kind::OutcomeUnknown)),
        ("timed out", silence(), Some(Kind::OutcomeUnknown)),
        ("400", says(200, r#"{"code":400}"#), Some(Kind::BadRequest)),
        ("401", says(200, r#"{"code":401}"#), Some(Kind::Unauthorized)),
        ("402", says(200, r#"{"code":402}"#), Some(Kind::InsufficientCredits)),
        ("422", says(200, r#"{"code":422,"msg":"image is required"}"#), Some(Kind::Validation)),
        ("433", says(200, r#"{"code":433}"#), Some(Kind::KeyLimit)),
        ("455", says(200, r#"{"code":455}"#), Some(Kind::Maintenance)),
        (
            "500, a known refusal",
            says(200, r#"{"code":500,"msg":"image is required"}"#),
            Some(Kind::ServerError),
        ),
    ];
    for (row, answer, kind) in rows {
        let run = run_new(row, 300_000, Script::new([answer], [success()]));
        assert_eq!(run.creates, [BEGIN], "{row}");
        assert_eq!(run.outcome.as_ref().err().map(|failure| failure.kind), kind, "{row}");
        if let Err(failure) = &run.outcome {
            let unknown = kind == Some(Kind::OutcomeUnknown);
            assert_eq!(failure.charged, if unknown { Charged::Unknown } else { Charged::No }, "{row}");
            assert_eq!((failure.task_id.as_deref(), failure.resumable), (None, false), "{row}");
            assert_eq!((run.polls.len(), run.updates.len()), (0, 0), "{row}");
        }
    }
}

#[test]
fn the_rate_limit_is_waited_out() {
    let limited = says(200, TOO_MANY);
    let creates = [
        limited.clone(),
        limited.clone(),
        limited.clone(),
        limited.clone(),
        limited.clone(),
        limited,
        made(),
    ];
    let run = run_new("429", 300_000, Script::new(creates, [success()]));
    assert_eq!(run.outcome, Ok(upscaled()));
    // 100 ms for each reply, and 1, 2, 4, 8, 15 and 15 s of waiting.
    let waits = [0, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
    let mut at = BEGIN;
    for (nth, wait) in waits.into_iter().enumerate() {
        at += wait + if nth == 0 { 0 } else { 100 };
        assert_eq!(run.creates.get(nth), Some(&at), "create {nth}");
    }
    assert_eq!(run.creates.len(), waits.len());
}

#[test]
fn the_wait_that_the_server_asks_for_is_kept() {
    for (row, answer) in [
        ("a page at 429", asks_to_wait(429, "slow down", 7_000)),
        ("code 429", asks_to_wait(200, TOO_MANY, 7_000)),
    ] {
        let run = run_new(row, 300_000, Script::new([answer.clone(), answer, made()], [success()]));
        assert_eq!(run.creates, [BEGIN, BEGIN + 7_100, BEGIN + 14_200], "{row}");
        assert_eq!(run.outcome, Ok(upscaled()), "{row}");
    }
}

/// `Retry-After: 0` is no leave to send as fast as the line allows.
#[test]
fn a_wait_of_nothing_is_a_wait_all_the_same() {
    let at_once = (0, Input::Response(Response { retry_after: Some(0), ..reply(429, TOO_MANY) }));
    let run = run_new("creates", 60_000, Script::new([at_once.clone()], []));
    assert_eq!(run.failure().kind, Kind::RateLimited);
    assert!(run.creates.len() <= 60, "{} creates in 60 s", run.creates.len());

    let run = resume("polls", 5_000, 60_000, [at_once]);
    assert_eq!(run.failure().kind, Kind::Timeout);
    assert!(run.polls.len() <= 60, "{} polls in 60 s", run.polls.len());
}

/// Nobody is kept waiting for a try that would come too late.
#[test]
fn a_wait_beyond_the_deadline_ends_at_once() {
    for (row, wait, time) in [("longer", 60_000, 30_000), ("just as long", 29_900, 30_000)] {
        let run = run_new(row, time, Script::new([asks_to_wait(429, TOO_MANY, wait)], []));
        let failure = run.failure();
        assert_eq!((failure.kind, failure.charged), (Kind::RateLimited, Charged::No), "{row}");
        assert!(failure.retryable, "{row}: later it may work");
        assert_eq!((run.creates.len(), run.ended), (1, BEGIN + 100), "{row}");
    }
    let run = run_new(
        "just short",
        30_001,
        Script::new([asks_to_wait(429, TOO_MANY, 29_900), made()], [success()]),
    );
    assert_eq!(run.creates, [BEGIN, BEGIN + 30_000]);
}

#[test]
fn a_server_that_cannot_be_dialled_is_dialled_three_times() {
    let run = run_new("never", 300_000, Script::new([no_reply(NetworkError::NoConnection)], []));
    let failure = run.failure();
    assert_eq!((failure.kind, failure.charged), (Kind::Unreachable, Charged::No));
    assert!(failure.retryable && failure.task_id.is_none() && !failure.resumable);
    assert_eq!(run.creates, [BEGIN, BEGIN + 1_100, BEGIN + 3_200]);

    let dead = no_reply(NetworkError::NoConnection);
    let run =
        run_new("at the third", 300_000, Script::new([dead.clone(), dead.clone(), made()], [success()]));
    assert_eq!((run.creates.len(), run.outcome), (3, Ok(upscaled())));

    // With no time for another try the reason is reported, not "timeout".
    let run = run_new("no time", 1_000, Script::new([dead], []));
    assert_eq!((run.failure().kind, run.creates.len()), (Kind::Unreachable, 1));
}

/// What was not sent before says nothing of what is sent next.
#[test]
fn a_lost_request_after_harmless_ones_is_lost_all_the_same() {
    for first in [no_reply(NetworkError::NoConnection), says(200, TOO_MANY), asks_to_wait(429, HTML, 3_000)] {
        for then in [no_reply(NetworkError::Lost), silence(), says(502, HTML)] {
            let row = format!("{first:?}, then {then:?}");
            let run = run_new(&row, 300_000, Script::new([first.clone(), then], []));
            assert_eq!(run.creates.len(), 2, "{row}");
            let failure = run.failure();
            assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown), "{row}");
            assert!(!failure.retryable, "{row}");
        }
    }
}

// Time-outs

#[test]
fn a_timeout_before_the_create_costs_nothing() {
    let run = run_new("no time at all", 0, Script::default());
    let failure = run.failure();
    assert_eq!((failure.kind, failure.charged), (Kind::Timeout, Charged::No));
    assert!(failure.retryable && !failure.resumable && failure.task_id.is_none());
    assert_eq!(failure.message, "The time was over before the task could be made.");
    assert!(run.creates.is_empty(), "{:?}", run.creates);

    // A timer that oversleeps the deadline between two creates: the refused one made nothing.
    let deadline = BEGIN + 10_000;
    let job = Upscale::create(CreateTask::upscale(IMAGE.into(), None), deadline);
    let run = play("overslept", job, deadline, || 60_000, |_, _| says(429, TOO_MANY));
    assert_eq!((run.failure().kind, run.failure().charged), (Kind::Timeout, Charged::No));
    assert_eq!(run.creates, [BEGIN]);
}

#[test]
fn a_timeout_during_the_create_leaves_an_unknown_outcome() {
    for (row, time, ended) in
        [("the caller's time", 5_000, 5_000), ("the create's own", 300_000, CREATE_TIMEOUT)]
    {
        let run = run_new(row, time, Script::new([silence()], []));
        assert_eq!(
            (run.failure().kind, run.failure().charged),
            (Kind::OutcomeUnknown, Charged::Unknown),
            "{row}"
        );
        assert_eq!((run.creates.as_slice(), run.ended), ([BEGIN].as_slice(), BEGIN + ended), "{row}");
    }
}

#[test]
fn a_timeout_while_watching_names_the_task() {
    let run = run_new("goes on", 300_000, Script::new([made()], [state("generating")]));
    expect_task_failure("goes on", &run, Kind::Timeout, Charged::Unknown);
    assert_eq!(run.ended, BEGIN + 300_000);
    assert!(!run.failure().message.contains("last poll"), "{}", run.failure().message);
    assert!(run.failure().message.ends_with("Its last state: generating."), "{}", run.failure().message);

    // The last trouble is reported, in the words for it.
    let rows = [
        ("lost", no_reply(NetworkError::Lost), "The last poll failed: The server cannot be reached."),
        ("silent", silence(), "The last poll failed: The server cannot be reached."),
        ("a page", says(502, HTML), "The last poll failed: The service had a fault."),
        ("a page at 200", says(200, HTML), "The last poll failed: The server's answer was not the API's."),
        ("limited", says(200, TOO_MANY), "The service said: Your call frequency is too high."),
        ("maintenance", says(200, r#"{"code":455,"msg":"back at noon"}"#), "The service said: back at noon"),
        ("limited for long", asks_to_wait(429, HTML, 3_600_000), "The last poll failed: Too many requests."),
    ];
    for (row, trouble, words) in rows {
        let run = run_new(row, 120_000, Script::new([made()], [state("waiting"), trouble]));
        expect_task_failure(row, &run, Kind::Timeout, Charged::Unknown);
        assert_eq!(run.ended, BEGIN + 120_000, "{row}");
        assert!(run.failure().message.contains(words), "{row}: {}", run.failure().message);
    }

    // Trouble that has passed is not reported.
    for (row, last) in [("a state", state("generating")), ("no record yet", null_record())] {
        let run = run_new(row, 60_000, Script::new([made()], [says(502, HTML), last]));
        expect_task_failure(row, &run, Kind::Timeout, Charged::Unknown);
        assert!(!run.failure().message.contains("last poll"), "{row}: {}", run.failure().message);
    }
}

#[test]
fn a_resume_without_time_does_not_lose_the_task() {
    let run = resume("no time", 5_000, 0, []);
    expect_task_failure("no time", &run, Kind::Timeout, Charged::Unknown);
    assert!(run.polls.is_empty(), "{:?}", run.polls);
}

/// A laptop that slept: the reply is read although the time is over.
#[test]
fn a_result_that_comes_late_still_counts() {
    let mut job = Upscale::watch(TASK.into(), BEGIN - 5_000, BEGIN + 10_000);
    let asked = job.handle(Input::<Value>::Started, BEGIN, &mut Durations::default()).output;
    assert_eq!(asked, Output::Send(Request::Poll(TASK.into()), BEGIN + 10_000));
    let next = job.handle(success().1, BEGIN + 500_000, &mut Durations::default()).output;
    assert_eq!(next, Output::Done(Ok(Box::new(upscaled()))));
}

/// Ten minutes where the caller says nothing: shorter than this gives up on tasks that are paid for.
#[test]
fn the_default_timeout_is_longer_than_the_vendors_advice() {
    assert_eq!(DEFAULT_TIMEOUT, 600_000);
}

// Polls

/// The record of a new task may be missing for 90 s; the boundary to the millisecond.
#[test]
fn a_missing_record_is_borne_for_the_grace_of_a_new_task() {
    for (row, answer) in
        [("recordInfo is null", null_record()), ("404", says(200, r#"{"code":404,"msg":"Task not found"}"#))]
    {
        for (age, goes_on) in
            [(3_000, true), (89_000, true), (GRACE - 1, true), (GRACE, false), (GRACE + 1, false)]
        {
            let row = format!("{row} at {age} ms");
            let mut job = Upscale::watch(TASK.into(), BEGIN, BEGIN + 300_000);
            let asked = job.handle(Input::<Value>::Started, BEGIN + age, &mut Durations::default()).output;
            assert!(matches!(asked, Output::Send(Request::Poll(_), _)), "{row}: {asked:?}");
            let next = job.handle(answer.1.clone(), BEGIN + age, &mut Durations::default()).output;
            match next {
                Output::Sleep(_) => assert!(goes_on, "{row}: goes on"),
                Output::Done(outcome) => {
                    let failure = outcome.expect_err(&row);
                    assert!(!goes_on, "{row}: {failure:?}");
                    assert_eq!((failure.kind, failure.charged), (Kind::NotFound, Charged::Unknown), "{row}");
                    assert_eq!(failure.task_id.as_deref(), Some(TASK), "{row}");
                    assert!(!failure.retryable && failure.resumable, "{row}");
                }
                Output::Send(..) | Output::AcquireLease(_) => panic!("{row}: {next:?}"),
            }
        }
    }
}

#[test]
fn a_record_that_appears_in_time_or_never() {
    let mut polls = vec![null_record(); 20];
    polls.extend([state("generating"), success()]);
    let run = run_new("appears", 300_000, Script::new([made()], polls));
    assert_eq!(run.outcome, Ok(upscaled()));
    assert_eq!(run.states(), ["submitted", "generating"]);

    let run = run_new("never", 300_000, Script::new([made()], [null_record()]));
    expect_task_failure("never", &run, Kind::NotFound, Charged::Unknown);
    let age = run.ended - (BEGIN + 100);
    assert!((GRACE..GRACE + 6_000).contains(&age), "given up at an age of {age} ms");
    assert!(run.failure().message.contains("recordInfo is null"), "{}", run.failure().message);
}

/// The grace is the task's, not the page's: after a reload it goes on where it was.
#[test]
fn the_grace_is_counted_from_when_the_task_was_made() {
    let run = resume("old", GRACE, 300_000, [null_record()]);
    expect_task_failure("old", &run, Kind::NotFound, Charged::Unknown);
    assert_eq!(run.polls, [BEGIN]);

    let run = resume("young", GRACE - 1_000, 300_000, [null_record(), success()]);
    assert_eq!(run.outcome, Ok(upscaled()));
}

#[test]
fn a_bad_poll_does_not_lose_the_job() {
    let rows = [
        ("a page at 502", says(502, HTML)),
        ("a page at 200", says(200, HTML)),
        ("a page at 404", says(404, HTML)),
        ("a page at 401, as of a captive portal", says(401, HTML)),
        ("nothing", says(200, "")),
        ("cut", says(200, r#"{"code":200,"data":{"state":"succ"#)),
        ("a hidden redirect", says(0, "")),
        ("no record", says(200, r#"{"code":200,"msg":"success","data":{}}"#)),
        ("data is null", says(200, r#"{"code":200,"msg":"success","data":null}"#)),
        ("429", says(200, TOO_MANY)),
        ("a page at 429", says(429, HTML)),
        ("455", says(200, r#"{"code":455,"msg":"maintenance"}"#)),
        ("500", says(200, r#"{"code":500,"msg":"Internal server error"}"#)),
        ("a code that nobody has documented", says(200, r#"{"code":599,"msg":"?"}"#)),
        ("lost", no_reply(NetworkError::Lost)),
        ("no connection", no_reply(NetworkError::NoConnection)),
        ("timed out", no_reply(NetworkError::TimedOut)),
        ("silence", silence()),
    ];
    for (row, bad) in rows {
        let mut polls = vec![state("waiting")];
        polls.extend(vec![bad; 7]);
        polls.extend([state("waiting"), success()]);
        let run = run_new(row, 300_000, Script::new([made()], polls));
        assert_eq!(run.outcome, Ok(upscaled()), "{row}");
        assert_eq!(run.creates.len(), 1, "{row}");
        // Trouble is no updates, and the state before it is still the state.
        assert_eq!(run.states(), ["submitted", "waiting"], "{row}");
    }
}

#[test]
fn bad_polls_are_waited_out_longer_and_longer() {
    let mut polls = vec![says(502, HTML); 6];
    polls.extend([state("waiting"), says(502, HTML), success()]);
    let run = resume("502", 0, 300_000, polls);
    let waits: Vec<u64> =
        run.polls.iter().zip(run.polls.iter().skip(1)).map(|(from, to)| to - from - 100).collect();
    // After six of them comes a good one; then it begins anew.
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 3_000, 1_000]);
}

#[test]
fn a_poll_that_is_asked_to_wait_waits() {
    for (row, answer) in [
        ("a page at 429", asks_to_wait(429, HTML, 12_000)),
        ("code 429", asks_to_wait(200, TOO_MANY, 12_000)),
        ("a page at 503", asks_to_wait(503, HTML, 12_000)),
    ] {
        let run = resume(row, 5_000, 300_000, [answer.clone(), answer, success()]);
        assert_eq!(run.outcome, Ok(upscaled()), "{row}");
        assert_eq!(run.polls, [BEGIN, BEGIN + 12_100, BEGIN + 24_200], "{row}");
    }
}

/// What no later poll will answer otherwise ends the job, and the task is not lost with it.
#[test]
fn a_refused_poll_ends_the_job_with_the_task_id() {
    let rows = [
        (400, Kind::BadRequest),
        (401, Kind::Unauthorized),
        (402, Kind::InsufficientCredits),
        (405, Kind::MethodNotAllowed),
        (422, Kind::Validation),
        (433, Kind::KeyLimit),
        (451, Kind::ContentRefused),
        (505, Kind::FeatureDisabled),
    ];
    for (code, kind) in rows {
        let row = code.to_string();
        let body = json!({"code": code, "msg": "the service's words"}).to_string();
        let run = run_new(&row, 300_000, Script::new([made()], [state("waiting"), says(200, &body)]));
        expect_task_failure(&row, &run, kind, Charged::Unknown);
        let failure = run.failure();
        assert_eq!((failure.code, failure.status), (Some(code), Some(200)), "{row}");
        assert!(
            failure.message.ends_with("The service said: the service's words"),
            "{row}: {}",
            failure.message
        );
        assert_eq!(run.polls.len(), 2, "{row}");
    }
}

// The end

#[test]
fn a_failed_task_is_reported_in_the_vendors_words() {
    let words = "Image fetch failed. Check access settings or use our File Upload API instead.";
    let data =
        json!({"taskId": TASK, "state": "fail", "failCode": "400", "failMsg": words, "creditsConsumed": 0.0});
    let rows = [
        ("as of recordInfo", record(&data)),
        (
            "under a failure's code",
            says(200, &json!({"code": 501, "msg": "failed", "data": data}).to_string()),
        ),
    ];
    for (row, answer) in rows {
        let run = run_new(row, 300_000, Script::new([made()], [state("generating"), answer]));
        expect_task_failure(row, &run, Kind::GenerationFailed, Charged::No);
        assert_eq!(run.failure().code, Some(400), "{row}");
        assert!(run.failure().message.ends_with(words), "{row}: {}", run.failure().message);
        assert_eq!(run.states(), ["submitted", "generating"], "{row}");
    }
}

#[test]
fn a_success_without_a_file_is_polled_again() {
    let empty = success_without_a_file;
    let run =
        run_new("comes", 300_000, Script::new([made()], [empty(), empty(), empty(), empty(), success()]));
    assert_eq!(run.outcome, Ok(upscaled()));
    assert_eq!((run.polls.len(), run.states()), (5, vec!["submitted"]));

    let run = run_new("never comes", 300_000, Script::new([made()], [empty()]));
    expect_task_failure("never comes", &run, Kind::BadReply, Charged::Yes);
    assert_eq!(run.polls.len(), 5);

    // Five in a row: another word in between says that the first was not meant.
    let polls =
        [empty(), empty(), empty(), state("generating"), empty(), empty(), empty(), empty(), success()];
    let run = run_new("not in a row", 300_000, Script::new([made()], polls));
    assert_eq!(run.outcome, Ok(upscaled()));

    let blank = record(&json!({"taskId": TASK, "state": "success", "resultJson": {"resultUrls": [""]}}));
    let run = run_new("an empty URL is no file", 300_000, Script::new([made()], [blank, success()]));
    assert_eq!(run.outcome, Ok(upscaled()));
}

// Backoff

#[test]
fn a_wait_that_is_asked_for_is_at_least_a_second() {
    for (asked, nth, wait) in
        [(None, 3, 4_000), (Some(0), 3, 1_000), (Some(999), 1, 1_000), (Some(7_000), 1, 7_000)]
    {
        assert_eq!(backoff::delay_or(asked, nth), wait, "{asked:?}, {nth}");
    }
}

#[test]
fn failures_are_waited_out() {
    let rows = [
        (0, 1_000),
        (1, 1_000),
        (2, 2_000),
        (3, 4_000),
        (4, 8_000),
        (5, 15_000),
        (6, 15_000),
        (u32::MAX, 15_000),
    ];
    for (nth, wait) in rows {
        assert_eq!(backoff::delay(nth), wait, "{nth}");
    }
}

#[test]
fn retry_after_is_read_as_seconds() {
    let rows = [
        ("5", Some(5_000)),
        (" 120 ", Some(120_000)),
        ("0", Some(0)),
        ("4294967295", Some(4_294_967_295_000)),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("5s", None),
        ("99999999999999999999", None),
        // Its second form is a date; the core has no calendar, and the backoff is used.
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
    ];
    for (header, expected) in rows {
        assert_eq!(backoff::retry_after(header), expected, "{header:?}");
    }
}

// What is learned of durations

/// Plays the polls of a task just made: each leaves when the job says, and the end is seen by the last.
fn learned(mut job: Upscale, begin: Instant, polls: impl IntoIterator<Item = Input<Value>>) -> Durations {
    let mut durations = Durations::default();
    let (mut now, mut input) = (begin, Input::Started);
    let mut polls = polls.into_iter();
    loop {
        match job.handle(input, now, &mut durations).output {
            Output::Sleep(then) => (now, input) = (then, Input::TimerFired),
            Output::AcquireLease(_) => input = Input::LeaseAcquired,
            Output::Send(..) => input = polls.next().unwrap(),
            Output::Done(_) => return durations,
        }
    }
}

fn ended(times: Value) -> Input<Value> {
    let mut data = json!({"state": "success", "resultJson": {"resultUrls": [RESULT]}});
    data.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
    record(&data).1
}

#[test]
fn a_duration_is_learned_from_the_record_as_far_as_the_polls_bear_it_out() {
    let times = |duration: u64| json!({"createTime": 1_777_534_515_134_u64, "completeTime": 1_777_534_515_134 + duration});
    // The polls leave at 3 and 6 s; the second sees the end.
    let rows = [
        ("as recorded", times(4_500), 4_500.0),
        ("recorded as shorter than it was seen in progress", times(1_000), 3_000.0),
        ("recorded as longer than it was", times(60_000), 6_000.0),
        ("not recorded", json!({}), 4_500.0),
        ("half recorded", json!({"createTime": 1_777_534_515_134_u64}), 4_500.0),
        ("ended before it began", json!({"createTime": 5_000, "completeTime": 4_000}), 4_500.0),
    ];
    for (row, times, duration) in rows {
        let made = Upscale::watch(TASK.into(), BEGIN, BEGIN + 300_000);
        let durations = learned(made, BEGIN, [state("waiting").1, ended(times)]);
        assert_eq!(durations.iter().collect::<Vec<_>>(), [duration], "{row}");
    }
}

/// Of a task that was not watched from its beginning only the record knows how long it took.
#[test]
fn a_resumed_task_teaches_what_its_record_says_and_nothing_else() {
    let resumed = || Upscale::watch(TASK.into(), BEGIN - 3_600_000, BEGIN + 300_000);
    let times = json!({"createTime": 1_000_000, "completeTime": 1_012_000});
    assert_eq!(
        learned(resumed(), BEGIN, [state("waiting").1, ended(times)]),
        Durations::from_iter([12_000.0])
    );
    assert_eq!(learned(resumed(), BEGIN, [state("waiting").1, ended(json!({}))]), Durations::default());
}

#[test]
fn a_failed_task_teaches_nothing() {
    let failed = json!({"state": "fail", "failMsg": "no", "createTime": 1_000, "completeTime": 2_000});
    let made = Upscale::watch(TASK.into(), BEGIN, BEGIN + 300_000);
    assert_eq!(learned(made, BEGIN, [record(&failed).1]), Durations::default());
}

/// Two jobs at once: the one that goes on is paced by what the other has just learned.
#[test]
fn a_job_is_polled_by_what_another_learned_meanwhile() {
    let mut durations = Durations::default();
    let mut job = Upscale::watch(TASK.into(), BEGIN, BEGIN + 300_000);
    let first = job.handle(Input::<Value>::Started, BEGIN, &mut durations).output;
    assert_eq!(first, Output::Sleep(BEGIN + 3_000));
    job.handle(Input::<Value>::TimerFired, BEGIN + 3_000, &mut durations);
    (0..10).for_each(|nth| durations.learn(39_500 + 100 * nth));
    let Output::Sleep(then) = job.handle(state("waiting").1, BEGIN + 3_000, &mut durations).output else {
        panic!("it does not wait")
    };
    assert!(then > BEGIN + 10_000, "all take 40 s, and it polls after {} ms", then - BEGIN);
}

// Random jobs

/// Knuth's linear congruential generator: the same jobs in every run, and a seed names one.
struct Rng(u64);

impl Rng {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let index = usize::try_from(self.below(from.len() as u64)).unwrap();
        from.get(index).unwrap().clone()
    }
}

/// What became of a create at the service, which the client only learns from the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It never arrived, or was refused: nothing can have been made.
    Nothing,
    /// A task may have been made, and the answer does not say which.
    Perhaps,
    /// A task was made, and the answer names it.
    Named,
}

/// An answer to a create, of every class, and what the service may have done.
fn any_create(rng: &mut Rng) -> (Input<Value>, Fate) {
    let retry_after = rng.pick(&[None, None, Some(0), Some(1_000), Some(9_000), Some(400_000)]);
    let said = |status, body: &str| Input::Response(Response { retry_after, ..reply(status, body) });
    let status = rng.pick(&[200, 200, 200, 0, 302, 400, 500, 502]);
    match rng.below(22) {
        0 | 16.. => (made().1, Fate::Named),
        1 | 2 | 4 => {
            let body = json!({"code": rng.pick(&[200, 429, 500, 501]), "data": {"taskId": TASK}}).to_string();
            (said(rng.pick(&[200, 429, 500]), &body), Fate::Named)
        }
        5 | 6 => (said(status, TOO_MANY), Fate::Nothing),
        7 => {
            (said(429, rng.pick(&[HTML, "", r#"{"code":500}"#, r#"{"code":200,"data":{}}"#])), Fate::Nothing)
        }
        8 | 9 => (Input::NetworkError(NetworkError::NoConnection), Fate::Nothing),
        3 | 10 => {
            let code = rng.pick(&[400, 401, 402, 404, 405, 422, 433, 451, 455, 505]);
            (said(status, &json!({"code": code, "msg": "no"}).to_string()), Fate::Nothing)
        }
        11 => (said(200, r#"{"code":500,"msg":"Credits insufficient"}"#), Fate::Nothing),
        12 => (Input::NetworkError(rng.pick(&[NetworkError::Lost, NetworkError::TimedOut])), Fate::Perhaps),
        13 => {
            (said(status, rng.pick(&[HTML, "", "[]", r#"{"code":200,"data":{"taskId":"5f"#])), Fate::Perhaps)
        }
        14 | 15 => {
            let code = rng.pick(&[200, 500, 501, 503, 0, 999]);
            (said(status, &json!({"code": code, "msg": "?", "data": {}}).to_string()), Fate::Perhaps)
        }
    }
}

/// An answer to a poll, of every class.
fn any_poll(rng: &mut Rng) -> Input<Value> {
    let retry_after = rng.pick(&[None, None, Some(0), Some(2_000), Some(30_000), Some(900_000)]);
    let input = match rng.below(24) {
        0..=6 => state(rng.pick(&["waiting", "queuing", "generating", "paused"])).1,
        7 | 8 => success().1,
        9 => success_without_a_file().1,
        10 => record(&json!({"state": "fail", "failMsg": "why"})).1,
        11..=13 => null_record().1,
        14 | 15 => Input::NetworkError(rng.pick(&[
            NetworkError::NoConnection,
            NetworkError::Lost,
            NetworkError::TimedOut,
        ])),
        16 | 17 => says(rng.pick(&[0, 200, 302, 404, 429, 500, 502]), rng.pick(&[HTML, "", "[]"])).1,
        18 | 19 => says(200, TOO_MANY).1,
        20 => says(200, &json!({"code": rng.pick(&[401, 422, 505]), "msg": "no"}).to_string()).1,
        _ => says(200, &json!({"code": rng.pick(&[200, 455, 500, 501, 999]), "data": {}}).to_string()).1,
    };
    match input {
        Input::Response(reply) => Input::Response(Response { retry_after, ..reply }),
        other => other,
    }
}

/// Replies and network errors in any order and at any speed. Beside what [`play`] asserts of every
/// job: one call, one charge; nothing paid for is lost; an end in time.
#[test]
fn twenty_thousand_random_jobs() {
    // Each way to end must occur, or the random inputs do not try what they should.
    let (mut ended_well, mut kinds) = (0, BTreeMap::<&str, u32>::new());
    for seed in 0..20_000_u32 {
        let row = format!("job {seed}");
        // The seed is stirred: neighbours would begin alike.
        let mut rng = Rng(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let time = rng.pick(&[0, 1, 900, 30_000, 120_000, 300_000, 600_000, 600_000]);
        let deadline = BEGIN + time;
        let oversleeps = rng.pick(&[1, 1, 50, 3_000]);
        let slow = rng.pick(&[1, 300, 300, 5_000, 90_000]);
        let resumed = rng.below(8) == 0;
        // A service that never names the file; by chance alone none would be missing five times in a row.
        let fileless = rng.below(16) == 0;

        let (mut fates, mut answered_id) = (Vec::new(), resumed);
        let job = if resumed {
            Upscale::watch(TASK.into(), BEGIN - rng.below(200_000), deadline)
        } else {
            Upscale::create(CreateTask::upscale(IMAGE.into(), None), deadline)
        };
        let rng = RefCell::new(rng);
        let run = play(
            &row,
            job,
            deadline,
            || rng.borrow_mut().below(oversleeps),
            |request, now| {
                let rng = &mut *rng.borrow_mut();
                let after = rng.below(slow);
                match request {
                    Request::Create(_) => {
                        let (input, fate) = any_create(rng);
                        // Too slow an answer is not seen: whatever it was, the request had left.
                        let seen = after <= (deadline - now).min(CREATE_TIMEOUT);
                        answered_id |= seen && fate == Fate::Named;
                        fates.push(if seen { fate } else { Fate::Perhaps });
                        (after, input)
                    }
                    Request::Poll(_) if fileless => (after, success_without_a_file().1),
                    Request::Poll(_) => (after, any_poll(rng)),
                }
            },
        );

        // Law 1. The last create may have made a task; none before it can.
        let row = format!("{row}: {:?}, creates {fates:?}", run.outcome);
        let before_the_last = fates.len().saturating_sub(1);
        assert!(fates.iter().take(before_the_last).all(|fate| *fate == Fate::Nothing), "{row}");
        assert!(run.ended < deadline.max(BEGIN) + oversleeps, "{row}: ended at {}", run.ended);
        if !resumed {
            assert_eq!(run.states().first().copied(), answered_id.then_some("submitted"), "{row}");
        }
        match &run.outcome {
            Ok(result) => {
                ended_well += 1;
                assert!(answered_id, "{row}");
                assert_eq!((result.task_id.as_str(), result.url.as_str()), (TASK, RESULT), "{row}");
            }
            Err(failure) => {
                *kinds.entry(failure.kind.as_str()).or_default() += 1;
                // Law 2: once the id is known, every failure carries it, and none invites to pay again.
                assert_eq!(failure.task_id.as_deref(), answered_id.then_some(TASK), "{row}");
                assert!(!(answered_id && failure.retryable), "{row}");
                assert_eq!(failure.resumable, answered_id && failure.kind != Kind::GenerationFailed, "{row}");
                // Nothing that may have been charged is called free, unless its record says so.
                let perhaps = answered_id || fates.contains(&Fate::Perhaps);
                let free = failure.charged == Charged::No;
                assert!(!free || !perhaps || failure.kind == Kind::GenerationFailed, "{row}");
                // And nothing that is certainly free is called in doubt.
                assert!(free || perhaps, "{row}");
                assert!(!failure.message.is_empty(), "{row}");
            }
        }
    }
    assert!(ended_well > 1_000, "{ended_well} jobs ended well");
    for kind in [
        "outcome-unknown",
        "timeout",
        "rate-limited",
        "unreachable",
        "not-found",
        "generation-failed",
        "bad-reply",
    ] {
        assert!(kinds.get(kind).is_some_and(|count| *count > 50), "{kind}: {kinds:?}");
    }
}

#[test]
fn an_input_out_of_order_sends_no_second_create() {
    // Whoever plays a job should not come with these; law 1 does not depend on it.
    let strays = || [Input::<Value>::Started, Input::TimerFired, Input::LeaseAcquired];
    for stray in strays() {
        let mut job =
            Upscale::create(CreateTask::upscale("https://h.example/a.png".to_owned(), None), 600_000);
        let durations = &mut Durations::default();
        assert_eq!(job.handle(Input::<Value>::Started, 0, durations).output, Output::AcquireLease(600_000));
        let first = job.handle(Input::<Value>::LeaseAcquired, 0, durations).output;
        assert!(matches!(first, Output::Send(Request::Create(_), _)));
        let step = job.handle(stray, 1_000, durations);
        assert!(matches!(step.output, Output::Done(_)), "while one is under way: {step:?}");
        for late in strays() {
            let step = job.handle(late, 2_000, &mut Durations::default());
            assert!(matches!(step.output, Output::Done(_)), "after the end: {step:?}");
        }
    }
}

#[test]
fn a_timeout_after_a_success_without_a_file_says_that_it_is_paid_for() {
    let mut job = Upscale::watch("5f48".to_owned(), 0, 10_000);
    let success = serde_json::json!({"code":200,"data":{"taskId":"5f48","state":"success","resultJson":""}});
    job.handle(Input::<Value>::Started, 5_000, &mut Durations::default());
    job.handle(
        Input::Response(Response { status: 200, retry_after: None, body: Some(success) }),
        9_000,
        &mut Durations::default(),
    );
    let Output::Done(end) = job.handle(Input::<Value>::TimerFired, 10_000, &mut Durations::default()).output
    else {
        panic!("it goes on")
    };
    let failure = end.unwrap_err();
    assert_eq!((failure.kind, failure.charged), (Kind::BadReply, Charged::Yes));
    assert_eq!(failure.task_id.as_deref(), Some("5f48"));
}

#[test]
fn a_task_made_in_the_future_is_polled_all_the_same() {
    // A ticket from a machine whose clock is ahead.
    let mut job = Upscale::watch("5f48".to_owned(), 500_000, 600_000);
    assert!(matches!(
        job.handle(Input::<Value>::Started, 0, &mut Durations::default()).output,
        Output::Send(Request::Poll(_), _)
    ));
}
