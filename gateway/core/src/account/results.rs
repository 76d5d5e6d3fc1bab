//! What came of requests to the service, and of relays and copies.

use crisp_upscale_core::task::Instant;

use super::Account;
use crate::input::UpstreamResult;
use crate::job::{Creation, Job, Outcome, Verified};
use crate::store::Result;
use crate::transaction::Transaction;

impl Account {
    pub(super) fn created(
        &mut self,
        tx: &mut Transaction<'_>,
        id: &str,
        result: &UpstreamResult,
    ) -> Result<()> {
        let Creation { code, mut outcome } = Creation::read(result);
        self.queue.release(id, tx.now);
        tx.store.count(&format!("code:{code}"), 1)?;
        let Some(before) = tx.job(id)? else { return Ok(()) };
        if let Outcome::Made(task) = &outcome
            && before.awaits_outcome()
            && let Some(owner) = tx.other_owner(task, id)?
        {
            if owner.recovered {
                self.unbind(tx, owner)?;
            } else {
                // The service gave one task to two createTasks. Whether it made another, only a callback can tell.
                outcome = Outcome::Lost;
            }
        }
        let mut job = before.clone();
        let effects = job.created(outcome, tx.now, &self.settings);
        self.update(tx, Some(&before), job, effects)
    }

    /// The reply to a job's own createTask outweighs a callback that named its task to another job.
    fn unbind(&mut self, tx: &mut Transaction<'_>, owner: Job) -> Result<()> {
        let mut job = owner.clone();
        let effects = job.unbind();
        self.update(tx, Some(&owner), job, effects)
    }

    pub(super) fn polled(
        &mut self,
        tx: &mut Transaction<'_>,
        id: &str,
        task: &str,
        result: &UpstreamResult,
    ) -> Result<()> {
        self.polls.remove(id);
        if let Some(before) = tx.job(id)? {
            let mut job = before.clone();
            let mut effects = Vec::new();
            match job.verify(task, result) {
                Some(Verified::Ours) if tx.other_owner(task, id)?.is_none() => {
                    effects = job.bind(task.to_owned(), tx.now, &self.settings);
                    job.recovered = true;
                    // The record was read just now.
                    job.called(Vec::new(), true, tx.now);
                }
                Some(Verified::Ours | Verified::Foreign) => job.forget_claim(task),
                Some(Verified::Unread) | None => {}
            }
            if job.task() == Some(task) {
                effects.extend(job.polled(result, tx.now, &self.settings));
            }
            self.update(tx, Some(&before), job, effects)?;
        }
        if self.has_backlog { self.work(tx) } else { Ok(()) }
    }

    pub(super) fn copy_deleted(&mut self, tx: &mut Transaction<'_>, id: &str, ok: bool) -> Result<()> {
        match tx.job(id)? {
            Some(job) if ok && job.has_ended() => self.erase(tx, &job),
            _ => Ok(()),
        }
    }

    /// Changes a job, where it is still there.
    pub(super) fn change(
        &mut self,
        tx: &mut Transaction<'_>,
        id: &str,
        change: impl FnOnce(&mut Job, Instant),
    ) -> Result<()> {
        let Some(before) = tx.job(id)? else { return Ok(()) };
        let mut job = before.clone();
        change(&mut job, tx.now);
        self.update(tx, Some(&before), job, Vec::new())
    }
}
