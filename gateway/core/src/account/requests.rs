//! Requests of the Worker's.

use std::collections::BTreeMap;

use crisp_upscale_core::sse;
use serde_json::{Value, json};

use super::{Account, reply};
use crate::budget::{Budget, OVER_BUDGET};
use crate::ids;
use crate::input::{RequestId, StreamId};
use crate::job::Job;
use crate::order::Order;
use crate::output::Output;
use crate::protocol::{Reply, Request, ResultFile};
use crate::queue::FULL;
use crate::record;
use crate::store::{BudgetRow, Result};
use crate::transaction::Transaction;

/// The counter of createTasks that were refused, by the service or by the gateway.
pub(super) const REFUSED: &str = "ended:refused";

impl Account {
    pub(super) fn request(
        &mut self,
        tx: &mut Transaction<'_>,
        id: RequestId,
        request: Request,
    ) -> Result<()> {
        let reply = match request {
            Request::CreateTask { job, key_hash, order, base, tasks_per_hour } => {
                let known = tx.job(&job)?;
                let new = Job::new(job, key_hash, base, order, tx.now);
                self.create(tx, id, known, new, tasks_per_hour)?
            }
            Request::RecordInfo { caller, job } => Some(self.record_info(tx, &caller, &job)?),
            Request::FindAttempt { job, key_hash } => Some(find_attempt(tx, &job, &key_hash)?),
            Request::Callback { job, secret, tasks } => Some(self.callback(tx, &job, &secret, tasks)?),
            Request::Result { job } => {
                let job = tx.job(&job)?;
                let file = job.as_ref().and_then(|job| {
                    Some(ResultFile { url: job.result_url()?.to_owned(), copied: job.copied })
                });
                Some(Reply::Result(file))
            }
            Request::Passphrase { right } => {
                Some(Reply::Passphrase { retry_after: self.throttle.check(right, tx.now).err() })
            }
            Request::Counters => Some(Reply::Counters(self.counters(tx)?)),
        };
        tx.outputs.extend(reply.map(|reply| Output::Reply { id, reply }));
        Ok(())
    }

    /// A createTask. `None` where its reply comes later.
    fn create(
        &mut self,
        tx: &mut Transaction<'_>,
        id: RequestId,
        known: Option<Job>,
        new: Job,
        tasks_per_hour: Option<u32>,
    ) -> Result<Option<Reply>> {
        let job = match known {
            Some(known) if !known.is_of(&new.order) => {
                let message = "This Idempotency-Key was used for another image. Use another key.";
                return Ok(Some(Reply::Conflict(message.to_owned())));
            }
            // Only after a refusal nothing was made, so that the order may be sent once more.
            Some(known) if known.was_refused() => known.reordered(new.order, tx.now),
            Some(known) => return Ok(self.wait_for(id, &known)),
            None => new,
        };
        let Order { caller, .. } = &job.order;
        let budget = match tasks_per_hour {
            Some(tasks_per_hour) => match take_budget(tx, caller, tasks_per_hour)? {
                Ok(budget) => Some(budget),
                Err(wait) => return Ok(Some(self.refuse(OVER_BUDGET, wait))),
            },
            None => None,
        };
        // What is refused here leaves nothing behind.
        if self.queue.acquire(&job.id, tx.now) {
            self.waiting.entry(job.id.clone()).or_default().push(id);
            self.send(tx, job)?;
        } else if self.queue.is_full(caller) {
            return Ok(Some(self.refuse(FULL, self.settings.rate.window)));
        } else {
            self.queue.push(caller, job.id.clone());
            self.waiting.entry(job.id.clone()).or_default().push(id);
            tx.put(&job, &self.settings)?;
        }
        if let Some(budget) = budget {
            tx.store.put_budget(&budget)?;
            tx.note_due(Some(budget.over_at));
        }
        Ok(None)
    }

    fn refuse(&mut self, message: &str, wait: u64) -> Reply {
        self.refused += 1;
        Reply::Refused { code: 429, message: message.to_owned(), retry_after: Some(wait) }
    }

    /// The reply to a createTask of a job that is known; `None` while that is not known.
    fn wait_for(&mut self, id: RequestId, job: &Job) -> Option<Reply> {
        let reply = job.answer().map(|answer| reply(job, answer));
        if reply.is_none() {
            self.waiting.entry(job.id.clone()).or_default().push(id);
        }
        reply
    }

    /// A createTask has waited for long enough. Its job goes on, so that it is the caller's task.
    pub(super) fn answer_timeout(&mut self, tx: &mut Transaction<'_>, id: RequestId) {
        for (job, waiting) in &mut self.waiting {
            if let Some(place) = waiting.iter().position(|other| *other == id) {
                waiting.swap_remove(place);
                tx.outputs.push(Output::Reply { id, reply: Reply::Created(record::created(job)) });
            }
        }
        self.waiting.retain(|_, waiting| !waiting.is_empty());
    }

    fn record_info(&mut self, tx: &mut Transaction<'_>, caller: &str, job: &str) -> Result<Reply> {
        let job = tx.job(job)?.filter(|job| job.order.caller == caller);
        let Some(job) = job else { return Ok(Reply::Record(record::missing())) };
        self.watch(&job, tx.now);
        Ok(Reply::Record(record::of(&job, &self.settings)))
    }

    fn callback(
        &mut self,
        tx: &mut Transaction<'_>,
        id: &str,
        secret: &str,
        tasks: Vec<String>,
    ) -> Result<Reply> {
        let known = tx.job(id)?.filter(|job| job.takes_callback(&ids::callback_hash(secret), &tasks));
        let Some(before) = known else { return Ok(Reply::Callback { taken: false }) };
        let mut job = before.clone();
        job.called(tasks, self.polls.contains_key(id), tx.now);
        self.update(tx, Some(&before), job, Vec::new())?;
        Ok(Reply::Callback { taken: true })
    }

    /// A stream is opened: the present record of each task, and every change until all have ended.
    pub(super) fn subscribe(
        &mut self,
        tx: &mut Transaction<'_>,
        stream: StreamId,
        caller: &str,
        tasks: Vec<String>,
    ) -> Result<()> {
        for task in tasks {
            let job = tx.job(&task)?.filter(|job| job.order.caller == caller);
            let record = job.as_ref().map_or_else(record::missing, |job| record::of(job, &self.settings));
            tx.outputs.push(Output::Push { stream, message: sse::event(&task, &record.to_string()) });
            if let Some(job) = job.filter(|job| !job.has_ended()) {
                self.streams.subscribe(stream, &job.id);
                self.watch(&job, tx.now);
            }
        }
        if !self.streams.is_open(stream) {
            tx.outputs.push(Output::CloseStream(stream));
        }
        Ok(())
    }

    fn counters(&self, tx: &mut Transaction<'_>) -> Result<Value> {
        let mut counters = tx.store.counters()?;
        if self.refused > 0 {
            *counters.entry(REFUSED.to_owned()).or_default() += self.refused;
        }
        let under = |prefix: &str| -> BTreeMap<String, u64> {
            let names =
                counters.iter().filter_map(|(name, count)| Some((name.strip_prefix(prefix)?, *count)));
            names.map(|(name, count)| (name.to_owned(), count)).collect()
        };
        let recovered = counters.get("recovered").copied().unwrap_or_default();
        Ok(json!({
            "ended": under("ended:"),
            "codes": under("code:"),
            "recovered": recovered,
            "waiting": self.queue.len(),
        }))
    }
}

/// Counts a task of the caller's, to be stored where it is ordered; or says in how many milliseconds there is room.
fn take_budget(
    tx: &mut Transaction<'_>,
    caller: &str,
    tasks_per_hour: u32,
) -> Result<std::result::Result<BudgetRow, u64>> {
    let row = tx.store.budget(caller)?;
    let mut budget: Budget = match row {
        Some(row) => serde_json::from_str(&row.budget)?,
        None => Budget::default(),
    };
    if let Err(wait) = budget.take(tasks_per_hour, tx.now) {
        return Ok(Err(wait));
    }
    let (over_at, budget) = (budget.over_at(), serde_json::to_string(&budget)?);
    Ok(Ok(BudgetRow { caller: caller.to_owned(), over_at, budget }))
}

/// What became of the createTask with an `Idempotency-Key`. "Never arrived" holds for what left after the store's memory
/// begins, and where no other caller used the key.
fn find_attempt(tx: &mut Transaction<'_>, job: &str, key_hash: &str) -> Result<Reply> {
    let data = if tx.store.job(job)?.is_some() {
        json!({ "taskId": job })
    } else if tx.store.has_key(key_hash)? {
        json!({ "taskId": null })
    } else {
        let since = tx.store.remembers_since()?.unwrap_or(tx.now);
        json!({ "taskId": null, "arrived": false, "remembersFor": tx.now.saturating_sub(since) })
    };
    Ok(Reply::Attempt(record::envelope(200, "success", &data)))
}
