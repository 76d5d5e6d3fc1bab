//! The machine: all jobs of one key.
//!
//! Each input is one transaction of the store. What is held in memory is derived from the store when the account is
//! loaded, or can be lost: who waits for a reply, who reads a stream, which requests are in flight.

mod requests;
mod results;
mod work;

use std::collections::BTreeMap;

use crisp_upscale_core::backoff;
use crisp_upscale_core::rate_limit::Rate;
use crisp_upscale_core::sse;
use crisp_upscale_core::task::Instant;

use crate::input::{Input, Moment, RequestId};
use crate::job::{Answer, Effect, Job, Phase};
use crate::output::Output;
use crate::passphrase::Throttle;
use crate::progress::Progress;
use crate::protocol::Reply;
use crate::queue::Queue;
use crate::record;
use crate::settings::Settings;
use crate::store::{Result, Store};
use crate::streams::Streams;
use crate::transaction::Transaction;

/// The machine of an account.
///
/// The shell begins a transaction, calls [`Account::handle`], sets the alarm where an output says so, commits, and then
/// carries out the other outputs. Where `handle` or the commit fails, the shell rolls back, drops the account, and
/// loads it anew before the next input: what is in memory may be ahead of what is stored.
#[derive(Debug)]
pub struct Account {
    settings: Settings,
    queue: Queue,
    /// Requests of callers that wait for the outcome of their createTask, by job.
    waiting: BTreeMap<String, Vec<RequestId>>,
    streams: Streams,
    /// Jobs whose task is being polled, and since when.
    polls: BTreeMap<String, Instant>,
    /// More jobs are due than may be polled at a time.
    has_backlog: bool,
    progress: Progress,
    throttle: Throttle,
    /// How many createTasks were refused without being stored, as far as that is not counted yet. The alarm counts them:
    /// a refusal writes nothing.
    refused: u64,
    /// When the alarm is set to fire.
    alarm_at: Option<Instant>,
}

impl Account {
    /// Derives what is held in memory from the store, within a transaction. Carry out the outputs as those of an input.
    ///
    /// # Errors
    /// The store failed.
    pub fn load(store: &mut impl Store, settings: Settings, now: Instant) -> Result<(Self, Vec<Output>)> {
        if store.remembers_since()?.is_none() {
            store.put_remembers_since(now)?;
        }
        let mut queued = Vec::new();
        for row in store.queued_jobs()? {
            queued.push((Job::of_row(&row)?.order.caller, row.id));
        }
        let mut request_ends = Vec::new();
        if settings.rate != Rate::UNLIMITED {
            let since = now.saturating_sub(settings.rate.window);
            for row in store.requests_since(since, settings.rate.tasks)? {
                request_ends.extend_from_slice(Job::of_row(&row)?.request_ends());
            }
        }
        let mut account = Account {
            queue: Queue::new(settings.rate, queued, request_ends, now),
            settings,
            waiting: BTreeMap::new(),
            streams: Streams::default(),
            polls: BTreeMap::new(),
            has_backlog: false,
            progress: Progress::default(),
            throttle: Throttle::default(),
            refused: 0,
            alarm_at: None,
        };
        let due_at = store.next_due()?;
        let outputs = account.set_alarm(due_at, now).into_iter().collect();
        Ok((account, outputs))
    }

    /// Handles an input, within a transaction.
    ///
    /// # Errors
    /// The store failed. Roll back, drop this account, and load it anew.
    pub fn handle(&mut self, store: &mut impl Store, input: Input, moment: Moment) -> Result<Vec<Output>> {
        let mut tx = Transaction::new(store, moment);
        match input {
            Input::Request { id, request } => self.request(&mut tx, id, request)?,
            Input::AnswerTimeout(id) => self.answer_timeout(&mut tx, id),
            Input::Subscribe { stream, caller, tasks } => self.subscribe(&mut tx, stream, &caller, tasks)?,
            Input::Unsubscribe(stream) => self.streams.unsubscribe(stream),
            Input::Created { job, result } => self.created(&mut tx, &job, &result)?,
            Input::Polled { job, task, result } => self.polled(&mut tx, &job, &task, &result)?,
            Input::Relayed { job, ok } => self.change(&mut tx, &job, |job, now| job.relayed(ok, now))?,
            Input::Copied { job, ok } => self.change(&mut tx, &job, |job, now| job.copied(ok, now))?,
            Input::CopyDeleted { job, ok } => self.copy_deleted(&mut tx, &job, ok)?,
            Input::AlarmFired => self.alarm_fired(&mut tx)?,
        }
        let Transaction { mut outputs, mut due_at, now, .. } = tx;
        if !self.may_poll() {
            // Each poll that ends takes more of the backlog. The alarm comes in case none does.
            self.has_backlog |= due_at.is_some_and(|at| at <= now);
            due_at = due_at.map(|at| at.max(now.saturating_add(backoff::delay(1))));
        }
        // What was stored before is not due before the alarm that is set.
        outputs.extend(self.set_alarm(due_at, now));
        Ok(outputs)
    }

    /// Sets the alarm, unless it fires before: then nothing is due, and it is set again.
    fn set_alarm(&mut self, due_at: Option<Instant>, now: Instant) -> Option<Output> {
        let at =
            due_at.into_iter().chain(self.queue.free_at(now)).chain(self.progress.due_at()).min()?.max(now);
        if self.alarm_at.is_some_and(|alarm_at| alarm_at <= at) {
            return None;
        }
        self.alarm_at = Some(at);
        Some(Output::SetAlarm(at))
    }

    /// Stores a job that has changed, works it off where it is due, and carries out its effects.
    fn update(
        &mut self,
        tx: &mut Transaction<'_>,
        before: Option<&Job>,
        mut job: Job,
        mut effects: Vec<Effect>,
    ) -> Result<()> {
        if self.may_poll() && job.due_at(&self.settings).is_some_and(|due_at| due_at <= tx.now) {
            effects.extend(job.work(tx.now, &self.settings));
        }
        if effects.contains(&Effect::Erase) {
            return self.erase(tx, &job);
        }
        if before != Some(&job) {
            tx.put(&job, &self.settings)?;
        }
        for effect in effects {
            self.effect(tx, &job, effect)?;
        }
        Ok(())
    }

    fn effect(&mut self, tx: &mut Transaction<'_>, job: &Job, effect: Effect) -> Result<()> {
        let id = job.id.clone();
        match effect {
            Effect::Enqueue => self.queue.push(&job.order.caller, id),
            Effect::RequestEnded => {
                self.queue.release(&id, tx.now);
                tx.store.count("code:0", 1)?;
            }
            Effect::Changed => self.announce(tx, job),
            Effect::Poll(task) => {
                self.polls.insert(id.clone(), tx.now);
                tx.outputs.push(Output::PollTask { job: id, task });
            }
            Effect::LogEnd { state, took } => {
                self.progress.end(&id, took);
                tx.store.count(&format!("ended:{state}"), 1)?;
                if job.recovered {
                    tx.store.count("recovered", 1)?;
                }
                tx.outputs.push(Output::LogEnd { job: id, state, recovered: job.recovered });
            }
            Effect::Relay(url) => {
                let body = record::relay(job, &self.settings);
                tx.outputs.push(Output::Relay { job: id, url, body });
            }
            Effect::Copy(url) => tx.outputs.push(Output::CopyResult { job: id, url }),
            Effect::DeleteCopy => tx.outputs.push(Output::DeleteCopy { job: id }),
            Effect::Erase => {}
        }
        Ok(())
    }

    /// Answers those who wait for a job, and notifies its subscribers.
    fn announce(&mut self, tx: &mut Transaction<'_>, job: &Job) {
        if let Some(answer) = job.answer() {
            for id in self.waiting.remove(&job.id).unwrap_or_default() {
                tx.outputs.push(Output::Reply { id, reply: reply(job, answer.clone()) });
            }
        }
        let streams = self.streams.of_job(&job.id);
        if streams.is_empty() {
            return;
        }
        let message = sse::event(&job.id, &record::of(job, &self.settings).to_string());
        for stream in streams {
            tx.outputs.push(Output::Push { stream, message: message.clone() });
        }
        if job.has_ended() {
            tx.outputs.extend(self.streams.end(&job.id).into_iter().map(Output::CloseStream));
        }
        self.watch(job, tx.now);
    }

    /// Somebody watches a job: it is polled on the way, where no callback tells of that.
    fn watch(&mut self, job: &Job, now: Instant) {
        if let (Phase::Made { sent, .. }, true) = (&job.phase, self.settings.callbacks) {
            self.progress.watch(&job.id, sent.at, now);
        }
    }
}

/// The reply to a createTask.
fn reply(job: &Job, answer: Answer) -> Reply {
    match answer {
        Answer::Made => Reply::Created(record::created(&job.id)),
        Answer::Refused(code, message, retry_after) => Reply::Refused { code, message, retry_after },
    }
}
