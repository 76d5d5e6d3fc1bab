//! The store: SQL in the Durable Object.

use std::collections::BTreeMap;

use crisp_upscale_core::task::Instant;
use crisp_upscale_gateway_core::store::{BudgetRow, JobRow, Result, Store, StoreError};
use js_sys::{Array, JsString, Promise};
use wasm_bindgen::prelude::*;
use worker::Storage;

/// The tables. Indexes leave out rows that have no value, since each entry is a row written.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS jobs (
        id TEXT PRIMARY KEY,
        key_hash TEXT,
        task TEXT,
        queued_at INTEGER,
        request_end INTEGER,
        due_at INTEGER,
        job TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS jobs_key ON jobs (key_hash) WHERE key_hash IS NOT NULL;
    CREATE UNIQUE INDEX IF NOT EXISTS jobs_task ON jobs (task) WHERE task IS NOT NULL;
    CREATE INDEX IF NOT EXISTS jobs_queued ON jobs (queued_at) WHERE queued_at IS NOT NULL;
    CREATE INDEX IF NOT EXISTS jobs_request ON jobs (request_end) WHERE request_end IS NOT NULL;
    CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;
    CREATE TABLE IF NOT EXISTS budgets (
        caller TEXT PRIMARY KEY,
        over_at INTEGER NOT NULL,
        budget TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS budgets_over ON budgets (over_at);
    CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS memory (one INTEGER PRIMARY KEY CHECK (one = 1), since INTEGER NOT NULL);
";

/// The columns of jobs, as `job_row` reads them.
macro_rules! select_jobs {
    ($rest:literal) => {
        concat!("SELECT id, key_hash, task, queued_at, request_end, due_at, job FROM jobs ", $rest)
    };
}

#[wasm_bindgen]
extern "C" {
    /// The object's storage, with what the `worker` crate leaves out.
    #[derive(Clone)]
    type Database;

    #[wasm_bindgen(method, getter)]
    fn sql(this: &Database) -> Sql;

    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &Database,
        body: &mut dyn FnMut() -> std::result::Result<(), JsValue>,
    ) -> std::result::Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm(this: &Database, at: f64) -> std::result::Result<Promise, JsValue>;

    type Sql;

    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &Sql, query: &JsString, bindings: &Array) -> std::result::Result<Cursor, JsValue>;

    type Cursor;

    #[wasm_bindgen(method, catch)]
    fn raw(this: &Cursor) -> std::result::Result<Rows, JsValue>;

    type Rows;

    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &Rows) -> std::result::Result<Array, JsValue>;
}

/// The store.
pub(crate) struct SqlStore {
    database: Database,
    sql: Sql,
    /// The statements, as JavaScript's strings.
    statements: BTreeMap<&'static str, JsString>,
}

impl SqlStore {
    pub(crate) fn new(storage: &Storage) -> Self {
        let raw: &JsValue = storage.as_raw();
        let database: Database = raw.clone().unchecked_into();
        SqlStore { sql: database.sql(), database, statements: BTreeMap::new() }
    }

    /// Makes the tables that are missing.
    pub(crate) fn create_tables(&mut self) -> Result<()> {
        self.rows(SCHEMA, &[]).map(drop)
    }

    /// Runs a transaction. An error rolls it back, the alarm included.
    pub(crate) fn transaction<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let database = self.database.clone();
        let (mut body, mut result) = (Some(body), None);
        let ran = database.transaction_sync(&mut || {
            result = body.take().map(|body| body(self));
            match &result {
                Some(Err(StoreError(message))) => Err(JsValue::from_str(message)),
                _ => Ok(()),
            }
        });
        match (ran, result) {
            (Ok(_), Some(result)) => result,
            (Err(error), _) => Err(failed(&error)),
            (Ok(_), None) => Err(StoreError("The transaction did not run.".to_owned())),
        }
    }

    /// Sets the alarm. Within a transaction, it is part of it: whatever leaves the object waits for it to be stored.
    pub(crate) fn set_alarm(&self, at: Instant) -> Result<()> {
        self.database.set_alarm(at as f64).map(drop).map_err(|error| failed(&error))
    }

    /// Runs a statement, and reads its rows.
    fn rows(&mut self, query: &'static str, bindings: &[JsValue]) -> Result<Array> {
        let bindings: Array = bindings.iter().collect();
        let query = self.statements.entry(query).or_insert_with(|| query.into());
        let run = || self.sql.exec(query, &bindings)?.raw()?.to_array();
        run().map_err(|error| failed(&error))
    }

    /// Its first row.
    fn row(&mut self, query: &'static str, bindings: &[JsValue]) -> Result<Option<Array>> {
        Ok(self.rows(query, bindings)?.iter().next().map(JsCast::unchecked_into))
    }

    fn jobs(&mut self, query: &'static str, bindings: &[JsValue]) -> Result<Vec<JobRow>> {
        let rows = self.rows(query, bindings)?;
        Ok(rows.iter().map(|row| job_row(&row.unchecked_into())).collect())
    }
}

impl Store for SqlStore {
    fn job(&mut self, id: &str) -> Result<Option<JobRow>> {
        Ok(self.jobs(select_jobs!("WHERE id = ?"), &[id.into()])?.pop())
    }

    fn job_of_task(&mut self, task: &str) -> Result<Option<String>> {
        let row = self.row("SELECT id FROM jobs WHERE task = ?", &[task.into()])?;
        Ok(row.and_then(|row| row.get(0).as_string()))
    }

    fn has_key(&mut self, key_hash: &str) -> Result<bool> {
        Ok(self.row("SELECT 1 FROM jobs WHERE key_hash = ? LIMIT 1", &[key_hash.into()])?.is_some())
    }

    fn put_job(&mut self, row: &JobRow) -> Result<()> {
        // Not OR REPLACE, which would delete another job with the same task.
        let query = "
            INSERT INTO jobs (id, key_hash, task, queued_at, request_end, due_at, job) VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET key_hash = excluded.key_hash, task = excluded.task,
                queued_at = excluded.queued_at, request_end = excluded.request_end, due_at = excluded.due_at,
                job = excluded.job";
        let bindings = [
            row.id.as_str().into(),
            text(row.key_hash.as_deref()),
            text(row.task.as_deref()),
            time(row.queued_at),
            time(row.request_end),
            time(row.due_at),
            row.job.as_str().into(),
        ];
        self.rows(query, &bindings).map(drop)
    }

    fn delete_job(&mut self, id: &str) -> Result<()> {
        self.rows("DELETE FROM jobs WHERE id = ?", &[id.into()]).map(drop)
    }

    fn due_jobs(&mut self, now: Instant, limit: usize) -> Result<Vec<JobRow>> {
        let query = select_jobs!("WHERE due_at <= ? ORDER BY due_at LIMIT ?");
        self.jobs(query, &[time(Some(now)), limit.into()])
    }

    fn next_due(&mut self) -> Result<Option<Instant>> {
        let job =
            self.row("SELECT due_at FROM jobs WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1", &[])?;
        let budget = self.row("SELECT over_at FROM budgets ORDER BY over_at LIMIT 1", &[])?;
        Ok(job.into_iter().chain(budget).filter_map(|row| instant(&row, 0)).min())
    }

    fn queued_jobs(&mut self) -> Result<Vec<JobRow>> {
        self.jobs(select_jobs!("WHERE queued_at IS NOT NULL ORDER BY queued_at, id"), &[])
    }

    fn requests_since(&mut self, since: Instant, limit: usize) -> Result<Vec<JobRow>> {
        let query = select_jobs!("WHERE request_end > ? ORDER BY request_end DESC LIMIT ?");
        self.jobs(query, &[time(Some(since)), limit.into()])
    }

    fn budget(&mut self, caller: &str) -> Result<Option<BudgetRow>> {
        let row = self.row("SELECT over_at, budget FROM budgets WHERE caller = ?", &[caller.into()])?;
        Ok(row.map(|row| BudgetRow {
            caller: caller.to_owned(),
            over_at: instant(&row, 0).unwrap_or_default(),
            budget: row.get(1).as_string().unwrap_or_default(),
        }))
    }

    fn put_budget(&mut self, row: &BudgetRow) -> Result<()> {
        let query = "
            INSERT INTO budgets (caller, over_at, budget) VALUES (?, ?, ?)
            ON CONFLICT (caller) DO UPDATE SET over_at = excluded.over_at, budget = excluded.budget";
        let bindings = [row.caller.as_str().into(), time(Some(row.over_at)), row.budget.as_str().into()];
        self.rows(query, &bindings).map(drop)
    }

    fn delete_budgets(&mut self, now: Instant, limit: usize) -> Result<()> {
        let query = "
            DELETE FROM budgets
            WHERE caller IN (SELECT caller FROM budgets WHERE over_at <= ? ORDER BY over_at LIMIT ?)";
        self.rows(query, &[time(Some(now)), limit.into()]).map(drop)
    }

    fn count(&mut self, name: &str, by: u64) -> Result<()> {
        let query = "
            INSERT INTO counters (name, value) VALUES (?, ?)
            ON CONFLICT (name) DO UPDATE SET value = value + excluded.value";
        self.rows(query, &[name.into(), JsValue::from_f64(by as f64)]).map(drop)
    }

    fn counters(&mut self) -> Result<BTreeMap<String, u64>> {
        let rows = self.rows("SELECT name, value FROM counters", &[])?;
        let counter = |row: JsValue| {
            let row: Array = row.unchecked_into();
            Some((row.get(0).as_string()?, instant(&row, 1)?))
        };
        Ok(rows.iter().filter_map(counter).collect())
    }

    fn remembers_since(&mut self) -> Result<Option<Instant>> {
        Ok(self.row("SELECT since FROM memory", &[])?.and_then(|row| instant(&row, 0)))
    }

    fn put_remembers_since(&mut self, since: Instant) -> Result<()> {
        let query = "INSERT INTO memory (one, since) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET since = excluded.since";
        self.rows(query, &[time(Some(since))]).map(drop)
    }
}

fn job_row(row: &Array) -> JobRow {
    JobRow {
        id: row.get(0).as_string().unwrap_or_default(),
        key_hash: row.get(1).as_string(),
        task: row.get(2).as_string(),
        queued_at: instant(row, 3),
        request_end: instant(row, 4),
        due_at: instant(row, 5),
        job: row.get(6).as_string().unwrap_or_default(),
    }
}

fn text(value: Option<&str>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from_str)
}

fn time(value: Option<Instant>) -> JsValue {
    value.map_or(JsValue::NULL, |at| JsValue::from_f64(at as f64))
}

fn instant(row: &Array, column: u32) -> Option<Instant> {
    row.get(column).as_f64().map(|at| at as Instant)
}

fn failed(error: &JsValue) -> StoreError {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    StoreError(message.or_else(|| error.as_string()).unwrap_or_else(|| "SQL failed.".to_owned()))
}
