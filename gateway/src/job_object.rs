//! The Durable Object of one job: plays [`Job`]. It stores what the rule says and only then
//! does what it says, so whatever cuts it off, what is stored says what may have happened.

use std::cell::{Cell, OnceCell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use crisp_upscale_core::gateway::account::{FULL, OVER_BUDGET};
use crisp_upscale_core::gateway::ids;
use crisp_upscale_core::gateway::job::{ANSWER_PATIENCE, Answer, CREATE_PATIENCE, Effect, Event, Job, Order};
use crisp_upscale_core::limiter::Rate;
use futures_channel::mpsc::{Receiver, Sender, channel};
use futures_util::future::{Either, select, try_join};
use futures_util::{StreamExt, stream};
use js_sys::{decode_uri_component, encode_uri_component};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use worker::{
    Date, Delay, DurableObject, Env, Method, Request, RequestInit, Response, Result, ScheduledTime, State,
    console_error, durable_object,
};

use crate::account_object::{self, Ask};
use crate::record::{self, missing};
use crate::settings::{self, Settings};
use crate::{log, random, relay, results, upstream};

/// Under which key the job is stored.
const KEPT: &str = "job";

/// What is stored of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    /// Its id, which is the object's name.
    id: String,
    /// The gateway's own origin, as its caller and the service reach it.
    base: String,
    /// How many tasks its caller may make in an hour.
    tasks_per_hour: Option<u32>,
    job: Job,
}

/// What a createTask asks of the object.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Create {
    pub(crate) id: String,
    pub(crate) base: String,
    pub(crate) tasks_per_hour: Option<u32>,
    pub(crate) order: Order,
}

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Told {
    /// The job is the caller's task.
    Made,
    /// Nothing was made: code, words, and how many milliseconds to wait where that helps.
    Refused(i64, String, Option<u64>),
    /// The key is that of another order.
    Conflict(String),
}

/// A callback whose form and signature are right.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Called {
    pub(crate) secret_hash: String,
    pub(crate) tasks: Vec<String>,
}

/// One job.
#[durable_object(alarm)]
#[derive(Debug)]
pub struct JobObject {
    object: Rc<Object>,
}

#[derive(Debug)]
struct Object {
    state: State,
    env: Env,
    /// What is stored, once it was read.
    kept: RefCell<Option<Kept>>,
    was_read: Cell<bool>,
    settings: OnceCell<Settings>,
    /// When the alarm is set to ring, in Unix milliseconds, as far as it is known.
    rings_at: Cell<Option<u64>>,
    /// Those whose createTask waits for an answer, and those who listen: told when the record changes.
    listeners: RefCell<Vec<Sender<()>>>,
}

impl DurableObject for JobObject {
    fn new(state: State, env: Env) -> Self {
        let (kept, was_read, settings, rings_at, listeners) = Default::default();
        JobObject { object: Rc::new(Object { state, env, kept, was_read, settings, rings_at, listeners }) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let object = &self.object;
        object.load().await?;
        // A header holds no other characters, a caller's name may.
        let caller = request.headers().get("caller")?.unwrap_or_default();
        let caller = decode_uri_component(&caller).map(String::from)?;
        match request.path().as_str() {
            "/create" => {
                Response::from_json(&object.create(serde_json::from_str(&request.text().await?)?).await?)
            }
            "/turn" => object.turn().await,
            "/called" => object.called(serde_json::from_str(&request.text().await?)?).await,
            "/record" => Response::from_json(&object.envelope(&caller).unwrap_or(Value::Null)),
            "/events" => object.events(caller),
            "/result" => {
                let record = object.kept().map(|kept| kept.job.record());
                Response::from_json(&record.and_then(|record| Some((record.url?, record.copied))))
            }
            _ => Response::error("", 404),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.object.rings_at.set(None);
        self.object.load().await?;
        self.object.tell(Event::Woken, None).await?;
        Response::empty()
    }
}

impl Object {
    /// Reads what is stored, once. Nothing else is delivered to the object meanwhile.
    async fn load(self: &Rc<Self>) -> Result<()> {
        if self.was_read.get() {
            return Ok(());
        }
        let stored: Option<String> = self.state.storage().get(KEPT).await?;
        if self.was_read.replace(true) {
            return Ok(());
        }
        *self.kept.borrow_mut() = stored.map(|text| serde_json::from_str(&text)).transpose()?;
        self.tell(Event::Loaded, None).await
    }

    /// The job, if there is one.
    fn kept(&self) -> Option<Kept> {
        self.kept.borrow().clone()
    }

    fn settings(&self) -> Result<&Settings> {
        if let Some(settings) = self.settings.get() {
            return Ok(settings);
        }
        let settings = settings::read(&self.env).map_err(|_| "The settings are gone.")?;
        Ok(self.settings.get_or_init(|| settings))
    }

    /// Tells the job what happened, stores it, and begins what it says is to be done. `secret`: that of the
    /// callback, on the way from a turn to its createTask.
    async fn tell(self: &Rc<Self>, event: Event<Value>, secret: Option<String>) -> Result<()> {
        let rules = self.settings()?.rules;
        let (effects, changed, alarm) = match &mut *self.kept.borrow_mut() {
            Some(kept) => {
                let before = kept.job.clone();
                let effects = kept.job.handle(event, now(), rules);
                (effects, kept.job != before, kept.job.alarm(rules))
            }
            None => return Ok(()),
        };
        let stored = async { if changed { self.store().await } else { Ok(()) } };
        try_join(stored, self.ring(alarm)).await?;
        self.begin_all(effects, secret);
        Ok(())
    }

    async fn store(&self) -> Result<()> {
        self.state.storage().put(KEPT, serde_json::to_string(&self.kept())?).await
    }

    /// Sets the alarm, unless it rings before: the job has nothing to do then, and it is set anew.
    async fn ring(&self, at: u64) -> Result<()> {
        if self.rings_at.get().is_some_and(|rings_at| rings_at <= at) {
            return Ok(());
        }
        self.rings_at.set(Some(at));
        let date = js_sys::Date::new(&(at as f64).into());
        self.state.storage().set_alarm(ScheduledTime::new(date)).await
    }

    /// Begins what is to be done.
    fn begin_all(self: &Rc<Self>, effects: Vec<Effect>, secret: Option<String>) {
        for effect in effects {
            let (object, secret) = (self.clone(), secret.clone());
            self.state.wait_until(async move {
                if let Err(error) = object.play(effect, secret).await {
                    // The alarm comes again to whatever is left undone.
                    console_error!("{}", json!({ "event": "failed", "error": error.to_string() }));
                }
            });
        }
    }

    async fn play(self: &Rc<Self>, effect: Effect, secret: Option<String>) -> Result<()> {
        let Some(Kept { id, base, tasks_per_hour, job }) = self.kept() else { return Ok(()) };
        let settings = self.settings()?;
        match effect {
            Effect::AskTurn(first) => {
                let caller = job.order.caller;
                let budget = tasks_per_hour.filter(|_| first);
                if budget.is_none() && settings::rate(&self.env) == Rate::UNLIMITED {
                    return self.begin().await;
                }
                let told = account_object::ask(&self.env, &Ask::Turn { job: id, caller, budget }).await;
                match told.as_ref().ok().and_then(|told| told.get("told")).and_then(Value::as_str) {
                    Some("go") => self.begin().await,
                    Some("queued") => self.tell(Event::Queued, None).await,
                    Some(word) => {
                        let words = if word == "full" { FULL } else { OVER_BUDGET };
                        let wait = told.as_ref().ok().and_then(|told| told.get("wait")?.as_u64());
                        self.tell(Event::Denied(words, wait.unwrap_or_default()), None).await
                    }
                    None => self.tell(Event::Unasked, None).await,
                }
            }
            Effect::Create => {
                let secret = secret.filter(|_| settings.rules.callbacks);
                let public = settings::text(&self.env, "PUBLIC_URL").unwrap_or(base);
                let public = public.trim_end_matches('/');
                let url = secret.map(|secret| format!("{public}/callback/{id}/{secret}"));
                let Order { model, image, .. } = &job.order;
                let came = upstream::create(settings, model, image, url, CREATE_PATIENCE).await;
                let code = came.as_ref().ok().and_then(|reply| Some(reply.envelope()?.code));
                log::line("createTask", json!({ "job": id, "code": code }));
                self.tell(Event::Created(came), None).await
            }
            Effect::EndTurn(code, task) => {
                account_object::ask(&self.env, &Ask::End { job: id, code, task }).await?;
                Ok(())
            }
            Effect::Claim(task) => {
                let told =
                    account_object::ask(&self.env, &Ask::Claim { job: id, task: task.clone() }).await?;
                let ours = told.get("ours").and_then(Value::as_bool).unwrap_or_default();
                self.tell(Event::Claimed(task, ours), None).await
            }
            Effect::Look(task) => {
                let came = upstream::look(settings, &task).await;
                self.tell(Event::Looked(task, came), None).await
            }
            Effect::Tell => {
                // One that has not heard of the last change yet reads this one with it.
                self.listeners.borrow_mut().retain_mut(|listener| match listener.try_send(()) {
                    Ok(()) => true,
                    Err(error) => error.is_full(),
                });
                Ok(())
            }
            Effect::Ended(state, recovered) => {
                log::line("ended", json!({ "job": id, "state": state, "recovered": recovered }));
                account_object::ask(&self.env, &Ask::Ended { state: state.to_owned(), recovered }).await?;
                Ok(())
            }
            Effect::Relay(url) => {
                let envelope = record::record(settings, &id, &base, &job);
                let done = relay::post(&url, &envelope).await;
                self.tell(Event::Relayed(done), None).await
            }
            Effect::Copy(url) => {
                let done = results::copy(&self.env, &id, &url).await;
                if let Err(error) = &done {
                    console_error!("{}", json!({ "event": "copy", "job": id, "error": error.to_string() }));
                }
                self.tell(Event::Copied(done.is_ok()), None).await
            }
            Effect::Erase(task) => {
                results::delete(&self.env, &id).await?;
                if let Some(task) = task {
                    account_object::ask(&self.env, &Ask::Forget { task }).await?;
                }
                *self.kept.borrow_mut() = None;
                // Or a job of the same key that comes before this object is unloaded would be set no alarm.
                self.rings_at.set(None);
                self.state.storage().delete_alarm().await?;
                self.state.storage().delete_all().await
            }
        }
    }

    /// Takes the turn, with a new secret for the callback.
    async fn begin(self: &Rc<Self>) -> Result<()> {
        let secret = ids::callback_secret(random::bytes()?);
        self.tell(Event::Turn(ids::callback_hash(&secret)), Some(secret)).await
    }

    /// The account calls: it is this job's turn.
    async fn turn(self: &Rc<Self>) -> Result<Response> {
        self.begin().await?;
        Response::empty()
    }

    async fn create(self: &Rc<Self>, create: Create) -> Result<Told> {
        let Create { id, base, tasks_per_hour, order } = create;
        let effects = match &mut *self.kept.borrow_mut() {
            Some(kept) => match kept.job.again(&order, now()) {
                Ok(effects) => {
                    kept.tasks_per_hour = tasks_per_hour;
                    effects
                }
                Err(sentence) => return Ok(Told::Conflict(sentence.to_owned())),
            },
            none => {
                let (job, effects) = Job::new(order, now());
                *none = Some(Kept { id, base, tasks_per_hour, job });
                effects
            }
        };
        // Before the first await, so that nothing it waits for is missed.
        let mut changes = self.listen();
        // Nothing is stored yet: it is with the turn, or the place in the queue, and before anything is sent.
        self.begin_all(effects, None);
        let answered = async {
            loop {
                match self.kept().and_then(|kept| kept.job.answer()) {
                    Some(answer) => return answer,
                    None if changes.next().await.is_none() => return Answer::Made,
                    None => {}
                }
            }
        };
        let patience = Delay::from(Duration::from_millis(ANSWER_PATIENCE));
        Ok(match select(pin!(answered), pin!(patience)).await {
            Either::Left((Answer::Refused(code, words, wait), _)) => Told::Refused(code, words, wait),
            Either::Left((Answer::Made, _)) | Either::Right(_) => Told::Made,
        })
    }

    /// Takes a callback. It is worked off by the alarm, which comes at once.
    async fn called(self: &Rc<Self>, Called { secret_hash, tasks }: Called) -> Result<Response> {
        let taken = self.kept().is_some_and(|kept| kept.job.takes_call(&secret_hash, &tasks));
        self.tell(Event::Called(secret_hash, tasks), None).await?;
        Response::from_json(&taken)
    }

    /// What recordInfo answers its caller; `None` to everybody else.
    fn envelope(&self, caller: &str) -> Option<Value> {
        let Kept { id, base, job, .. } = self.kept().filter(|kept| kept.job.order.caller == caller)?;
        Some(record::record(self.settings().ok()?, &id, &base, &job))
    }

    fn listen(&self) -> Receiver<()> {
        let (sender, receiver) = channel(0);
        self.listeners.borrow_mut().push(sender);
        receiver
    }

    /// The present state and every change, a line of JSON each, until the job has ended.
    fn events(self: &Rc<Self>, caller: String) -> Result<Response> {
        let changes = self.listen();
        let lines = stream::unfold((self.clone(), Some((changes, false))), move |(object, listening)| {
            let caller = caller.clone();
            async move {
                let (mut changes, begun) = listening?;
                if begun {
                    changes.next().await?;
                }
                let envelope = object.envelope(&caller);
                let goes_on = object.kept().is_some_and(|kept| !kept.job.has_ended()) && envelope.is_some();
                let line = format!("{}\n", envelope.unwrap_or(Value::Null));
                Some((Ok::<_, worker::Error>(line), (object, goes_on.then_some((changes, true)))))
            }
        });
        Response::from_stream(lines)
    }
}

/// Asks a job's object; `id` is an id of ours.
async fn ask(env: &Env, id: &str, path: &str, caller: &str, body: Option<String>) -> Result<Response> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(body.map(Into::into));
    init.headers.set("caller", &String::from(encode_uri_component(caller)))?;
    let request = Request::new_with_init(&format!("https://job{path}"), &init)?;
    env.durable_object("JOBS")?.get_by_name(id)?.fetch_with_request(request).await
}

/// Tells a job something, and what it says to that.
pub(crate) async fn tell<T: DeserializeOwned>(
    env: &Env,
    id: &str,
    path: &str,
    body: &impl Serialize,
) -> Result<T> {
    ask(env, id, path, "", Some(serde_json::to_string(body)?)).await?.json().await
}

/// What recordInfo answers this caller.
pub(crate) async fn record(env: &Env, id: &str, caller: &str) -> Result<Value> {
    if !ids::is_job_id(id) {
        return Ok(missing());
    }
    let envelope: Value = ask(env, id, "/record", caller, None).await?.json().await?;
    Ok(if envelope.is_null() { missing() } else { envelope })
}

/// The record and its changes, a line each; `None` where the id is none of ours.
pub(crate) async fn events(env: &Env, id: &str, caller: &str) -> Result<Option<Response>> {
    if !ids::is_job_id(id) {
        return Ok(None);
    }
    ask(env, id, "/events", caller, None).await.map(Some)
}

/// The service's URL of the result, and whether it was copied.
pub(crate) async fn result(env: &Env, id: &str) -> Result<Option<(String, bool)>> {
    ask(env, id, "/result", "", None).await?.json().await
}

/// Unix milliseconds.
pub(crate) fn now() -> u64 {
    Date::now().as_millis()
}
