//! What the machine needs of a store: rows of jobs with five indexed columns, budgets, and counters.

use std::collections::BTreeMap;
use std::fmt;

use crisp_upscale_core::task::Instant;

/// A job as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobRow {
    /// The job's id; the primary key.
    pub id: String,
    /// The hash of its `Idempotency-Key`. Indexed.
    pub key_hash: Option<String>,
    /// The service's task. Indexed, and unique: a task belongs to one job.
    pub task: Option<String>,
    /// Since when it waits in the queue. Indexed.
    pub queued_at: Option<Instant>,
    /// When its last createTask ended, or ends at the latest. Indexed.
    pub request_end: Option<Instant>,
    /// When something is to be done about it. Indexed.
    pub due_at: Option<Instant>,
    /// The job itself, as JSON.
    pub job: String,
}

/// A caller's budget as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetRow {
    /// Whose it is; the primary key.
    pub caller: String,
    /// When it counts nothing any more and can be deleted. Indexed.
    pub over_at: Instant,
    /// The budget itself, as JSON.
    pub budget: String,
}

/// The store failed, for this reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        StoreError(error.to_string())
    }
}

/// The result of asking a store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A store. Each input is handled within one transaction of it, which the shell begins, and commits or rolls back.
pub trait Store {
    /// The job of this id.
    ///
    /// # Errors
    /// The store failed. So in all these methods.
    fn job(&mut self, id: &str) -> Result<Option<JobRow>>;

    /// The id of the job that a task belongs to.
    fn job_of_task(&mut self, task: &str) -> Result<Option<String>>;

    /// Whether there is a job with this hash of an `Idempotency-Key`, of whatever caller.
    fn has_key(&mut self, key_hash: &str) -> Result<bool>;

    /// Stores a job, in the place of the one with its id. A task that belongs to another job is an error; the machine
    /// asks first.
    fn put_job(&mut self, row: &JobRow) -> Result<()>;

    /// Deletes a job.
    fn delete_job(&mut self, id: &str) -> Result<()>;

    /// Jobs whose `due_at` is not after `now`, the earliest first, at most so many.
    fn due_jobs(&mut self, now: Instant, limit: usize) -> Result<Vec<JobRow>>;

    /// The earliest of all `due_at` of jobs and `over_at` of budgets.
    fn next_due(&mut self) -> Result<Option<Instant>>;

    /// All jobs with a `queued_at`, by `queued_at` and then by id.
    fn queued_jobs(&mut self) -> Result<Vec<JobRow>>;

    /// Jobs whose `request_end` is after `since`, the latest first, at most so many.
    fn requests_since(&mut self, since: Instant, limit: usize) -> Result<Vec<JobRow>>;

    /// A caller's budget.
    fn budget(&mut self, caller: &str) -> Result<Option<BudgetRow>>;

    /// Stores a budget, in the place of the caller's earlier one.
    fn put_budget(&mut self, row: &BudgetRow) -> Result<()>;

    /// Deletes budgets whose `over_at` is not after `now`, at most so many.
    fn delete_budgets(&mut self, now: Instant, limit: usize) -> Result<()>;

    /// Adds to the counter of this name.
    fn count(&mut self, name: &str, by: u64) -> Result<()>;

    /// All counters.
    fn counters(&mut self) -> Result<BTreeMap<String, u64>>;

    /// From when on no job was deleted that was made later; `None` in a new store.
    fn remembers_since(&mut self) -> Result<Option<Instant>>;

    /// Stores that instant.
    fn put_remembers_since(&mut self, since: Instant) -> Result<()>;
}
