//! What the tests share: responses, and the machines of a whole upscale in a row.
#![allow(dead_code, reason = "each test binary uses its part")]

use crisp_upscale_core::api::{CreateTask, Response, State};
use crisp_upscale_core::failure::Failure;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::schedule::Durations;
use crisp_upscale_core::task::{Create, Instant, TaskSuccess, Watch, create, watch};
use serde_json::Value;

/// A response whose body is this text; one that is not JSON arrives as no body, as the client hands it on.
pub fn reply(status: u16, body: &str) -> Response<Value> {
    Response { status, retry_after: None, body: Value::parse(body) }
}

/// The inputs of `Create` and `Watch`.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<V> {
    Started,
    LeaseAcquired,
    TimerFired,
    Response(Response<V>),
    NetworkError(NetworkError),
    Subscribed,
    Pushed(Response<V>),
    SubscriptionLost,
}

/// Their outputs, with the requests that the shell makes of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    AcquireLease(Instant),
    Send(Request, Instant),
    Sleep(Instant),
    Done(Result<Box<TaskSuccess>, Box<Failure>>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Create(CreateTask),
    Poll(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub state: String,
    pub task_id: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub update: Option<Update>,
    pub output: Output,
}

/// One upscale: a task is created and watched from then on, as the client does it.
#[derive(Debug)]
pub struct Upscale {
    deadline: Instant,
    machine: Machine,
}

#[derive(Debug)]
enum Machine {
    Create(Create, CreateTask),
    Watch(Watch, String),
}

impl Upscale {
    pub fn create(request: CreateTask, deadline: Instant) -> Self {
        Upscale { deadline, machine: Machine::Create(Create::new(deadline, false), request) }
    }

    pub fn create_idempotent(request: CreateTask, deadline: Instant) -> Self {
        Upscale { deadline, machine: Machine::Create(Create::new(deadline, true), request) }
    }

    pub fn watch(task_id: String, created: Instant, deadline: Instant) -> Self {
        Upscale { deadline, machine: Machine::Watch(Watch::new(task_id.clone(), created, deadline), task_id) }
    }

    pub fn handle<V: Json>(&mut self, input: Input<V>, now: Instant, durations: &mut Durations) -> Step {
        match &mut self.machine {
            Machine::Create(create, request) => {
                let output = match create.handle(create_input(input), now) {
                    create::Output::AcquireLease { until } => Output::AcquireLease(until),
                    create::Output::Send { until } => Output::Send(Request::Create(request.clone()), until),
                    create::Output::Sleep { until } => Output::Sleep(until),
                    create::Output::Failed(failure) => Output::Done(Err(failure)),
                    create::Output::Created(task_id) => {
                        let watch = Watch::new(task_id.clone(), now, self.deadline);
                        self.machine = Machine::Watch(watch, task_id.clone());
                        let Step { output, .. } = self.handle(Input::<V>::Started, now, durations);
                        return Step {
                            update: Some(Update { state: "submitted".to_owned(), task_id }),
                            output,
                        };
                    }
                };
                Step { update: None, output }
            }
            Machine::Watch(watch, task_id) => {
                let task_id = task_id.clone();
                let watch::Step { state, output } = watch.handle(watch_input(input), now, durations);
                let update = state.as_ref().map(State::as_str).map(str::to_owned);
                Step {
                    update: update.map(|state| Update { state, task_id: task_id.clone() }),
                    output: match output {
                        watch::Output::Poll { until } => Output::Send(Request::Poll(task_id), until),
                        watch::Output::Sleep { until } => Output::Sleep(until),
                        watch::Output::Succeeded(success) => Output::Done(Ok(success)),
                        watch::Output::Failed(failure) => Output::Done(Err(failure)),
                    },
                }
            }
        }
    }
}

/// Nothing is pushed before there is a task.
fn create_input<V>(input: Input<V>) -> create::Input<V> {
    match input {
        Input::Started | Input::Subscribed | Input::Pushed(_) | Input::SubscriptionLost => {
            create::Input::Started
        }
        Input::LeaseAcquired => create::Input::LeaseAcquired,
        Input::TimerFired => create::Input::TimerFired,
        Input::Response(response) => create::Input::Response(response),
        Input::NetworkError(error) => create::Input::NetworkError(error),
    }
}

/// No lease is needed once there is a task.
fn watch_input<V>(input: Input<V>) -> watch::Input<V> {
    match input {
        Input::Started => watch::Input::Started,
        Input::LeaseAcquired | Input::TimerFired => watch::Input::TimerFired,
        Input::Response(response) => watch::Input::Response(response),
        Input::NetworkError(error) => watch::Input::NetworkError(error),
        Input::Subscribed => watch::Input::Subscribed,
        Input::Pushed(response) => watch::Input::Pushed(response),
        Input::SubscriptionLost => watch::Input::SubscriptionLost,
    }
}
