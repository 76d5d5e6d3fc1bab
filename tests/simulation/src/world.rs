//! A world: its plan, its clock, and what happens in it, in order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::task::DEFAULT_TIMEOUT;
use crisp_upscale_core::webhook;

use crate::client::{Call, Plan, Process, Pushed, Via};
use crate::gateway::Gateway;
use crate::laws::{Counts, Violation};
use crate::mutant::Mutant;
use crate::network::{Received, Request};
use crate::rng::{Draw, Rng};
use crate::service::{Fate, Service};
use crate::trouble::{ACCOUNT, Part, Place, Trouble};

/// More happens in no world, or something goes on for ever.
const MOST_EVENTS: u32 = 200_000;

/// What a draw that is no trouble is for.
pub(crate) mod what {
    pub(crate) const WORLD: u8 = 100;
    pub(crate) const PROCESS: u8 = 101;
    pub(crate) const CALL: u8 = 102;
    pub(crate) const LATENCY: u8 = 103;
    pub(crate) const BACK: u8 = 104;
    pub(crate) const TASK: u8 = 105;
    pub(crate) const SECRET: u8 = 106;
    pub(crate) const MESSAGE: u8 = 107;
    pub(crate) const USER: u8 = 108;
    pub(crate) const POLL: u8 = 109;
}

/// What happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// A call begins.
    Start(usize),
    /// The time that a call waited for has come.
    Wake(usize, u32),
    /// The result of a call's request.
    Received(usize, u32, Received),
    /// The first call in the queue for a lease may try again.
    Serve(usize, u32),
    /// A process is started again.
    Restart(usize),
    /// The user goes on with a task, or makes the call once more.
    Again(usize),
    /// A stream is opened for a call.
    Open(usize, u32),
    /// Something came on a stream.
    Stream(usize, u32, Pushed),
    /// A request arrives.
    Reach(Box<Request>),
    /// The result of a request of the gateway's object for a job.
    Upstream(usize, u32, Box<(crate::gateway::Sent, Received)>),
    /// A createTask at the gateway has waited long enough.
    Answer(u64, u32),
    /// The alarm of the gateway's object fires.
    Alarm(u32),
    /// Another caller's job comes to a gateway that is overrun.
    Stranger(u32),
    /// The service has refused such a job.
    Served(String, u32),
    /// The service posts a task's end.
    Callback(usize, u32),
    /// A stranger does so, and names this task or another.
    Forged(usize, u64),
}

#[derive(Debug)]
struct Item {
    at: u64,
    nth: u64,
    event: Event,
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.nth).cmp(&(self.at, self.nth))
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.nth) == (other.at, other.nth)
    }
}

impl Eq for Item {}

/// A world.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) rng: Rng,
    /// How much goes wrong, in percent of the rates.
    pub(crate) scale: u64,
    part: Option<&'a Part>,
    /// Whether all calls are one process's, and many.
    crowd: bool,
    pub(crate) mutant: Option<Mutant>,
    /// What went wrong, where that is asked for.
    pub(crate) fired: Option<Vec<Place>>,
    /// What happened, where that is asked for.
    pub(crate) trace: Option<Vec<String>>,
    pub(crate) now: u64,
    queue: BinaryHeap<Item>,
    queued: u64,
    pub(crate) processes: Vec<Process>,
    pub(crate) calls: Vec<Call>,
    pub(crate) gateway: Gateway,
    pub(crate) service: Service,
    pub(crate) violation: Option<Violation>,
    pub(crate) counts: Counts,
    /// Of the ledger and of all that was reported.
    pub(crate) hash: u64,
}

/// Adds a line to the trace, where one is asked for.
macro_rules! trace {
    ($world:expr, $($words:tt)*) => {
        if $world.trace.is_some() {
            let words = format!($($words)*);
            $world.push_trace(words);
        }
    };
}
pub(crate) use trace;

impl<'a> World<'a> {
    /// The world of a seed, or a part of it.
    pub(crate) fn new(seed: u64, part: Option<&'a Part>, mutant: Option<Mutant>) -> Self {
        let rng = Rng(seed);
        let mut draw = rng.at(0, what::WORLD, 0);
        let scale = draw.of(&[0, 30, 100, 100, 100, 250, 600]);
        let mut service = Service { ahead: draw.of(&[0, 0, 300, -900, 5_000, -6_000]), ..Service::default() };
        let purse = if draw.one_in(10) { draw.below(6) as u32 } else { 1_000 };
        let gateway = Gateway::new(service.open_account(purse), &mut draw, mutant);
        let crowd = draw.one_in(12);
        let processes = if crowd { 1 } else { draw.within(1, 4) as usize };
        let mut world = World {
            rng,
            scale,
            part,
            crowd,
            mutant,
            fired: None,
            trace: None,
            now: 0,
            queue: BinaryHeap::new(),
            queued: 0,
            processes: Vec::with_capacity(processes),
            calls: Vec::new(),
            gateway,
            service,
            violation: None,
            counts: Counts::default(),
            hash: seed,
        };
        for nth in 0..processes {
            let mut draw = rng.at(nth as u32, what::PROCESS, 0);
            let via = if draw.one_in(2) { Via::Gateway } else { Via::Direct };
            let purse = if draw.one_in(10) { draw.below(4) as u32 } else { 1_000 };
            let account = match via {
                Via::Direct => world.service.open_account(purse),
                Via::Gateway => world.gateway.account,
            };
            let process = Process::new(via, account, &mut draw);
            let calls = if crowd { draw.within(22, 48) } else { draw.within(1, 4) };
            let span = if crowd { draw.of(&[0, 500, 12_000]) } else { 30_000 };
            world.processes.push(process);
            for _ in 0..calls {
                let call = world.calls.len();
                if world.is_made(call) {
                    world.counts.jobs += 1;
                }
                world.plan(nth, call, span);
            }
        }
        world
    }

    fn plan(&mut self, process: usize, call: usize, span: u64) {
        let mut draw = self.rng.at(call as u32, what::CALL, 0);
        let start = draw.within(0, span);
        let plan = Plan {
            timeout: draw.of(&[DEFAULT_TIMEOUT, DEFAULT_TIMEOUT, 120_000, 30_000, 12_000]),
            keyed: draw.one_in(3),
            upload: draw.one_in(6),
            relay: draw.one_in(4),
            returns: draw.below(3) as u32,
        };
        self.processes[process].calls.push(call);
        self.calls.push(Call::new(process, call, plan));
        if self.is_made(call) {
            self.at(start, Event::Start(call));
        }
    }

    pub(crate) fn is_made(&self, call: usize) -> bool {
        self.part.is_none_or(|part| part.calls.contains(&(call as u32)))
    }

    /// Whether this goes wrong here, and if it does, what is drawn about how.
    pub(crate) fn trouble(&mut self, owner: u32, trouble: Trouble, nth: u32) -> Option<Draw> {
        if self.scale == 0 {
            return None;
        }
        let mut draw = self.rng.at(owner, trouble as u8, nth);
        if draw.below(10_000_000) >= trouble.rate() * self.scale {
            return None;
        }
        let place = Place { owner, trouble, nth };
        if self.part.is_some_and(|part| !part.troubles.contains(&place)) {
            return None;
        }
        self.counts.troubles += 1;
        if let Some(fired) = &mut self.fired {
            fired.push(place);
        }
        trace!(self, "  ({place})");
        Some(draw)
    }

    /// Whether the world has this defect, on purpose.
    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn at(&mut self, at: u64, event: Event) {
        self.queued += 1;
        self.queue.push(Item { at: at.max(self.now), nth: self.queued, event });
    }

    pub(crate) fn after(&mut self, wait: u64, event: Event) {
        self.at(self.now.saturating_add(wait), event);
    }

    pub(crate) fn push_trace(&mut self, words: String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>10.3} s  {words}", self.now as f64 / 1_000.0));
        }
    }

    pub(crate) fn note(&mut self, number: u64) {
        self.hash = crate::rng::mix(self.hash ^ number).wrapping_add(self.now);
    }

    /// Plays it to its end.
    pub(crate) fn play(&mut self) {
        if self.crowd && self.trouble(ACCOUNT, Trouble::Overrun, 0).is_some() {
            self.overrun();
        }
        let mut events = 0;
        while self.violation.is_none() {
            let Some(Item { at, event, .. }) = self.queue.pop() else { break };
            self.now = at;
            events += 1;
            if events > MOST_EVENTS {
                self.break_law(3, "something goes on for ever".to_owned());
            }
            self.happen(event);
        }
        self.counts.events += u64::from(events);
        if self.violation.is_none() {
            self.judge();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start(call) => self.start(call),
            Event::Wake(call, epoch) => self.wake(call, epoch),
            Event::Received(call, epoch, received) => self.received(call, epoch, received),
            Event::Serve(process, generation) => {
                if self.processes[process].generation == generation {
                    self.serve(process);
                }
            }
            Event::Restart(process) => self.restart(process),
            Event::Again(call) => self.again(call),
            Event::Open(call, stream) => self.open(call, stream),
            Event::Stream(call, stream, pushed) => self.receive_pushed(call, stream, pushed),
            Event::Reach(request) => self.reach(*request),
            Event::Upstream(job, generation, received) => self.upstream(job, generation, *received),
            Event::Answer(id, generation) => self.answer_timeout(id, generation),
            Event::Alarm(nth) => self.alarm(nth),
            Event::Stranger(nth) => self.stranger(nth),
            Event::Served(job, generation) => self.served(job, generation),
            Event::Callback(task, tried) => self.callback(task, tried),
            Event::Forged(task, draw) => self.forge(task, draw),
        }
    }

    /// What becomes of the task that this call makes now, if it makes one.
    pub(crate) fn fate(&mut self, owner: u32, nth: u32) -> Fate {
        let mut draw = self.rng.at(owner, what::TASK, nth);
        let took = if draw.one_in(20) { draw.within(60_000, 900_000) } else { draw.within(800, 45_000) };
        let mut fate = Fate {
            end: self.now + took,
            success: true,
            billed: true,
            known: self.now + draw.of(&[0, 0, 1_500]),
            named: 0,
            form: draw.below(64),
        };
        if let Some(mut draw) = self.trouble(owner, Trouble::Hidden, nth) {
            fate.known = self.now + draw.within(2_000, 85_000);
        }
        if self.trouble(owner, Trouble::Stuck, nth).is_some() {
            fate.end = u64::MAX;
        }
        if self.trouble(owner, Trouble::Fails, nth).is_some() {
            fate.success = false;
            fate.billed = self.trouble(owner, Trouble::ChargedFailure, nth).is_some();
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::Nameless, nth) {
            fate.named =
                draw.of(&[fate.end.saturating_add(4_000), fate.end.saturating_add(60_000), u64::MAX]);
        }
        fate
    }

    /// A stranger posts the end of a task to the URL of a job: with its secret, which only an insider can have, the end
    /// of another's; or with another secret.
    fn forge(&mut self, task: usize, draw: u64) {
        let url = self.service.tasks[task].call_back_url.clone().unwrap_or_default();
        let Some((id, secret)) = job_of(&url) else { return };
        let other = self.service.tasks[(draw >> 1) as usize % self.service.tasks.len()].id.clone();
        let taken = if draw & 1 == 0 {
            self.called(id, secret, vec![other])
        } else {
            self.called(id, "another", vec![other])
        };
        trace!(self, "a forged callback for job {id}: {}", if taken { "taken" } else { "not taken" });
        if taken && draw & 1 == 1 {
            self.break_law(6, "a callback with another secret is taken".to_owned());
        }
    }

    /// The service posts a task's end to its `callBackUrl`, and again where that is not taken.
    fn callback(&mut self, task: usize, tried: u32) {
        let body = self.service.callback(task);
        let url = self.service.tasks[task].call_back_url.clone().unwrap_or_default();
        let Some((id, secret)) = job_of(&url) else { return };
        let posted =
            webhook::Posted { method: "POST", timestamp: None, signature: None, body: Some(body.as_str()) };
        let taken = webhook::open::<crate::doc::Doc>(posted, None, 0).is_ok_and(|opened| {
            let tasks = opened.claims.into_iter().map(|claim| claim.task_id).collect();
            self.called(id, secret, tasks)
        });
        trace!(self, "a callback of task {task}: {}", if taken { "taken" } else { "not taken" });
        if !taken && tried < 2 {
            self.after([5_000, 60_000][tried as usize], Event::Callback(task, tried + 1));
        }
    }
}

/// The job and the secret of a callback's URL.
fn job_of(url: &str) -> Option<(&str, &str)> {
    let mut parts = url.rsplit('/');
    let secret = parts.next()?;
    Some((parts.next()?, secret))
}

/// No answer, for this reason.
pub(crate) fn none(fault: NetworkError) -> Received {
    Err(fault)
}
