//! The laws, checked against the service's ledger.

use crisp_upscale_core::api::{Response, State};
use crisp_upscale_core::classify::{RecordInfoResponse, failed_task, record_info};
use crisp_upscale_core::failure::{Charged, Failure, Kind};
use crisp_upscale_core::json::Json;
use crisp_upscale_core::task::TaskSuccess;

use crate::client::{Report, Via};
use crate::doc::Doc;
use crate::gateway::result_of;
use crate::service::LIMIT;
use crate::world::{World, trace};

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub law: u8,
    /// How.
    pub words: String,
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls.
    pub jobs: u64,
    /// Events on the virtual clock.
    pub events: u64,
    /// createTasks that reached the service.
    pub creates: u64,
    /// recordInfos that did.
    pub polls: u64,
    /// Tasks that it made.
    pub tasks: u64,
    /// Tasks that it billed.
    pub billed: u64,
    /// Calls that ended with a result.
    pub succeeded: u64,
    /// Calls that ended with an unknown outcome.
    pub unknown: u64,
    /// Calls that ended in another way.
    pub failed: u64,
    /// Calls of which nobody knows any more: their process kept nothing and crashed.
    pub gone: u64,
    /// Things that went wrong.
    pub troubles: u64,
    /// Processes and objects that were cut off.
    pub crashes: u64,
    /// Jobs of the gateway whose reply was lost and whose task a callback found.
    pub recovered: u64,
}

impl Counts {
    /// Adds another world's.
    pub fn add(&mut self, other: &Counts) {
        let Counts {
            jobs,
            events,
            creates,
            polls,
            tasks,
            billed,
            succeeded,
            unknown,
            failed,
            gone,
            troubles,
            crashes,
            recovered,
        } = other;
        self.jobs += jobs;
        self.events += events;
        self.creates += creates;
        self.polls += polls;
        self.tasks += tasks;
        self.billed += billed;
        self.succeeded += succeeded;
        self.unknown += unknown;
        self.failed += failed;
        self.gone += gone;
        self.troubles += troubles;
        self.crashes += crashes;
        self.recovered += recovered;
    }
}

impl World<'_> {
    pub(crate) fn break_law(&mut self, law: u8, words: String) {
        trace!(self, "law {law} is broken: {words}");
        self.violation.get_or_insert(Violation { law, words });
    }

    /// Law 5, at each createTask: of a limited account no more than 20 arrive in 10 s.
    pub(crate) fn keep_rate(&mut self, account: usize) {
        let mut processes = self.processes.iter();
        let limited = account == self.gateway.account
            || processes.any(|process| process.account == account && process.is_limited());
        let arrivals = &mut self.service.accounts[account].arrivals;
        arrivals.push(self.now);
        let count = arrivals.iter().rev().take_while(|at| **at + LIMIT.1 > self.now).count();
        if limited && count > LIMIT.0 {
            self.break_law(5, format!("{count} createTasks of one account in 10 s"));
        }
    }

    /// The laws, at the end of the world.
    pub(crate) fn judge(&mut self) {
        if let Some(job) = self.denied().first() {
            let call = self.gateway.jobs[*job].call;
            return self
                .break_law(2, format!("the gateway says that the attempt of call {call} never arrived"));
        }
        let gateway = self.records();
        for call in 0..self.calls.len() {
            self.judge_call(call, &gateway);
            if self.violation.is_some() {
                return;
            }
        }
    }

    fn judge_call(&mut self, call: usize, gateway: &[(usize, String)]) {
        let tasks: Vec<(String, String, u32, bool)> = self
            .service
            .tasks
            .iter()
            .filter(|task| task.call == call)
            .map(|task| (task.id.clone(), task.url(), task.owner, task.is_billed(u64::MAX - 1)))
            .collect();
        if self.calls[call].report.is_none() && tasks.is_empty() && !self.is_made(call) {
            return;
        }
        let billed = tasks.iter().filter(|(.., billed)| *billed).count();
        self.counts.billed += billed as u64;
        if tasks.len() > 1 {
            return self.break_law(1, format!("call {call} has made {} tasks", tasks.len()));
        }
        if !self.is_over(call) {
            return self.break_law(3, format!("call {call} never ends"));
        }
        let via = self.processes[self.calls[call].process].via;
        let ours: Vec<&(usize, String)> =
            gateway.iter().filter(|(job, _)| self.gateway.jobs[*job].call == call).collect();
        // What the gateway says to whoever asks it now.
        let said: Vec<(u32, Result<TaskSuccess, Failure>)> = ours
            .iter()
            .filter_map(|(job, record)| {
                let object = &self.gateway.jobs[*job];
                Some((object.owner, read(&object.id, record)?))
            })
            .collect();
        if said.len() < ours.len() {
            return self.break_law(3, format!("the gateway's job of call {call} never ends"));
        }
        let report = self.calls[call].report.clone();
        match &report {
            Some(Report::Ended(Ok(_))) => self.counts.succeeded += 1,
            Some(Report::CutOff) => self.counts.unknown += 1,
            Some(Report::Ended(Err(failure))) if failure.kind == Kind::OutcomeUnknown => {
                self.counts.unknown += 1
            }
            Some(Report::Ended(Err(_)) | Report::Left(_)) => self.counts.failed += 1,
            Some(Report::Gone) | None => self.counts.gone += 1,
        }
        let reported = report.and_then(|report| match report {
            Report::Ended(end) => Some(end),
            Report::CutOff | Report::Left(_) | Report::Gone => None,
        });

        // Law 6: what was reported as charged was.
        let url = |id: &str| match via {
            Via::Direct => tasks.first().map(|(_, url, ..)| url.clone()).unwrap_or_default(),
            Via::Gateway => result_of(id),
        };
        let to_caller = reported.iter().map(|report| ("its caller", billed, report));
        let to_others = said.iter().map(|(owner, said)| {
            let billed = tasks.iter().filter(|(.., by, billed)| *billed && by == owner).count();
            ("whoever asks", billed, said)
        });
        for (whom, billed, report) in to_caller.chain(to_others) {
            let wrong = match report {
                Ok(upscaled) if billed != 1 => Some(format!("{} was a success", upscaled.task_id)),
                Ok(upscaled) if without_query(&upscaled.url) != url(&upscaled.task_id) => {
                    Some(format!("{} has the file {}", upscaled.task_id, upscaled.url))
                }
                Err(failure) if failure.charged == Charged::No && billed > 0 => {
                    Some(format!("{} cost nothing", failure.kind.as_str()))
                }
                Err(failure) if failure.charged == Charged::Yes && billed == 0 => {
                    Some(format!("{} was charged", failure.kind.as_str()))
                }
                _ => None,
            };
            if let Some(wrong) = wrong {
                return self
                    .break_law(6, format!("call {call}, reported to {whom}: {wrong}; billed: {billed}"));
            }
        }

        // Law 2: whatever was billed is known to somebody who can go on with it, or is said to be unknown.
        if billed == 0 {
            return;
        }
        let known = |id: &str| match via {
            Via::Direct => tasks.iter().any(|(task, ..)| task == id),
            Via::Gateway => ours.iter().any(|(job, _)| self.gateway.jobs[*job].id == id),
        };
        let tells = |report: &Result<TaskSuccess, Failure>| match report {
            Ok(upscaled) => known(&upscaled.task_id),
            Err(failure) => {
                failure.kind == Kind::OutcomeUnknown || failure.task_id.as_deref().is_some_and(known)
            }
        };
        let caller = match &self.calls[call].report {
            Some(Report::Ended(end)) => tells(end),
            Some(Report::CutOff) => true,
            Some(Report::Left(task)) => known(task),
            _ => false,
        };
        let keeps = !self.calls[call].lost;
        let gateway = said.iter().any(|(_, said)| tells(said));
        let fine = match via {
            Via::Direct => caller || !keeps,
            Via::Gateway => gateway && (caller || !keeps),
        };
        if !fine {
            self.break_law(2, format!("call {call} was billed, and nobody can go on with it"));
        }
    }
}

/// A link to a result without its signature.
fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(path, _)| path)
}

/// What a record says has come of a job; `None` where it goes on.
fn read(id: &str, record: &str) -> Option<Result<TaskSuccess, Failure>> {
    let reply = Response { status: 200, retry_after: None, body: Doc::parse(record) };
    let RecordInfoResponse::Record(detail) = record_info(&reply) else { return None };
    match detail.state {
        State::Success => Some(Ok(TaskSuccess {
            task_id: id.to_owned(),
            url: detail.result_urls.first().cloned().unwrap_or_default(),
            credits: None,
            create_time: None,
            complete_time: None,
        })),
        State::Fail => Some(Err(*failed_task(&detail).for_task(id))),
        _ => None,
    }
}
