//! A store in memory, for the tests and the simulation. It counts the rows that are read and written, as SQLite does
//! where each query has its index.

use std::collections::{BTreeMap, BTreeSet};

use crisp_upscale_core::task::Instant;

use crate::store::{BudgetRow, JobRow, Result, Store, StoreError};

/// The store. A clone is what a transaction is rolled back to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapStore {
    jobs: BTreeMap<String, JobRow>,
    tasks: BTreeMap<String, String>,
    keys: BTreeSet<(String, String)>,
    queued: Index,
    requests: Index,
    due: Index,
    budgets: BTreeMap<String, BudgetRow>,
    counters: BTreeMap<String, u64>,
    remembers_since: Option<Instant>,
    /// How many rows were read.
    pub rows_read: usize,
    /// How many rows were written. An index counts nothing, as each is of few rows.
    pub rows_written: usize,
}

/// An index of jobs by a time.
type Index = BTreeSet<(Instant, String)>;

impl MapStore {
    /// All jobs, by their ids.
    #[must_use]
    pub fn jobs(&self) -> &BTreeMap<String, JobRow> {
        &self.jobs
    }

    /// All budgets, by their callers.
    #[must_use]
    pub fn budgets(&self) -> &BTreeMap<String, BudgetRow> {
        &self.budgets
    }

    fn read<'a>(&mut self, ids: impl IntoIterator<Item = &'a String>) -> Vec<JobRow> {
        let rows: Vec<JobRow> = ids.into_iter().filter_map(|id| self.jobs.get(id).cloned()).collect();
        self.rows_read += rows.len();
        rows
    }

    fn remove(&mut self, id: &str) -> Option<JobRow> {
        let row = self.jobs.remove(id)?;
        row.task.as_ref().map(|task| self.tasks.remove(task));
        row.key_hash.as_ref().map(|key| self.keys.remove(&(key.clone(), row.id.clone())));
        for (index, at) in [
            (&mut self.queued, row.queued_at),
            (&mut self.requests, row.request_end),
            (&mut self.due, row.due_at),
        ] {
            at.map(|at| index.remove(&(at, row.id.clone())));
        }
        Some(row)
    }
}

impl Store for MapStore {
    fn job(&mut self, id: &str) -> Result<Option<JobRow>> {
        Ok(self.read([&id.to_owned()]).pop())
    }

    fn job_of_task(&mut self, task: &str) -> Result<Option<String>> {
        self.rows_read += usize::from(self.tasks.contains_key(task));
        Ok(self.tasks.get(task).cloned())
    }

    fn has_key(&mut self, key_hash: &str) -> Result<bool> {
        let first = self.keys.range((key_hash.to_owned(), String::new())..).next();
        let found = first.is_some_and(|(key, _)| key == key_hash);
        self.rows_read += usize::from(found);
        Ok(found)
    }

    fn put_job(&mut self, row: &JobRow) -> Result<()> {
        if let Some(task) = &row.task
            && self.tasks.get(task).is_some_and(|owner| *owner != row.id)
        {
            return Err(StoreError(format!("the task {task} belongs to another job")));
        }
        self.rows_written += 1;
        self.remove(&row.id);
        row.task.as_ref().map(|task| self.tasks.insert(task.clone(), row.id.clone()));
        row.key_hash.as_ref().map(|key| self.keys.insert((key.clone(), row.id.clone())));
        for (index, at) in [
            (&mut self.queued, row.queued_at),
            (&mut self.requests, row.request_end),
            (&mut self.due, row.due_at),
        ] {
            at.map(|at| index.insert((at, row.id.clone())));
        }
        self.jobs.insert(row.id.clone(), row.clone());
        Ok(())
    }

    fn delete_job(&mut self, id: &str) -> Result<()> {
        self.rows_written += usize::from(self.remove(id).is_some());
        Ok(())
    }

    fn due_jobs(&mut self, now: Instant, limit: usize) -> Result<Vec<JobRow>> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).take(limit);
        let ids: Vec<String> = due.map(|(_, id)| id.clone()).collect();
        Ok(self.read(&ids))
    }

    fn next_due(&mut self) -> Result<Option<Instant>> {
        let job = self.due.first().map(|(at, _)| *at);
        let budget = self.budgets.values().map(|row| row.over_at).min();
        self.rows_read += usize::from(job.is_some()) + usize::from(budget.is_some());
        Ok(job.into_iter().chain(budget).min())
    }

    fn queued_jobs(&mut self) -> Result<Vec<JobRow>> {
        let ids: Vec<String> = self.queued.iter().map(|(_, id)| id.clone()).collect();
        Ok(self.read(&ids))
    }

    fn requests_since(&mut self, since: Instant, limit: usize) -> Result<Vec<JobRow>> {
        let latest = self.requests.iter().rev().take_while(|(at, _)| *at > since).take(limit);
        let ids: Vec<String> = latest.map(|(_, id)| id.clone()).collect();
        Ok(self.read(&ids))
    }

    fn budget(&mut self, caller: &str) -> Result<Option<BudgetRow>> {
        let row = self.budgets.get(caller).cloned();
        self.rows_read += usize::from(row.is_some());
        Ok(row)
    }

    fn put_budget(&mut self, row: &BudgetRow) -> Result<()> {
        self.rows_written += 1;
        self.budgets.insert(row.caller.clone(), row.clone());
        Ok(())
    }

    fn delete_budgets(&mut self, now: Instant, limit: usize) -> Result<()> {
        let over = self.budgets.values().filter(|row| row.over_at <= now).take(limit);
        let callers: Vec<String> = over.map(|row| row.caller.clone()).collect();
        self.rows_written += callers.len();
        callers.iter().for_each(|caller| drop(self.budgets.remove(caller)));
        Ok(())
    }

    fn count(&mut self, name: &str, by: u64) -> Result<()> {
        self.rows_written += 1;
        *self.counters.entry(name.to_owned()).or_default() += by;
        Ok(())
    }

    fn counters(&mut self) -> Result<BTreeMap<String, u64>> {
        self.rows_read += self.counters.len();
        Ok(self.counters.clone())
    }

    fn remembers_since(&mut self) -> Result<Option<Instant>> {
        self.rows_read += usize::from(self.remembers_since.is_some());
        Ok(self.remembers_since)
    }

    fn put_remembers_since(&mut self, since: Instant) -> Result<()> {
        self.rows_written += 1;
        self.remembers_since = Some(since);
        Ok(())
    }
}
