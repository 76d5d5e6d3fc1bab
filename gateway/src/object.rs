//! The Durable Object of the account, of which there is one. It gives each input to the machine within a transaction,
//! and carries out the outputs after it.

mod sql;
mod streams;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use crisp_upscale_gateway_core::protocol::{Reply, Request};
use crisp_upscale_gateway_core::store::StoreError;
use crisp_upscale_gateway_core::timeouts::{ANSWER_TIMEOUT, CREATE_TIMEOUT};
use crisp_upscale_gateway_core::{Account as Machine, Input, Moment, Output, RequestId, StreamId};
use futures_channel::mpsc::UnboundedSender;
use futures_channel::oneshot::{self, Receiver};
use futures_util::future::{Either, select};
use js_sys::Promise;
use serde_json::json;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::worker_sys::DurableObjectState;
use worker::{Delay, Env, Result, State, console_error};

use self::sql::SqlStore;
use crate::account::Message;
use crate::platform::{now, random};
use crate::settings::{self, Settings};
use crate::{log, relay, results, upstream};

/// The account.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Account {
    object: Rc<Object>,
}

struct Object {
    state: State,
    env: Env,
    store: RefCell<SqlStore>,
    /// `None` until it is loaded, and again after an error.
    machine: RefCell<Option<Machine>>,
    /// Requests that wait for their reply.
    waiting: RefCell<BTreeMap<RequestId, oneshot::Sender<Reply>>>,
    /// Open event streams.
    streams: RefCell<BTreeMap<StreamId, UnboundedSender<String>>>,
    /// The last name that was given to a request or a stream.
    last_id: Cell<u64>,
}

// Not derived: the environment holds secrets.
impl std::fmt::Debug for Object {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Object")
    }
}

// What the platform calls. It is written out, since the `worker` crate's macro reads more of each request than is needed.
#[wasm_bindgen]
impl Account {
    /// The object is loaded.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        let state = State::from(state);
        let store = RefCell::new(SqlStore::new(&state.storage()));
        let (machine, waiting, streams, last_id) = Default::default();
        Account { object: Rc::new(Object { state, env, store, machine, waiting, streams, last_id }) }
    }

    /// The Worker sends a message.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let object = self.object.clone();
        future_to_promise(async move { Ok(object.answer(&request).await?.into()) })
    }

    /// The alarm has fired. Where this throws, it fires again.
    pub fn alarm(&self) -> std::result::Result<(), JsValue> {
        Ok(self.object.step(Input::AlarmFired)?)
    }
}

impl Object {
    async fn answer(self: &Rc<Self>, request: &web_sys::Request) -> Result<web_sys::Response> {
        let text = JsFuture::from(request.text()?).await?.as_string().unwrap_or_default();
        match serde_json::from_str(&text)? {
            Message::Ask(request) => {
                let reply = serde_json::to_string(&self.ask(request).await?)?;
                Ok(web_sys::Response::new_with_opt_str(Some(&reply))?)
            }
            Message::Subscribe { caller, tasks } => Ok(self.subscribe(caller, tasks)?.into()),
        }
    }

    /// Gives the machine an input, in one transaction, and then carries out what it asks for.
    ///
    /// After an error nothing of the input is stored, and the machine is loaded anew by the next one. Those who wait are
    /// not answered, which is the lost reply that it may be.
    fn step(self: &Rc<Self>, input: Input) -> Result<()> {
        let outputs = self.settings().and_then(|settings| self.handle(&settings, input));
        match outputs {
            Ok(outputs) => {
                for output in outputs {
                    self.carry_out(output);
                }
                Ok(())
            }
            Err(StoreError(message)) => {
                console_error!("{}", json!({ "event": "failed", "error": message }));
                *self.machine.borrow_mut() = None;
                self.waiting.borrow_mut().clear();
                self.streams.borrow_mut().clear();
                Err(message.into())
            }
        }
    }

    fn handle(&self, settings: &Settings, input: Input) -> std::result::Result<Vec<Output>, StoreError> {
        let random = random().map_err(|error| StoreError(error.to_string()))?;
        let moment = Moment { now: now(), random };
        self.store.borrow_mut().transaction(|store| {
            let mut machine = self.machine.borrow_mut();
            let (machine, mut outputs) = match &mut *machine {
                Some(machine) => (machine, Vec::new()),
                none => {
                    store.create_tables()?;
                    let (machine, outputs) = Machine::load(store, settings.account.clone(), moment.now)?;
                    (none.insert(machine), outputs)
                }
            };
            outputs.extend(machine.handle(store, input, moment)?);
            for output in &outputs {
                if let Output::SetAlarm(at) = output {
                    store.set_alarm(*at)?;
                }
            }
            Ok(outputs)
        })
    }

    fn settings(&self) -> std::result::Result<Rc<Settings>, StoreError> {
        settings::read(&self.env).map_err(|_| StoreError("The settings are gone.".to_owned()))
    }

    fn next_id(&self) -> u64 {
        self.last_id.update(|id| id + 1);
        self.last_id.get()
    }

    async fn ask(self: &Rc<Self>, request: Request) -> Result<Reply> {
        let is_create = matches!(request, Request::CreateTask { .. });
        let id = self.next_id();
        let mut reply = self.wait_for(id);
        self.step(Input::Request { id, request })?;
        if let Ok(Some(reply)) = reply.try_recv() {
            return Ok(reply);
        }
        if is_create {
            let timeout = Delay::from(Duration::from_millis(ANSWER_TIMEOUT));
            if let Either::Left((reply, _)) = select(&mut reply, pin!(timeout)).await {
                return reply.map_err(|_| "The reply is lost.".into());
            }
            self.step(Input::AnswerTimeout(id))?;
        }
        let unanswered = || worker::Error::from("The request was not answered.");
        reply.try_recv().map_err(|_| unanswered())?.ok_or_else(unanswered)
    }

    fn wait_for(&self, id: RequestId) -> Receiver<Reply> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(id, sender);
        receiver
    }

    fn subscribe(self: &Rc<Self>, caller: String, tasks: Vec<String>) -> Result<worker::Response> {
        let stream: StreamId = self.next_id();
        let object = self.clone();
        let (sender, response) = streams::open(move || {
            let was_open = object.streams.borrow_mut().remove(&stream).is_some();
            if was_open {
                // An error was logged, and closed all streams.
                let _ = object.step(Input::Unsubscribe(stream));
            }
        })?;
        self.streams.borrow_mut().insert(stream, sender);
        self.step(Input::Subscribe { stream, caller, tasks })?;
        Ok(response)
    }

    fn carry_out(self: &Rc<Self>, output: Output) {
        match output {
            // It was set in the transaction.
            Output::SetAlarm(_) => {}
            Output::Reply { id, reply } => {
                if let Some(sender) = self.waiting.borrow_mut().remove(&id) {
                    let _ = sender.send(reply);
                }
            }
            Output::Push { stream, message } => {
                if let Some(sender) = self.streams.borrow().get(&stream) {
                    // A reader that is gone is unsubscribed.
                    let _ = sender.unbounded_send(message);
                }
            }
            Output::CloseStream(stream) => {
                self.streams.borrow_mut().remove(&stream);
            }
            Output::LogEnd { job, state, recovered } => {
                log::line("ended", json!({ "job": job, "state": state, "recovered": recovered }));
            }
            output => {
                let object = self.clone();
                self.state.wait_until(async move {
                    if let Some(input) = object.send(output).await {
                        // An error was logged. The alarm comes again to what is left undone.
                        let _ = object.step(input);
                    }
                });
            }
        }
    }

    /// Carries out an output that reaches for the network, and what came of it.
    async fn send(&self, output: Output) -> Option<Input> {
        let settings = self.settings().ok()?;
        match output {
            Output::SendCreate { job, body } => {
                let result = upstream::create(&settings, &body, CREATE_TIMEOUT).await;
                let code = result.as_ref().ok().and_then(|reply| Some(reply.envelope()?.code));
                // Of what was made the end is logged.
                if code != Some(200) {
                    log::line("createTask", json!({ "job": job, "code": code }));
                }
                Some(Input::Created { job, result })
            }
            Output::PollTask { job, task } => {
                let result = upstream::poll(&settings, &task).await;
                Some(Input::Polled { job, task, result })
            }
            Output::Relay { job, url, body } => {
                let ok = relay::post(&url, &body).await;
                Some(Input::Relayed { job, ok })
            }
            Output::CopyResult { job, url } => {
                let ok = logged("copy", &job, results::copy(&self.env, &job, &url).await);
                Some(Input::Copied { job, ok })
            }
            Output::DeleteCopy { job } => {
                let ok = logged("delete", &job, results::delete(&self.env, &job).await);
                Some(Input::CopyDeleted { job, ok })
            }
            Output::SetAlarm(_)
            | Output::Reply { .. }
            | Output::Push { .. }
            | Output::CloseStream(_)
            | Output::LogEnd { .. } => None,
        }
    }
}

/// Whether it was done. Why not is logged.
fn logged(event: &str, job: &str, result: Result<()>) -> bool {
    if let Err(error) = &result {
        console_error!("{}", json!({ "event": event, "job": job, "error": error.to_string() }));
    }
    result.is_ok()
}
