//! What one input reads, changes and asks for.

use crisp_upscale_core::task::Instant;
use sha2::{Digest, Sha256};

use crate::input::Moment;
use crate::job::Job;
use crate::output::Output;
use crate::settings::Settings;
use crate::store::{Result, Store};

/// A transaction: the store, the time, and what comes out.
pub(crate) struct Transaction<'a> {
    pub(crate) store: &'a mut dyn Store,
    pub(crate) now: Instant,
    random: [u8; 32],
    pub(crate) outputs: Vec<Output>,
    /// The earliest time that something stored in this transaction is due.
    pub(crate) due_at: Option<Instant>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(store: &'a mut dyn Store, Moment { now, random }: Moment) -> Self {
        Transaction { store, now, random, outputs: Vec::new(), due_at: None }
    }

    /// The job of this id.
    pub(crate) fn job(&mut self, id: &str) -> Result<Option<Job>> {
        self.store.job(id)?.as_ref().map(Job::of_row).transpose()
    }

    /// Stores a job.
    pub(crate) fn put(&mut self, job: &Job, settings: &Settings) -> Result<()> {
        let row = job.row(settings)?;
        self.store.put_job(&row)?;
        self.note_due(row.due_at);
        Ok(())
    }

    /// The job that a task belongs to, where it is not this one.
    pub(crate) fn other_owner(&mut self, task: &str, id: &str) -> Result<Option<Job>> {
        match self.store.job_of_task(task)? {
            Some(owner) if owner != id => self.job(&owner),
            _ => Ok(None),
        }
    }

    /// Something stored is due then.
    pub(crate) fn note_due(&mut self, at: Option<Instant>) {
        self.due_at = self.due_at.into_iter().chain(at).min();
    }

    /// Random bytes for a job, which no other job has and no other input.
    pub(crate) fn random_for(&self, job: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.random).chain_update(job).finalize().into()
    }
}
