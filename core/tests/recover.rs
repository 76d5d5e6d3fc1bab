//! When the gateway is believed that a request never arrived.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crisp_upscale_core::api::Response;
use crisp_upscale_core::failure::{Charged, Failure, Kind};
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::task::recover::{Input, Output, Recover, SENDING, renewed};
use serde_json::{Value, json};

const CREATED: f64 = 1_000_000.0;
const SENDS_UNTIL: f64 = CREATED + SENDING;
/// From here on no request can arrive any more.
const SETTLED: f64 = SENDS_UNTIL + 60_000.0;
const LONG: f64 = 600_000.0;

fn reply(status: u16, body: Value) -> Response<Value> {
    Response { status, retry_after: None, body: Some(body) }
}

fn says(data: Value) -> Response<Value> {
    reply(200, json!({ "code": 200, "msg": "success", "data": data }))
}

fn never(remembers: f64) -> Response<Value> {
    says(json!({ "taskId": null, "arrived": false, "remembersFor": remembers }))
}

/// A recovery, of which the tests say how long the call may still take.
struct Recovery {
    created_at: f64,
    sends_until: Option<f64>,
    same_server: bool,
    machine: Option<Recover>,
}

/// What the machine asks for.
#[derive(Debug, PartialEq)]
enum Next {
    Made(String),
    NeverArrived,
    AskIn(u64),
    Failed(Box<Failure>),
}

/// Far enough that there is time before it.
const DEADLINE: u64 = 10_000_000;

impl Recovery {
    fn new(created_at: f64, sends_until: Option<f64>, same_server: bool) -> Self {
        Recovery { created_at, sends_until, same_server, machine: None }
    }

    fn handle(&mut self, input: Input<Value>, clock: f64, left: f64) -> Next {
        let new = || Recover::new(self.created_at, self.sends_until, self.same_server, DEADLINE);
        let machine = self.machine.get_or_insert_with(new);
        let now = DEADLINE - left as u64;
        match machine.handle(input, now, clock) {
            Output::Ask { until } => panic!("it asks until {until}"),
            Output::Sleep { until } => Next::AskIn(until - now),
            Output::Created(task_id) => Next::Made(task_id),
            Output::NeverArrived => Next::NeverArrived,
            Output::Failed(failure) => Next::Failed(failure),
        }
    }

    fn replied(&mut self, response: &Response<Value>, clock: f64, left: f64) -> Next {
        self.handle(Input::Response(response.clone()), clock, left)
    }

    fn failed(&mut self, error: NetworkError, left: f64) -> Next {
        self.handle(Input::NetworkError(error), SETTLED, left)
    }
}

#[test]
fn it_asks_at_once_and_gives_up_on_a_read_after_20_s() {
    let mut machine = Recover::new(CREATED, None, true, DEADLINE);
    assert_eq!(machine.handle(Input::<Value>::Started, 5, CREATED), Output::Ask { until: 20_005 });
    assert_eq!(
        machine.handle(Input::<Value>::TimerFired, DEADLINE - 5, CREATED),
        Output::Ask { until: DEADLINE }
    );
}

fn recovery() -> Recovery {
    Recovery::new(CREATED, Some(SENDS_UNTIL), true)
}

#[track_caller]
fn unknown(next: Next) -> bool {
    let Next::Failed(failure) = next else { panic!("{next:?}") };
    assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown));
    failure.retryable
}

#[test]
fn a_task_is_believed_at_any_time_and_of_any_entry() {
    for mut recovery in [recovery(), Recovery::new(0.0, None, false), Recovery::new(0.0, Some(1.0), false)] {
        let next = recovery.replied(&says(json!({ "taskId": "t" })), CREATED - 1.0, 0.0);
        assert_eq!(next, Next::Made("t".to_owned()));
    }
}

#[test]
fn never_arrived_is_believed_once_no_request_can_arrive() {
    assert_eq!(recovery().replied(&never(1e9), SETTLED, LONG), Next::NeverArrived);
    assert!(matches!(recovery().replied(&never(1e9), SETTLED - 1.0, LONG), Next::AskIn(_)));
    // However often it is asked, it is asked again at the very time at which it can be known.
    let (mut recovery, mut now) = (recovery(), CREATED);
    let mut reads = 0;
    while let Next::AskIn(wait) = recovery.replied(&never(1e9), now, LONG) {
        assert!(wait >= 1);
        now += wait as f64;
        reads += 1;
    }
    assert!((SETTLED..SETTLED + 2.0).contains(&now), "{now}");
    assert!(reads < 20, "{reads}");
}

#[test]
fn a_call_that_ends_before_says_when_it_can_be_known() {
    let Next::Failed(failure) = recovery().replied(&never(1e9), SETTLED - 90_000.0, 500.0) else { panic!() };
    assert_eq!((failure.kind, failure.charged), (Kind::OutcomeUnknown, Charged::Unknown));
    assert!(failure.retryable);
    assert!(failure.message.contains("can be known: 91."), "{}", failure.message);
}

#[test]
fn a_gateway_that_remembers_for_less_than_the_attempts_age_is_not_believed() {
    let age = SETTLED - CREATED;
    assert_eq!(recovery().replied(&never(age + 1.0), SETTLED, LONG), Next::NeverArrived);
    assert!(!unknown(recovery().replied(&never(age), SETTLED, LONG)));
    assert!(!unknown(recovery().replied(&never(0.0), SETTLED, LONG)));
    // An entry of the future: the clock was set back, and the attempt may be of any age.
    let mut future = Recovery::new(SETTLED + 1.0, Some(0.0), true);
    assert!(!unknown(future.replied(&never(1e12), SETTLED, LONG)));
}

#[test]
fn of_an_entry_for_another_server_or_without_a_bound_nothing_is_believed_but_a_task() {
    for (sends_until, same_server) in [(None, true), (Some(SENDS_UNTIL), false), (None, false)] {
        let mut recovery = Recovery::new(CREATED, sends_until, same_server);
        assert!(!unknown(recovery.replied(&never(1e9), SETTLED, LONG)));
    }
}

#[test]
fn any_other_answer_says_nothing() {
    for data in [
        json!({ "taskId": null }),
        json!({ "taskId": "" }),
        json!({ "arrived": false }),
        json!({ "arrived": true, "remembersFor": 1e9 }),
        json!({ "arrived": "false", "remembersFor": 1e9 }),
        json!({ "arrived": false, "remembersFor": "1e9" }),
        json!({ "remembersFor": 1e9 }),
        json!([]),
        json!("x"),
    ] {
        assert!(!unknown(recovery().replied(&says(data.clone()), SETTLED, LONG)), "{data}");
    }
    for (status, code) in [(200, 404), (404, 404), (200, 422), (400, 400), (200, 201)] {
        let body = json!({ "code": code, "data": { "arrived": false, "remembersFor": 1e9 } });
        let next = recovery().replied(&reply(status, body), SETTLED, LONG);
        assert!(!matches!(next, Next::NeverArrived | Next::Made(_)), "{status} {code}");
    }
    let html = |status| Response::<Value> { status, retry_after: None, body: None };
    assert!(!unknown(recovery().replied(&html(404), SETTLED, LONG)));
    assert!(!unknown(recovery().replied(&html(302), SETTLED, LONG)));
}

#[test]
fn a_read_that_fails_is_repeated_and_then_given_up() {
    let html = |status| Response::<Value> { status, retry_after: None, body: None };
    for failing in [html(200), html(500), html(503), html(429), reply(200, json!({ "code": 500 }))] {
        let mut recovery = recovery();
        for _ in 0..4 {
            assert!(matches!(recovery.replied(&failing, SETTLED, LONG), Next::AskIn(_)));
        }
        assert!(unknown(recovery.replied(&failing, SETTLED, LONG)));
    }
    let mut recovery = recovery();
    for fault in [NetworkError::Lost, NetworkError::TimedOut, NetworkError::NoConnection] {
        assert!(matches!(recovery.failed(fault, LONG), Next::AskIn(_)));
    }
    assert!(unknown(recovery.failed(NetworkError::Lost, 100.0)), "no time is left");
}

#[test]
fn a_refused_token_is_said_and_nothing_is_charged_for_certain() {
    let Next::Failed(failure) = recovery().replied(&reply(401, json!({ "code": 401 })), SETTLED, LONG) else {
        panic!()
    };
    assert_eq!((failure.kind, failure.charged), (Kind::Unauthorized, Charged::Unknown));
    let Next::Failed(failure) = recovery().failed(NetworkError::NoToken, LONG) else { panic!() };
    assert_eq!((failure.kind, failure.charged), (Kind::Unauthorized, Charged::Unknown));
}

#[test]
fn an_entry_is_renewed_before_a_request_leaves_later_than_it_says() {
    assert_eq!(renewed(0.0, CREATED), Some(SENDS_UNTIL));
    assert_eq!(renewed(SENDS_UNTIL, SENDS_UNTIL - 1.0), None);
    assert_eq!(renewed(SENDS_UNTIL, CREATED), None);
    assert_eq!(renewed(SENDS_UNTIL, SENDS_UNTIL), Some(SENDS_UNTIL + SENDING));
    assert_eq!(renewed(SENDS_UNTIL, CREATED - 1.0), Some(CREATED - 1.0 + SENDING), "a clock was set back");
}
