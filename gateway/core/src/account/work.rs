//! What is due: createTasks whose slot has come, polls, relays, copies, erasure.

use serde_json::{Value, json};

use super::Account;
use super::requests::REFUSED;
use crate::ids;
use crate::job::{Effect, Job, Phase};
use crate::output::Output;
use crate::store::Result;
use crate::transaction::Transaction;

/// How many tasks are polled at a time: an invocation has six connections.
const MAX_POLLS: usize = 5;

/// After this a poll is in flight no longer, whatever became of its result; in milliseconds.
const POLL_TIMEOUT: u64 = 60_000;

/// How many jobs one alarm takes from the queue: an invocation has 50 requests at least.
const MAX_GRANTS: usize = 20;

/// How many budgets one alarm deletes.
const MAX_BUDGETS: usize = 20;

impl Account {
    pub(super) fn alarm_fired(&mut self, tx: &mut Transaction<'_>) -> Result<()> {
        self.alarm_at = None;
        self.work(tx)?;
        tx.store.delete_budgets(tx.now, MAX_BUDGETS)?;
        if self.refused > 0 {
            tx.store.count(REFUSED, self.refused)?;
            self.refused = 0;
        }
        tx.due_at = tx.store.next_due()?;
        Ok(())
    }

    /// Takes a bounded part of what is due.
    pub(super) fn work(&mut self, tx: &mut Transaction<'_>) -> Result<()> {
        for _ in 0..MAX_GRANTS {
            let Some(id) = self.queue.grant(tx.now) else { break };
            match tx.job(&id)? {
                Some(job) if job.is_queued() => self.send(tx, job)?,
                _ => self.queue.release(&id, tx.now),
            }
        }
        self.polls.retain(|_, since| since.saturating_add(POLL_TIMEOUT) > tx.now);
        let room = MAX_POLLS.saturating_sub(self.polls.len());
        for row in tx.store.due_jobs(tx.now, room)? {
            let job = Job::of_row(&row)?;
            self.update(tx, Some(&job), job.clone(), Vec::new())?;
        }
        for id in self.progress.take_due(tx.now) {
            if self.may_poll() {
                self.poll_progress(tx, &id)?;
            }
        }
        self.has_backlog = tx.store.next_due()?.is_some_and(|at| at <= tx.now);
        Ok(())
    }

    /// Whether another task may be polled.
    pub(super) fn may_poll(&self) -> bool {
        self.polls.len() < MAX_POLLS
    }

    /// Polls a task that is under way, for those who watch it.
    fn poll_progress(&mut self, tx: &mut Transaction<'_>, id: &str) -> Result<()> {
        let Some(job) = tx.job(id)? else { return Ok(()) };
        match &job.phase {
            Phase::Made { task, .. } if !self.polls.contains_key(id) => {
                self.effect(tx, &job, Effect::Poll(task.clone()))
            }
            _ => Ok(()),
        }
    }

    /// A job's createTask leaves. It is stored as sent before.
    pub(super) fn send(&mut self, tx: &mut Transaction<'_>, mut job: Job) -> Result<()> {
        let secret = ids::callback_secret(tx.random_for(&job.id));
        job.send(ids::callback_hash(&secret), tx.now, &self.settings);
        tx.put(&job, &self.settings)?;
        let body = self.create_body(&job, &secret).to_string();
        tx.outputs.push(Output::SendCreate { job: job.id, body });
        Ok(())
    }

    fn create_body(&self, job: &Job, secret: &str) -> Value {
        let mut body = json!({ "model": job.order.model, "input": { "image": job.order.image } });
        if let (true, Some(fields)) = (self.settings.callbacks, body.as_object_mut()) {
            let origin = self.settings.public_url.as_ref().unwrap_or(&job.base);
            let url = format!("{origin}/callback/{}/{secret}", job.id);
            fields.insert("callBackUrl".to_owned(), url.into());
        }
        body
    }

    /// Deletes a job. An attempt as old as it may be forgotten from now on.
    pub(super) fn erase(&mut self, tx: &mut Transaction<'_>, job: &Job) -> Result<()> {
        tx.store.delete_job(&job.id)?;
        let since = tx.store.remembers_since()?.unwrap_or_default();
        if job.created_at > since {
            tx.store.put_remembers_since(job.created_at)?;
        }
        Ok(())
    }
}
