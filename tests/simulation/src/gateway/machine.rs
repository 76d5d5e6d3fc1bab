//! The object of the account: it plays the machine as `gateway/src` does.

use crisp_upscale_core::api::Response;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_gateway_core::protocol::Reply;
use crisp_upscale_gateway_core::timeouts::CREATE_TIMEOUT;
use crisp_upscale_gateway_core::{Account, Input, Moment, Output, UpstreamResult};
use serde_json::Value;

use super::{Gateway, Sent};
use crate::client::Pushed;
use crate::mutant::Mutant;
use crate::network::{Bearer, Received, Request, Sender, To};
use crate::service::Answer;
use crate::trouble::{ACCOUNT, Trouble};
use crate::world::{Event, World, none, trace, what};

/// How long the service's response to a poll may take, in milliseconds.
const POLL_TIMEOUT: u64 = 30_000;

/// How long a client takes to find that a stream is silent, in milliseconds.
const SILENCE: u64 = 40_000;

/// After how long an alarm whose handler was cut off fires again, in milliseconds.
const ALARM_AGAIN: u64 = 2_000;

/// How many alarms are set in a world whose object stops setting them.
const MOST_ALARMS: u32 = 4;

impl World<'_> {
    /// Plays an input. Whatever the process is doing, it may be cut off: before the transaction is committed, or between
    /// any two of what comes out of it.
    pub(super) fn handle(&mut self, input: Input) {
        self.handle_called(input);
    }

    /// The same; whether a callback was answered, and taken.
    pub(super) fn handle_called(&mut self, input: Input) -> bool {
        self.gateway.inputs += 1;
        let nth = self.gateway.inputs;
        let cut = self.trouble(ACCOUNT, Trouble::ObjectCrash, nth).map(|mut draw| draw.below(4) as usize);
        trace!(self, "the object is given: {}", words(&input));
        let before = (cut == Some(0)).then(|| self.gateway.disk.clone());
        self.load();
        let mut draw = self.rng.at(ACCOUNT, what::SECRET, nth);
        let mut random = [0; 32];
        random.iter_mut().for_each(|byte| *byte = draw.below(256) as u8);
        let moment = Moment { now: self.unix(), random };
        let Gateway { machine, disk, .. } = &mut self.gateway;
        let Some(machine) = machine else { return false };
        let outputs = match machine.handle(disk, input, moment) {
            Ok(outputs) => outputs,
            Err(error) => {
                self.break_law(2, format!("the store fails: {error}"));
                return false;
            }
        };
        if let Some(before) = before {
            self.roll_back(before, outputs);
            return false;
        }
        // Within the transaction.
        for output in &outputs {
            if let Output::SetAlarm(at) = output {
                self.set_alarm(*at);
            }
        }
        let mut taken = false;
        for (nth, output) in outputs.into_iter().enumerate() {
            if cut == Some(nth + 1) {
                self.cut();
                return false;
            }
            taken |= matches!(output, Output::Reply { reply: Reply::Callback { taken: true }, .. });
            self.output(output);
        }
        if cut.is_some() {
            self.cut();
            return false;
        }
        taken
    }

    /// The process ends before the transaction is committed.
    fn roll_back(&mut self, before: super::Disk, outputs: Vec<Output>) {
        if self.is(Mutant::CutsTransactions) {
            // The rows are written, and the alarm is not set.
            self.gateway.disk.alarm_at = before.alarm_at;
        } else {
            self.gateway.disk = before;
        }
        if self.is(Mutant::SendsBeforeStoring) {
            let sends = outputs.into_iter().filter(|output| matches!(output, Output::SendCreate { .. }));
            sends.for_each(|output| self.output(output));
        }
        self.cut();
    }

    /// Derives what is in memory from what is stored, once.
    fn load(&mut self) {
        if self.gateway.machine.is_some() {
            return;
        }
        let (now, settings) = (self.unix(), self.gateway.settings.clone());
        match Account::load(&mut self.gateway.disk, settings, now) {
            Ok((machine, outputs)) => {
                self.gateway.machine = Some(machine);
                for output in outputs {
                    if let Output::SetAlarm(at) = output {
                        self.set_alarm(at);
                    }
                }
            }
            Err(error) => self.break_law(2, format!("what is stored is not read: {error}")),
        }
        if self.is(Mutant::SendsAfterReload) {
            for id in self.gateway.disk.in_mid_create() {
                let job = self.gateway.jobs.iter().find(|job| job.id == id);
                let body = job.map(|job| job.body.clone()).filter(|body| !body.is_empty());
                body.into_iter().for_each(|body| self.output(Output::SendCreate { job: id.clone(), body }));
            }
        }
    }

    /// The process ends: what is in memory is gone, and what is under way.
    fn cut(&mut self) {
        self.counts.crashes += 1;
        trace!(self, "the object is cut off");
        let now = self.now;
        let gateway = &mut self.gateway;
        gateway.generation += 1;
        gateway.cut_at = now;
        gateway.machine = None;
        let waiting = std::mem::take(&mut gateway.waiting);
        let streams = std::mem::take(&mut gateway.streams);
        if self.is(Mutant::LosesObjects) {
            self.gateway.disk.wipe();
        }
        waiting.into_values().for_each(|request| self.drop_request(request));
        for (call, stream, _) in streams.into_values() {
            self.after(20, Event::Stream(call, stream, Pushed::Broken));
        }
    }

    fn set_alarm(&mut self, at: u64) {
        self.gateway.alarm += 1;
        let nth = self.gateway.alarm;
        if self.is(Mutant::DropsAlarms) && nth > MOST_ALARMS {
            return;
        }
        self.gateway.disk.alarm_at = Some(at);
        let at = self.world_of(at);
        self.at(at, Event::Alarm(nth));
    }

    /// The alarm fires, unless another was set in its place.
    pub(crate) fn alarm(&mut self, nth: u32) {
        if self.gateway.alarm != nth || self.gateway.disk.alarm_at.is_none_or(|at| at > self.unix()) {
            return;
        }
        self.gateway.disk.alarm_at = None;
        let generation = self.gateway.generation;
        self.handle(Input::AlarmFired);
        // One whose handler was cut off comes once more.
        if self.gateway.generation != generation && !self.is(Mutant::DropsAlarms) {
            let again = self.unix() + ALARM_AGAIN;
            if self.gateway.disk.alarm_at.is_none_or(|at| at > again) {
                self.set_alarm(again);
            }
        }
    }

    /// Carries out an output.
    fn output(&mut self, output: Output) {
        match output {
            Output::SetAlarm(_) => {}
            Output::Reply { id, reply } => self.answer(id, reply),
            Output::Push { stream, message } => self.push(stream, message),
            Output::CloseStream(stream) => {
                if let Some((call, stream, _)) = self.gateway.streams.remove(&stream) {
                    self.after(100, Event::Stream(call, stream, Pushed::Broken));
                }
            }
            Output::SendCreate { job, body } => match self.known(&job) {
                Some(job) => {
                    self.leaves("https://api.kie.ai/api/v1/jobs/createTask", Bearer::Key);
                    self.gateway.jobs[job].body.clone_from(&body);
                    let account = self.gateway.account;
                    self.depart_job(job, Sent::Create, To::Create(account, body), CREATE_TIMEOUT);
                }
                None => self.serve_stranger(job),
            },
            Output::PollTask { job, task } => {
                let Some(job) = self.known(&job) else { return };
                self.leaves(&format!("https://api.kie.ai/api/v1/jobs/recordInfo?taskId={task}"), Bearer::Key);
                let account = self.gateway.account;
                self.depart_job(job, Sent::Poll(task.clone()), To::Poll(account, task), POLL_TIMEOUT);
            }
            Output::Relay { job, url, .. } => self.elsewhere(&job, &url, Sent::Relay, 15_000),
            Output::CopyResult { job, url } => self.elsewhere(&job, &url, Sent::Copy, 60_000),
            Output::DeleteCopy { job } => {
                self.elsewhere(&job, "https://bucket.example/", Sent::DeleteCopy, 60_000);
            }
            Output::LogEnd { job, state, recovered } => {
                self.counts.recovered += u64::from(recovered);
                let Some(job) = self.known(&job) else { return };
                self.note(u64::from(self.gateway.jobs[job].owner) << 32 | state.len() as u64);
                trace!(self, "job {} ends: {state}", self.name(job));
            }
        }
    }

    fn known(&self, id: &str) -> Option<usize> {
        self.gateway.jobs.iter().position(|job| job.id == id)
    }

    fn elsewhere(&mut self, job: &str, url: &str, sent: Sent, timeout: u64) {
        let Some(job) = self.known(job) else { return };
        self.leaves(url, Bearer::Nothing);
        self.depart_job(job, sent, To::Elsewhere, timeout);
    }

    fn depart_job(&mut self, job: usize, sent: Sent, to: To, timeout: u64) {
        trace!(self, "for job {} leaves: {sent:?}", self.name(job));
        let generation = self.gateway.generation;
        let object = &mut self.gateway.jobs[job];
        let (owner, nth) = (object.owner, object.requests);
        object.requests += 1;
        let give_up = self.now + timeout;
        let way = self.depart(owner, nth, give_up, false);
        let silent = way.instead.is_some();
        let over = way.over(give_up);
        if let Some((at, received)) = way.instead {
            let (at, received) =
                if at > give_up { (give_up, none(NetworkError::TimedOut)) } else { (at, received) };
            self.at(at, Event::Upstream(job, generation, Box::new((sent.clone(), received))));
        } else if way.arrives.is_none() {
            self.at(
                give_up,
                Event::Upstream(job, generation, Box::new((sent.clone(), none(NetworkError::TimedOut)))),
            );
        }
        if let Some(at) = way.arrives {
            let from = Sender::Job(job, generation, sent);
            self.at(at, Event::Reach(Box::new(Request { from, to, nth, silent, give_up, over })));
        }
    }

    /// The result of a request of the object's.
    pub(crate) fn upstream(&mut self, job: usize, generation: u32, (sent, received): (Sent, Received)) {
        if self.gateway.generation != generation {
            return;
        }
        let ok = received.as_ref().is_ok_and(|answer| answer.status == 200);
        let result: UpstreamResult = received.map(|Answer { status, retry_after, text }| Response {
            status,
            retry_after,
            body: Value::parse(&text),
        });
        let job = self.gateway.jobs[job].id.clone();
        self.handle(match sent {
            Sent::Create => Input::Created { job, result },
            Sent::Poll(task) => Input::Polled { job, task, result },
            Sent::Relay => Input::Relayed { job, ok },
            Sent::Copy => Input::Copied { job, ok },
            Sent::DeleteCopy => Input::CopyDeleted { job, ok },
        });
    }

    /// Writes to a stream.
    fn push(&mut self, id: u64, message: String) {
        let Some((call, stream, job)) = self.gateway.streams.get(&id).copied() else { return };
        let object = &mut self.gateway.jobs[job];
        object.pushed += 1;
        let (owner, nth) = (object.owner, object.pushed);
        let broken = if self.trouble(owner, Trouble::StreamCut, nth).is_some() {
            Some(20)
        } else {
            self.trouble(owner, Trouble::StreamSilent, nth).map(|_| SILENCE)
        };
        if let Some(wait) = broken {
            self.gateway.streams.remove(&id);
            return self.after(wait, Event::Stream(call, stream, Pushed::Broken));
        }
        let text = self.announced(job, &message);
        let wait = self.rng.at(owner, what::BACK, nth | 1 << 31).within(2, 60);
        self.after(wait, Event::Stream(call, stream, Pushed::Text(text)));
    }
}

fn words(input: &Input) -> String {
    match input {
        Input::Created { job, result } => {
            format!("Created {job} {:?}", result.as_ref().map(|received| received.status))
        }
        Input::Polled { job, task, result } => {
            format!("Polled {job} {task} {:?}", result.as_ref().map(|received| received.status))
        }
        other => format!("{other:?}"),
    }
}
