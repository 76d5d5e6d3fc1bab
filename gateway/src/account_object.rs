//! The Durable Object of the account, of which there is one: plays [`Account`], and keeps the callers'
//! budgets, whose each task is, and the counters.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crisp_upscale_core::gateway::account::{Account, Budget, Told};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use worker::{
    DurableObject, Env, Request, RequestInit, Response, Result, ScheduledTime, State, Storage, console_error,
    durable_object,
};

use crate::job_object::now;
use crate::settings;

const ACCOUNT: &str = "account";
const COUNTERS: &str = "counters";

/// What jobs, and the owner, ask the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// A turn; with the caller's budget where the job was not counted yet.
    Turn { job: String, caller: String, budget: Option<u32> },
    /// The job's turn is over, with this code of the service's (0: no answer).
    End { job: String, code: i64 },
    /// Whether the task is the job's: the first to ask has it.
    Claim { job: String, task: String },
    /// The task's job is deleted.
    Forget { task: String },
    /// A job has ended in this state, and whether a callback found its task.
    Ended { state: String, recovered: bool },
    /// The counters.
    Counters,
}

/// Asks the account one thing.
pub(crate) async fn ask(env: &Env, ask: Ask) -> Result<Value> {
    Ok(ask_all(env, &[ask]).await?.pop().unwrap_or_default())
}

/// Asks the account several things at once; what it says to each.
pub(crate) async fn ask_all(env: &Env, asks: &[Ask]) -> Result<Vec<Value>> {
    let mut init = RequestInit::new();
    init.with_method(worker::Method::Post).with_body(Some(serde_json::to_string(asks)?.into()));
    let request = Request::new_with_init("https://account/", &init)?;
    env.durable_object("ACCOUNT")?.get_by_name(ACCOUNT)?.fetch_with_request(request).await?.json().await
}

/// The account.
#[durable_object(alarm)]
#[derive(Debug)]
pub struct AccountObject {
    object: Rc<Object>,
}

#[derive(Debug)]
struct Object {
    state: State,
    env: Env,
    memory: RefCell<Option<Memory>>,
}

#[derive(Debug)]
struct Memory {
    account: Account,
    counters: Counters,
}

/// What the owner may read. Numbers since the gateway was put up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Counters {
    /// Jobs that have ended, by how.
    ended: BTreeMap<String, u64>,
    /// The service's answers to createTask, by their code; 0 where none came.
    codes: BTreeMap<i64, u64>,
    /// Jobs whose reply was lost and whose task a callback found.
    recovered: u64,
}

impl DurableObject for AccountObject {
    fn new(state: State, env: Env) -> Self {
        AccountObject { object: Rc::new(Object { state, env, memory: RefCell::default() }) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        self.object.load().await?;
        let asks: Vec<Ask> = serde_json::from_str(&request.text().await?)?;
        let mut told = Vec::new();
        let mut changed = false;
        for ask in asks {
            changed |= matches!(ask, Ask::Turn { .. } | Ask::End { .. } | Ask::Ended { .. });
            told.push(self.object.answer(ask).await?);
        }
        if changed {
            self.object.store().await?;
        }
        Response::from_json(&told)
    }

    async fn alarm(&self) -> Result<Response> {
        self.object.load().await?;
        self.object.deal().await?;
        Response::empty()
    }
}

impl Object {
    async fn load(&self) -> Result<()> {
        if self.memory.borrow().is_some() {
            return Ok(());
        }
        let account: Option<String> = self.storage().get(ACCOUNT).await?;
        let counters: Option<String> = self.storage().get(COUNTERS).await?;
        let account = account.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default();
        let counters = counters.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default();
        self.memory.borrow_mut().get_or_insert(Memory { account, counters });
        Ok(())
    }

    fn storage(&self) -> Storage {
        self.state.storage()
    }

    /// What is in memory, changed, and then stored with the time of the next alarm.
    fn change<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> Result<T> {
        let mut memory = self.memory.borrow_mut();
        memory.as_mut().map(change).ok_or_else(|| "The account was not read.".into())
    }

    async fn store(&self) -> Result<()> {
        let (account, counters, alarm) = self.change(|Memory { account, counters }| {
            (
                serde_json::to_string(account),
                serde_json::to_string(counters),
                account.alarm(settings::rate(&self.env)),
            )
        })?;
        let storage = self.storage();
        let stored = try_join(storage.put(ACCOUNT, account?), storage.put(COUNTERS, counters?));
        if let Some(alarm) = alarm {
            let at = js_sys::Date::new(&(alarm as f64).into());
            try_join(stored, storage.set_alarm(ScheduledTime::new(at))).await?;
        } else {
            stored.await?;
        }
        Ok(())
    }

    async fn answer(&self, ask: Ask) -> Result<Value> {
        let rate = settings::rate(&self.env);
        Ok(match ask {
            Ask::Turn { job, caller, budget } => {
                if let Some(tasks_per_hour) = budget
                    && let Err(wait) = self.take_budget(&caller, tasks_per_hour).await?
                {
                    return Ok(json!({ "told": "over-budget", "wait": wait }));
                }
                match self.change(|memory| memory.account.ask(&caller, &job, rate, now()))? {
                    Told::Go => json!({ "told": "go" }),
                    Told::Queued => json!({ "told": "queued" }),
                    Told::Full(wait) => json!({ "told": "full", "wait": wait }),
                }
            }
            Ask::End { job, code } => {
                self.change(|memory| {
                    memory.account.end(&job, now());
                    *memory.counters.codes.entry(code).or_default() += 1;
                })?;
                Value::Null
            }
            Ask::Claim { job, task } => {
                let key = format!("task:{task}");
                let owner: Option<String> = self.storage().get(&key).await?;
                let ours = owner.is_none_or(|owner| owner == job);
                if ours {
                    self.storage().put(&key, &job).await?;
                }
                json!({ "ours": ours })
            }
            Ask::Forget { task } => {
                self.storage().delete(&format!("task:{task}")).await?;
                Value::Null
            }
            Ask::Ended { state, recovered } => {
                self.change(|Memory { counters, .. }| {
                    *counters.ended.entry(state).or_default() += 1;
                    counters.recovered += u64::from(recovered);
                })?;
                Value::Null
            }
            Ask::Counters => {
                self.change(|Memory { account, counters }| {
                    let Counters { ended, codes, recovered } = counters;
                    json!({ "ended": ended, "codes": codes, "recovered": recovered, "waiting": account.waiting() })
                })?
            }
        })
    }

    /// Counts a task of the caller's; or says in how many milliseconds there is room for another.
    async fn take_budget(&self, caller: &str, tasks_per_hour: u32) -> Result<std::result::Result<(), u64>> {
        let key = format!("budget:{caller}");
        let budget: Option<String> = self.storage().get(&key).await?;
        let mut budget: Budget =
            budget.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default();
        let taken = budget.take(tasks_per_hour, now());
        self.storage().put(&key, serde_json::to_string(&budget)?).await?;
        Ok(taken)
    }

    /// Calls the jobs whose turn it is.
    async fn deal(self: &Rc<Self>) -> Result<()> {
        let jobs = self.change(|memory| memory.account.deal(settings::rate(&self.env), now()))?;
        self.store().await?;
        for job in jobs {
            let object = self.clone();
            self.state.wait_until(async move {
                if let Err(error) = object.call(&job).await {
                    console_error!("{}", json!({ "event": "turn", "job": job, "error": error.to_string() }));
                }
            });
        }
        Ok(())
    }

    async fn call(&self, job: &str) -> Result<()> {
        self.env.durable_object("JOBS")?.get_by_name(job)?.fetch_with_str("https://job/turn").await?;
        Ok(())
    }
}
