//! The Durable Object of the account, of which there is one: plays [`Account`], and keeps the callers'
//! budgets, whose each task is, and the counters.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crisp_upscale_core::gateway::account::{Account, Budget, Told, Tries};
use crisp_upscale_core::job::Instant;
use crisp_upscale_core::limiter::Rate;
use futures_util::future::try_join;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use worker::{
    DurableObject, Env, ListOptions, Request, RequestInit, Response, Result, ScheduledTime, State, Storage,
    console_error, durable_object,
};

use crate::entries::Entries;
use crate::job_object::now;
use crate::settings;

const ACCOUNT: &str = "account";
const COUNTERS: &str = "counters";

/// What the keys of budgets begin with.
const BUDGETS: &str = "budget:";

/// How long budgets that count nothing any more may lie about, in milliseconds.
const SWEEP: u64 = 3_600_000;

/// What jobs, and the owner, ask the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// A turn; with the caller's budget where the job was not counted yet.
    Turn { job: String, caller: String, budget: Option<u32> },
    /// The job's turn is over, with this code of the service's (0: no answer) and the task that was made.
    End { job: String, code: i64, task: Option<String> },
    /// Whether the task is the job's: the first to ask has it.
    Claim { job: String, task: String },
    /// The task's job is deleted.
    Forget { task: String },
    /// A job has ended in this state, and whether a callback found its task.
    Ended { state: String, recovered: bool },
    /// Whether a passphrase, which is right or not, is heard.
    Passphrase { right: bool },
    /// The counters.
    Counters,
}

/// Asks the account.
pub(crate) async fn ask(env: &Env, ask: &Ask) -> Result<Value> {
    let mut init = RequestInit::new();
    init.with_method(worker::Method::Post).with_body(Some(serde_json::to_string(ask)?.into()));
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
    /// When the alarm is set to ring, in Unix milliseconds, as far as it is known.
    rings_at: Cell<Option<Instant>>,
}

#[derive(Debug)]
struct Memory {
    account: Account,
    counters: Counters,
    /// Not stored: who waits until an object is forgotten has waited as long.
    tries: Tries,
    /// When to look for budgets that can be forgotten; not while there are none.
    sweep_at: Option<Instant>,
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
        AccountObject {
            object: Rc::new(Object { state, env, memory: RefCell::default(), rings_at: Cell::default() }),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        self.object.load().await?;
        let told = self.object.answer(serde_json::from_str(&request.text().await?)?).await?;
        Response::from_json(&told)
    }

    async fn alarm(&self) -> Result<Response> {
        self.object.rings_at.set(None);
        self.object.load().await?;
        self.object.sweep().await?;
        self.object.deal().await?;
        Response::empty()
    }
}

impl Object {
    async fn load(&self) -> Result<()> {
        if self.memory.borrow().is_some() {
            return Ok(());
        }
        let account = self.get(ACCOUNT).await?.unwrap_or_default();
        let counters = self.get(COUNTERS).await?.unwrap_or_default();
        // Budgets of before, if there are any, are looked at in time.
        let sweep_at = Some(now() + SWEEP);
        self.memory.borrow_mut().get_or_insert(Memory {
            account,
            counters,
            tries: Tries::default(),
            sweep_at,
        });
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

    /// Stores the account and what else is to be, and the time of the next alarm.
    ///
    /// Nobody waits until it is on the disk: what a breakdown takes of it is a few counts of the last
    /// milliseconds, and what the queue forgets, its jobs ask for again.
    async fn store(&self, entries: Entries) -> Result<()> {
        let rate = settings::rate(&self.env);
        let alarm = self.change(|Memory { account, counters, sweep_at, .. }| {
            if rate != Rate::UNLIMITED {
                entries.set(ACCOUNT, account)?;
            }
            entries.set(COUNTERS, counters)?;
            Ok::<_, worker::Error>(account.alarm(rate).into_iter().chain(*sweep_at).min())
        })??;
        let storage = self.storage();
        try_join(entries.put(&storage), self.ring(&storage, alarm)).await?;
        Ok(())
    }

    /// Sets the alarm, unless it rings before: there is nothing to do then, and it is set anew.
    async fn ring(&self, storage: &Storage, at: Option<Instant>) -> Result<()> {
        let Some(at) = at.filter(|at| self.rings_at.get().is_none_or(|rings_at| *at < rings_at)) else {
            return Ok(());
        };
        self.rings_at.set(Some(at));
        storage.set_alarm(ScheduledTime::new(js_sys::Date::new(&(at as f64).into()))).await
    }

    async fn answer(self: &Rc<Self>, ask: Ask) -> Result<Value> {
        let rate = settings::rate(&self.env);
        let entries = Entries::default();
        let told = match ask {
            Ask::Turn { job, caller, budget } => {
                if let Some(tasks_per_hour) = budget
                    && let Err(wait) = self.take_budget(&caller, tasks_per_hour, &entries).await?
                {
                    return Ok(json!({ "told": "over-budget", "wait": wait }));
                }
                match self.change(|memory| memory.account.ask(&caller, &job, rate, now()))? {
                    Told::Go => json!({ "told": "go" }),
                    Told::Queued => json!({ "told": "queued" }),
                    // Nothing was ordered, so the budget is stored as it was.
                    Told::Full(wait) => return Ok(json!({ "told": "full", "wait": wait })),
                }
            }
            Ask::End { job, code, task } => {
                self.change(|memory| {
                    memory.account.end(&job, now());
                    *memory.counters.codes.entry(code).or_default() += 1;
                })?;
                if let Some(task) = task {
                    entries.set(&owner_of(&task), &job)?;
                }
                Value::Null
            }
            Ask::Claim { job, task } => {
                let owner: Option<String> = self.get(&owner_of(&task)).await?;
                let ours = owner.is_none_or(|owner| owner == job);
                if ours {
                    entries.set(&owner_of(&task), &job)?;
                }
                json!({ "ours": ours })
            }
            Ask::Forget { task } => {
                self.storage().delete(&owner_of(&task)).await?;
                return Ok(Value::Null);
            }
            Ask::Ended { state, recovered } => {
                self.change(|Memory { counters, .. }| {
                    *counters.ended.entry(state).or_default() += 1;
                    counters.recovered += u64::from(recovered);
                    entries.set(COUNTERS, counters)
                })??;
                // The queue has not changed, and may be long.
                entries.put(&self.storage()).await?;
                return Ok(Value::Null);
            }
            Ask::Passphrase { right } => {
                let heard = self.change(|memory| memory.tries.hear(right, now()))?;
                return Ok(json!({ "wait": heard.err() }));
            }
            Ask::Counters => {
                return self.change(|Memory { account, counters, .. }| {
                    let Counters { ended, codes, recovered } = counters;
                    json!({ "ended": ended, "codes": codes, "recovered": recovered, "waiting": account.waiting() })
                });
            }
        };
        self.store(entries).await?;
        Ok(told)
    }

    async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let text: Option<String> = self.storage().get(key).await?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Counts a task of the caller's; or says in how many milliseconds there is room for another.
    async fn take_budget(
        &self,
        caller: &str,
        tasks_per_hour: u32,
        entries: &Entries,
    ) -> Result<std::result::Result<(), u64>> {
        let key = format!("{BUDGETS}{caller}");
        let mut budget: Budget = self.get(&key).await?.unwrap_or_default();
        let taken = budget.take(tasks_per_hour, now());
        entries.set(&key, &budget)?;
        self.change(|memory| *memory.sweep_at.get_or_insert(now() + SWEEP))?;
        Ok(taken)
    }

    /// Forgets the budgets that count nothing any more.
    async fn sweep(&self) -> Result<()> {
        let due = self.change(|memory| memory.sweep_at.take_if(|at| *at <= now()).is_some())?;
        if !due {
            return Ok(());
        }
        let budgets = self.storage().list_with_options(ListOptions::new().prefix(BUDGETS)).await?;
        for key in budgets.keys() {
            let key = key?.as_string().unwrap_or_default();
            let budget: Budget = self.get(&key).await?.unwrap_or_default();
            if budget.is_over(now()) {
                self.storage().delete(&key).await?;
            } else {
                self.change(|memory| *memory.sweep_at.get_or_insert(now() + SWEEP))?;
            }
        }
        Ok(())
    }

    /// Calls the jobs whose turn it is.
    async fn deal(self: &Rc<Self>) -> Result<()> {
        let jobs = self.change(|memory| memory.account.deal(settings::rate(&self.env), now()))?;
        self.store(Entries::default()).await?;
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

/// The key of whose task this is.
fn owner_of(task: &str) -> String {
    format!("task:{task}")
}
