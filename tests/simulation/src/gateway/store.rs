//! What is stored: the rows, and the time of the alarm. Some worlds' stores have a defect.

use std::collections::BTreeMap;

use crisp_upscale_core::task::Instant;
use crisp_upscale_gateway_core::Store;
use crisp_upscale_gateway_core::map_store::MapStore;
use crisp_upscale_gateway_core::store::{BudgetRow, JobRow, Result};
use serde_json::Value;

use crate::mutant::Mutant;

/// The disk. A clone is what a transaction is rolled back to.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    rows: MapStore,
    /// When the alarm fires.
    pub(super) alarm_at: Option<Instant>,
    /// Jobs as they were when they were deleted.
    erased: BTreeMap<String, JobRow>,
    mutant: Option<Mutant>,
}

impl Disk {
    pub(super) fn new(mutant: Option<Mutant>) -> Self {
        Disk { rows: MapStore::default(), alarm_at: None, erased: BTreeMap::new(), mutant }
    }

    /// The rows, with those that were deleted.
    pub(super) fn with_erased(&self) -> MapStore {
        let mut rows = self.rows.clone();
        for row in self.erased.values().filter(|row| !self.rows.jobs().contains_key(&row.id)) {
            // Of two with one task, the one that is there.
            let _ = rows.put_job(&JobRow { task: None, ..row.clone() });
        }
        rows
    }

    /// The job that a task is known to be of, and whether a callback named it.
    pub(super) fn job_of_task(&self, task: &str) -> Option<(String, bool)> {
        self.rows.jobs().values().find_map(|row| {
            let job: Value = serde_json::from_str(&row.job).ok()?;
            let phase = job.get("phase")?;
            let known = phase.pointer("/Made/task").or_else(|| phase.pointer("/Ended/end/Task/task"))?;
            (known == task).then(|| (row.id.clone(), job["recovered"] == true))
        })
    }

    /// The jobs whose createTask left and whose outcome is not known.
    pub(super) fn in_mid_create(&self) -> Vec<String> {
        let rows = self.rows.jobs().values().filter(|row| row.job.contains(r#""lost":false"#));
        rows.filter(|row| row.job.contains(r#""phase":{"Sent""#)).map(|row| row.id.clone()).collect()
    }

    /// Forgets all jobs.
    pub(super) fn wipe(&mut self) {
        self.rows = MapStore::default();
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

impl Store for Disk {
    fn job(&mut self, id: &str) -> Result<Option<JobRow>> {
        self.rows.job(id)
    }

    fn job_of_task(&mut self, task: &str) -> Result<Option<String>> {
        if self.is(Mutant::SharesTasks) { Ok(None) } else { self.rows.job_of_task(task) }
    }

    fn has_key(&mut self, key_hash: &str) -> Result<bool> {
        self.rows.has_key(key_hash)
    }

    fn put_job(&mut self, row: &JobRow) -> Result<()> {
        if self.is(Mutant::SharesTasks) {
            return self.rows.put_job(&JobRow { task: None, ..row.clone() });
        }
        self.rows.put_job(row)
    }

    fn delete_job(&mut self, id: &str) -> Result<()> {
        self.erased.extend(self.rows.job(id)?.map(|row| (id.to_owned(), row)));
        self.rows.delete_job(id)
    }

    fn due_jobs(&mut self, now: Instant, limit: usize) -> Result<Vec<JobRow>> {
        self.rows.due_jobs(now, limit)
    }

    fn next_due(&mut self) -> Result<Option<Instant>> {
        self.rows.next_due()
    }

    fn queued_jobs(&mut self) -> Result<Vec<JobRow>> {
        if self.is(Mutant::ForgetsQueue) { Ok(Vec::new()) } else { self.rows.queued_jobs() }
    }

    fn requests_since(&mut self, since: Instant, limit: usize) -> Result<Vec<JobRow>> {
        if self.is(Mutant::ForgetsRequests) { Ok(Vec::new()) } else { self.rows.requests_since(since, limit) }
    }

    fn budget(&mut self, caller: &str) -> Result<Option<BudgetRow>> {
        self.rows.budget(caller)
    }

    fn put_budget(&mut self, row: &BudgetRow) -> Result<()> {
        self.rows.put_budget(row)
    }

    fn delete_budgets(&mut self, now: Instant, limit: usize) -> Result<()> {
        self.rows.delete_budgets(now, limit)
    }

    fn count(&mut self, name: &str, by: u64) -> Result<()> {
        self.rows.count(name, by)
    }

    fn counters(&mut self) -> Result<BTreeMap<String, u64>> {
        self.rows.counters()
    }

    fn remembers_since(&mut self) -> Result<Option<Instant>> {
        self.rows.remembers_since()
    }

    fn put_remembers_since(&mut self, since: Instant) -> Result<()> {
        if self.is(Mutant::ForgetsErasure) && self.rows.remembers_since()?.is_some() {
            return Ok(());
        }
        self.rows.put_remembers_since(since)
    }
}
