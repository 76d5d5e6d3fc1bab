//! Clients: processes that play the machines of core as `src/operations` does, and keep their attempts as
//! `npm/submission.ts` does.

mod stream;

use std::collections::VecDeque;

use crisp_upscale_core::api::{CREATE_TASK, CreateTask, FILE_STREAM_UPLOAD, RECORD_INFO, Response};
use crisp_upscale_core::endpoints;
use crisp_upscale_core::failure::{Charged, Failure, Kind};
use crisp_upscale_core::idempotency;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::rate_limit::{Limiter, Rate};
use crisp_upscale_core::schedule::Durations;
use crisp_upscale_core::task::{Create, Instant, TaskSuccess, Upload, Watch, create, upload, watch};

use crate::doc::Doc;
use crate::mutant::Mutant;
use crate::network::{Bearer, GATEWAY_HOST, Received, Request, Sender, To};
use crate::rng::Draw;
use crate::service::{Answer, BEGIN};
use crate::trouble::Trouble;
use crate::world::{Event, World, none, trace, what};

/// A process that learns forgets all when it has learned from so many tasks: the pace is measured elsewhere, and
/// working it out from 32 of them would take most of the time here.
const MOST_DURATIONS: usize = 2;

/// For how long a clock that never goes back may stand still while its machine sleeps, in milliseconds. Not for as long
/// as the gateway keeps a job: a client that does not know that so much time has passed sends a createTask again
/// under a key that the gateway has forgotten.
const LONGEST_STANDSTILL: u64 = 1_000_000;

/// Whom a process asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Direct,
    Gateway,
}

/// A process, and the machine that it runs on.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) via: Via,
    /// At the service.
    pub(crate) account: usize,
    /// Whether its store outlives it.
    pub(crate) keeps: bool,
    /// Whether it subscribes to what is pushed.
    pub(crate) pushes: bool,
    /// Whether the runtime proves that no connection was made.
    proves: bool,
    /// Whether it sends a POST again by itself, as browsers do.
    doubles: bool,
    limiter: Option<Limiter>,
    /// Calls in the queue for a lease.
    waiting: VecDeque<usize>,
    durations: Durations,
    /// Whether it learns from the tasks that it sees.
    learns: bool,
    /// How often it was started.
    pub(crate) generation: u32,
    asleep_until: u64,
    /// How far its clock that never goes back is behind the world's, since it stood still while the machine slept.
    behind: u64,
    /// Whether it ever slept.
    slept: bool,
    /// How far its wall clock is ahead.
    ahead: i64,
    /// The path of the event stream, once the server has said it.
    events: Option<String>,
    /// Streams in a row that came to nothing.
    failures: u32,
    pub(crate) calls: Vec<usize>,
}

impl Process {
    pub(crate) fn new(via: Via, account: usize, draw: &mut Draw) -> Self {
        let direct = via == Via::Direct;
        Process {
            via,
            account,
            keeps: !draw.one_in(4),
            pushes: !direct && draw.one_in(2),
            proves: draw.one_in(2),
            doubles: draw.one_in(2),
            limiter: (direct && !draw.one_in(5)).then(Limiter::default),
            waiting: VecDeque::new(),
            durations: Durations::default(),
            learns: draw.one_in(12),
            generation: 0,
            asleep_until: 0,
            behind: 0,
            slept: false,
            ahead: 0,
            events: None,
            failures: 0,
            calls: Vec::new(),
        }
    }

    /// Whether its account meets the rate limit by this process's limiter, which a restart forgets.
    pub(crate) fn is_limited(&self) -> bool {
        self.limiter.is_some() && self.generation == 0
    }
}

/// What is fixed of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The caller's, in milliseconds.
    pub(crate) timeout: u64,
    /// Whether the caller gives an `idempotencyKey`.
    pub(crate) keyed: bool,
    /// Whether the image is a file.
    pub(crate) upload: bool,
    /// Whether the gateway is to post the end to the caller's server.
    pub(crate) relay: bool,
    /// How often the user comes back to it.
    pub(crate) returns: u32,
}

/// What is kept of an attempt.
#[derive(Clone, Debug)]
struct Entry {
    task: Option<String>,
    created: f64,
}

/// What the user was last shown.
#[derive(Clone, Debug)]
pub(crate) enum Report {
    /// How the job ended.
    Ended(Result<TaskSuccess, Failure>),
    /// After a restart or an abort: it was cut off while its task was being made. Look at the account.
    CutOff,
    /// The user has stopped waiting for this task.
    Left(String),
    /// After a restart, where nothing is kept.
    Gone,
}

/// What arrives on a stream.
#[derive(Debug)]
pub(crate) enum Pushed {
    Text(String),
    Broken,
}

/// One call of the user's.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) process: usize,
    pub(crate) plan: Plan,
    /// The image's URL, once it is known.
    image: String,
    machine: Machine,
    /// Which step it is at: what comes for another is too late.
    pub(crate) epoch: u32,
    steps: u32,
    requests: u32,
    entry: Option<Entry>,
    /// How often the attempt was begun anew, each under a key of its own.
    attempts: u32,
    deadline: Instant,
    /// Whether it waits for a time or for what is pushed.
    idle: Option<Instant>,
    /// Whether it holds a lease of the limiter.
    lease: bool,
    /// Its stream, and what has arrived on it and is not taken yet.
    stream: u32,
    subscription: Option<VecDeque<Pushed>>,
    opened: u64,
    pushed: bool,
    /// What was learned of its task.
    pub(crate) task: Option<String>,
    returns: u32,
    pub(crate) report: Option<Report>,
    /// Something was lost with a process that keeps nothing.
    pub(crate) lost: bool,
}

#[derive(Debug)]
enum Machine {
    Nothing,
    Upload(Upload),
    Create(Create),
    Watch(Watch, String),
}

impl Call {
    pub(crate) fn new(process: usize, nth: usize, plan: Plan) -> Self {
        Call {
            process,
            plan,
            image: format!("https://images.example/{nth}.png"),
            machine: Machine::Nothing,
            epoch: 0,
            steps: 0,
            requests: 0,
            entry: None,
            attempts: 0,
            deadline: 0,
            idle: None,
            lease: false,
            stream: 0,
            subscription: None,
            opened: 0,
            pushed: false,
            task: None,
            returns: 0,
            report: None,
            lost: false,
        }
    }
}

impl World<'_> {
    fn process(&mut self, call: usize) -> &mut Process {
        let process = self.calls[call].process;
        &mut self.processes[process]
    }

    /// The clock of the call's process that never goes back.
    fn instant(&mut self, call: usize) -> Instant {
        // Long ago, as `performance.now()` is there.
        (1 << 48) + self.now - self.process(call).behind
    }

    /// When its job is to give up.
    fn deadline(&self, call: usize) -> Instant {
        if self.is(Mutant::WaitsForEver) { u64::MAX } else { self.calls[call].deadline }
    }

    /// When that clock will show the instant.
    fn world_time(&mut self, call: usize, instant: Instant) -> u64 {
        self.now + instant.saturating_sub(self.instant(call))
    }

    /// Its wall clock, in Unix milliseconds.
    fn wall(&mut self, call: usize) -> f64 {
        (BEGIN + self.now) as f64 + self.process(call).ahead as f64
    }

    /// The `Idempotency-Key` of the present attempt.
    fn key(&mut self, call: usize) -> String {
        let Call { plan, attempts, requests, .. } = &self.calls[call];
        let (attempts, requests) = (if plan.keyed { 0 } else { *attempts }, *requests);
        if self.is(Mutant::NewKeyEachTime) {
            return format!("call-{call}-{attempts}-{requests}");
        }
        format!("call-{call}-{attempts}")
    }

    /// The user calls.
    pub(crate) fn start(&mut self, call: usize) {
        if self.sleeps(call, Event::Start) {
            return;
        }
        self.calls[call].deadline = self.instant(call) + self.calls[call].plan.timeout;
        trace!(self, "call {call} begins");
        if self.calls[call].plan.upload {
            self.calls[call].machine = Machine::Upload(Upload::new(self.deadline(call)));
            self.step_upload(call, upload::Input::Started);
        } else {
            self.begin(call);
        }
    }

    /// An attempt is written down and begins.
    fn begin(&mut self, call: usize) {
        self.calls[call].attempts += 1;
        if !self.is(Mutant::WritesAfter) {
            self.calls[call].entry = Some(Entry { task: None, created: self.wall(call) });
        }
        let (deadline, process) = (self.deadline(call), self.calls[call].process);
        let is_idempotent = self.processes[process].via == Via::Gateway;
        self.calls[call].machine = Machine::Create(Create::new(deadline, is_idempotent));
        self.step_create(call, create::Input::Started);
    }

    /// What the call orders.
    fn create_task(&mut self, call: usize) -> CreateTask {
        let is_gateway = self.process(call).via == Via::Gateway;
        let Call { image, plan, .. } = &self.calls[call];
        let relay = (plan.relay && is_gateway).then(|| format!("https://site.example/done/{call}"));
        CreateTask::upscale(image.clone(), relay)
    }

    /// Goes on with a task.
    fn follow(&mut self, call: usize, task: String, created: f64) {
        let age = (self.wall(call) - created).max(0.0) as u64;
        let made = self.instant(call).saturating_sub(age);
        let watch = Watch::new(task.clone(), made, self.deadline(call));
        self.calls[call].machine = Machine::Watch(watch, task);
        self.subscribe(call);
        // Where a stream is hoped for, the watch begins with a subscription.
        let hopes = self.calls[call].subscription.is_some() && self.process(call).failures == 0;
        self.step_watch(call, if hopes { watch::Input::Subscribed } else { watch::Input::Started });
    }

    /// Whether its machine sleeps; the event comes when it wakes up.
    fn sleeps(&mut self, call: usize, event: impl FnOnce(usize) -> Event) -> bool {
        let until = self.process(call).asleep_until;
        if self.now < until {
            self.at(until, event(call));
        }
        self.now < until
    }

    pub(crate) fn wake(&mut self, call: usize, epoch: u32) {
        if self.calls[call].epoch != epoch || self.sleeps(call, |call| Event::Wake(call, epoch)) {
            return;
        }
        let Some(then) = self.calls[call].idle else { return };
        if self.instant(call) < then {
            // The clock stood still meanwhile.
            let at = self.world_time(call, then);
            return self.at(at, Event::Wake(call, epoch));
        }
        let process = self.calls[call].process;
        let queue = &mut self.processes[process].waiting;
        if let Some(place) = queue.iter().position(|other| *other == call) {
            queue.remove(place);
            return self.step_create(call, create::Input::LeaseTimedOut);
        }
        match self.calls[call].machine {
            Machine::Nothing => {}
            Machine::Upload(_) => self.step_upload(call, upload::Input::TimerFired),
            Machine::Create(_) => self.step_create(call, create::Input::TimerFired),
            Machine::Watch(..) => self.step_watch(call, watch::Input::TimerFired),
        }
    }

    /// The result of its request.
    pub(crate) fn received(&mut self, call: usize, epoch: u32, received: Received) {
        if self.calls[call].epoch != epoch {
            return;
        }
        if self.now < self.process(call).asleep_until {
            let until = self.process(call).asleep_until;
            return self.at(until, Event::Received(call, epoch, received));
        }
        trace!(self, "call {call} receives: {}", words(&received));
        let lost = matches!(received, Err(NetworkError::Lost | NetworkError::TimedOut));
        let outcome = received.map(|Answer { status, retry_after, text }| Response {
            status,
            retry_after,
            body: Doc::parse(&text),
        });
        if let Ok(response) = &outcome
            && let Some(path) = self.path_of(response)
        {
            self.process(call).events = Some(path);
        }
        self.release_lease(call);
        match self.calls[call].machine {
            Machine::Nothing => {}
            Machine::Upload(_) => {
                let input = outcome.map_or_else(upload::Input::NetworkError, upload::Input::Response);
                self.step_upload(call, input);
            }
            Machine::Create(_) if lost && self.is(Mutant::SendsAgain) => {
                let then = self.calls[call].deadline;
                self.send_create(call, then);
            }
            Machine::Create(_) => {
                let input = outcome.map_or_else(create::Input::NetworkError, create::Input::Response);
                self.step_create(call, input);
            }
            Machine::Watch(..) => {
                let input = outcome.map_or_else(watch::Input::NetworkError, watch::Input::Response);
                self.step_watch(call, input);
            }
        }
    }

    /// Where a reply says that the server pushes.
    fn path_of(&self, response: &Response<Doc>) -> Option<String> {
        if self.is(Mutant::FollowsAnywhere) {
            return response.body.as_ref()?.get("data")?.get("events")?.text();
        }
        response.envelope()?.events()
    }

    /// Whether the process or the call ends here.
    fn ends(&mut self, call: usize) -> bool {
        self.calls[call].steps += 1;
        let (owner, nth) = (call as u32, self.calls[call].steps);
        if let Some(mut draw) = self.trouble(owner, Trouble::Crash, nth) {
            let wait = draw.of(&[500, 20_000, 100_000, 4_000_000]);
            self.crash(call, wait);
            return true;
        }
        if self.trouble(owner, Trouble::Abort, nth).is_some() {
            self.abort(call);
            return true;
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::Sleep, nth) {
            let long = draw.of(&[3_000, 60_000, LONGEST_STANDSTILL, 30_000_000]);
            let until = self.now + long;
            let process = self.process(call);
            let stands_still = draw.one_in(2) && process.behind + long <= LONGEST_STANDSTILL;
            process.asleep_until = until;
            process.slept = true;
            if stands_still {
                process.behind += long;
            }
        }
        if let Some(mut draw) = self.trouble(owner, Trouble::ClockSet, nth) {
            self.process(call).ahead += draw.of(&[-7_200_000, -90_000, 5_000, 3_600_000, 100_000_000]);
        }
        false
    }

    fn step_upload(&mut self, call: usize, input: upload::Input<Doc>) {
        if self.ends(call) {
            return;
        }
        let now = self.instant(call);
        let Machine::Upload(upload) = &mut self.calls[call].machine else { return };
        match upload.handle(input, now) {
            upload::Output::Send { until } => {
                let host = endpoints::API.to_owned();
                let (base, bearer) = match self.process(call).via {
                    Via::Direct => (endpoints::upload_base_url(None, host), Bearer::Key),
                    Via::Gateway => (GATEWAY_HOST.to_owned(), Bearer::Token),
                };
                self.leaves(&format!("{base}{FILE_STREAM_UPLOAD}"), bearer);
                self.depart_call(call, To::Upload, until);
            }
            upload::Output::Sleep { until } => self.wait(call, until),
            upload::Output::Uploaded(url) => {
                self.calls[call].image = url;
                self.begin(call);
            }
            upload::Output::Failed(failure) => self.finish(call, Err(*failure)),
        }
    }

    fn step_create(&mut self, call: usize, input: create::Input<Doc>) {
        if self.ends(call) {
            return;
        }
        let now = self.instant(call);
        let Machine::Create(create) = &mut self.calls[call].machine else { return };
        match create.handle(input, now) {
            create::Output::AcquireLease { until } => self.acquire_lease(call, until),
            create::Output::Send { until } => self.send_create(call, until),
            create::Output::Sleep { until } => self.wait(call, until),
            create::Output::Created(task) => self.created(call, task),
            create::Output::Failed(failure) => self.finish(call, Err(*failure)),
        }
    }

    /// The task is written down, and watched.
    fn created(&mut self, call: usize, task: String) {
        trace!(self, "call {call} has the task {task}");
        self.calls[call].task = Some(task.clone());
        let created = self.wall(call);
        let entry = &mut self.calls[call].entry;
        let begun = entry.as_ref().map_or(created, |entry| entry.created);
        *entry = Some(Entry { task: Some(task.clone()), created: begun });
        self.follow(call, task, created);
    }

    fn step_watch(&mut self, call: usize, input: watch::Input<Doc>) {
        if self.ends(call) {
            return;
        }
        let now = self.instant(call);
        let process = &mut self.processes[self.calls[call].process];
        let Machine::Watch(watch, task) = &mut self.calls[call].machine else { return };
        let task = task.clone();
        let step = watch.handle(input, now, &mut process.durations);
        if process.durations.iter().nth(if process.learns { MOST_DURATIONS } else { 0 }).is_some() {
            process.durations = Durations::default();
        }
        match step.output {
            watch::Output::Poll { until } => self.send_poll(call, task, until),
            watch::Output::Sleep { until } => {
                self.subscribe(call);
                self.wait(call, until);
                self.take_pushed(call);
            }
            watch::Output::Succeeded(success) => self.finish(call, Ok(*success)),
            watch::Output::Failed(failure) => self.finish(call, Err(*failure)),
        }
    }

    fn wait(&mut self, call: usize, then: Instant) {
        let at = self.world_time(call, then);
        let waits = &mut self.calls[call];
        waits.epoch += 1;
        waits.idle = Some(then);
        let epoch = waits.epoch;
        // What nobody will see is no event.
        if at < u64::MAX / 2 {
            self.at(at, Event::Wake(call, epoch));
        }
    }

    fn acquire_lease(&mut self, call: usize, until: Instant) {
        let process = self.calls[call].process;
        if self.processes[process].limiter.is_none() || self.is(Mutant::NoLeases) {
            return self.step_create(call, create::Input::LeaseAcquired);
        }
        self.wait(call, until);
        self.processes[process].waiting.push_back(call);
        self.serve(process);
    }

    /// Grants leases to the queue, the first first.
    pub(crate) fn serve(&mut self, process: usize) {
        while let Some(&call) = self.processes[process].waiting.front() {
            let (now, generation) = (self.instant(call), self.processes[process].generation);
            if self.now < self.processes[process].asleep_until {
                let until = self.processes[process].asleep_until;
                return self.at(until, Event::Serve(process, generation));
            }
            let forgetful = self.is(Mutant::CountsStartsOnly);
            let Some(limiter) = &mut self.processes[process].limiter else { return };
            match limiter.acquire(Rate::DOCUMENTED, now) {
                Ok(()) => {
                    if forgetful {
                        limiter.release(now);
                    }
                    self.processes[process].waiting.pop_front();
                    self.calls[call].lease = !forgetful;
                    self.step_create(call, create::Input::LeaseAcquired);
                }
                Err(Some(free)) => {
                    let at = self.world_time(call, free);
                    return self.at(at, Event::Serve(process, generation));
                }
                Err(None) => return,
            }
        }
    }

    /// Whether there is no token to send a request with.
    fn has_no_token(&mut self, call: usize) -> bool {
        let nth = self.calls[call].requests;
        if self.process(call).via == Via::Direct || self.trouble(call as u32, Trouble::NoToken, nth).is_none()
        {
            return false;
        }
        self.calls[call].requests += 1;
        self.calls[call].epoch += 1;
        let epoch = self.calls[call].epoch;
        self.after(10, Event::Received(call, epoch, none(NetworkError::NoToken)));
        true
    }

    fn send_create(&mut self, call: usize, give_up: Instant) {
        if self.has_no_token(call) {
            return;
        }
        let to = match self.process(call).via {
            Via::Direct => {
                self.leaves(&format!("{}{CREATE_TASK}", endpoints::API), Bearer::Key);
                // Plain fields can always be written.
                let body = serde_json::to_string(&self.create_task(call)).unwrap_or_default();
                To::Create(self.process(call).account, body)
            }
            Via::Gateway => {
                self.leaves(&format!("{GATEWAY_HOST}{CREATE_TASK}"), Bearer::Token);
                To::GatewayCreate(self.key(call))
            }
        };
        trace!(self, "call {call} sends createTask");
        self.depart_call(call, to, give_up);
    }

    fn send_poll(&mut self, call: usize, task: String, give_up: Instant) {
        if self.has_no_token(call) {
            return;
        }
        trace!(self, "call {call} polls {task}");
        let to = match self.process(call).via {
            Via::Direct => {
                self.leaves(&format!("{}{RECORD_INFO}?taskId={task}", endpoints::API), Bearer::Key);
                To::Poll(self.process(call).account, task)
            }
            Via::Gateway => {
                self.leaves(&format!("{GATEWAY_HOST}{RECORD_INFO}?taskId={task}"), Bearer::Token);
                To::GatewayPoll(task)
            }
        };
        self.depart_call(call, to, give_up);
    }

    fn depart_call(&mut self, call: usize, to: To, give_up: Instant) {
        let give_up = self.world_time(call, give_up).min(self.now + 1_000_000_000);
        let (proves, doubles) = (self.process(call).proves, self.process(call).doubles);
        let sends = &mut self.calls[call];
        sends.epoch += 1;
        sends.idle = None;
        let (epoch, nth) = (sends.epoch, sends.requests);
        sends.requests += 1;
        let posts = matches!(to, To::GatewayCreate(_));
        // Gateways know the two for one. Straight to the API nothing can be done about it, so it is not played.
        let first = match &to {
            To::GatewayCreate(key) if doubles => self
                .trouble(call as u32, Trouble::Doubled, nth)
                .map(|draw| (draw, To::GatewayCreate(key.clone()))),
            _ => None,
        };
        let way = self.depart(call as u32, nth, give_up, proves);
        let over = way.over(give_up);
        let from = Sender::Call(call, epoch);
        if let Some((at, received)) = way.instead {
            let (at, received) =
                if at > give_up { (give_up, none(NetworkError::TimedOut)) } else { (at, received) };
            self.at(at, Event::Received(call, epoch, received));
            self.reach_later(Request { from, to, nth, silent: true, give_up, over }, way.arrives);
            return;
        }
        // The first breaks off, and the browser sends it again.
        if let (Some((mut draw, to)), Some(at)) = (first, way.arrives) {
            let early = self.now + draw.below(at - self.now + 1);
            let from = Sender::Call(call, epoch);
            self.reach_later(Request { from, to, nth, silent: true, give_up, over }, Some(early));
        }
        if way.arrives.is_none() || posts {
            self.at(give_up, Event::Received(call, epoch, none(NetworkError::TimedOut)));
        }
        self.reach_later(Request { from, to, nth, silent: false, give_up, over }, way.arrives);
    }

    fn reach_later(&mut self, request: Request, arrives: Option<u64>) {
        if let Some(at) = arrives {
            self.at(at, Event::Reach(Box::new(request)));
        }
    }

    /// The call has ended, as far as this process knows.
    fn finish(&mut self, call: usize, mut end: Result<TaskSuccess, Failure>) {
        let late = self.instant(call).saturating_sub(self.calls[call].deadline);
        if late > 1_000 && !self.process(call).slept {
            self.break_law(3, format!("call {call} ends {late} ms after its time was over"));
        }
        self.unsubscribe(call);
        self.calls[call].machine = Machine::Nothing;
        self.calls[call].epoch += 1;
        if let Err(failure) = &mut end {
            match failure.kind {
                Kind::Timeout if self.is(Mutant::ForgetsTask) => failure.task_id = None,
                Kind::Timeout if self.is(Mutant::SaysYes) => failure.charged = Charged::Yes,
                Kind::OutcomeUnknown if self.is(Mutant::SaysNo) => failure.charged = Charged::No,
                _ => {}
            }
        }
        if let Ok(upscaled) = &mut end {
            if self.is(Mutant::WrongFile) {
                upscaled.url = self.service.tasks.first().map(|task| task.url()).unwrap_or_default();
            }
            let url = upscaled.url.clone();
            let bearer = if self.is(Mutant::KeyToResults) { Bearer::Key } else { Bearer::Nothing };
            self.leaves(&url, bearer);
        }
        let over = match &end {
            Ok(_) => true,
            Err(failure) if failure.task_id.is_some() => !failure.resumable,
            Err(failure) => failure.charged == Charged::No,
        };
        if over {
            self.calls[call].entry = None;
        }
        let reported = match &end {
            Ok(_) => 1,
            Err(failure) => failure.kind as u64 * 4 + failure.charged as u64 + 2,
        };
        self.note((call as u64) << 32 | reported);
        trace!(self, "call {call} ends: {}", ended(&end));
        // A user comes back now or then where nothing was made, or where the task goes on.
        let goes_on = match &end {
            Ok(_) => false,
            Err(failure) => match failure.charged {
                Charged::No => failure.retryable,
                _ => failure.resumable && failure.task_id.is_some(),
            },
        };
        let ends = &mut self.calls[call];
        ends.report = Some(Report::Ended(end));
        if goes_on && ends.returns < ends.plan.returns {
            ends.returns += 1;
            let mut draw = self.rng.at(call as u32, what::USER, self.calls[call].returns);
            let wait = draw.of(&[100, 5_000, 100_000, 3_000_000, 5_000_000]);
            self.after(wait, Event::Again(call));
        }
    }

    /// The user goes on, by what was reported or is kept.
    pub(crate) fn again(&mut self, call: usize) {
        if self.sleeps(call, Event::Again) || !matches!(self.calls[call].machine, Machine::Nothing) {
            return;
        }
        self.calls[call].deadline = self.instant(call) + self.calls[call].plan.timeout;
        let resumes = match &self.calls[call].report {
            Some(Report::Left(task)) => Some(task.clone()),
            Some(Report::Ended(Err(failure))) if failure.charged != Charged::No => failure.task_id.clone(),
            _ => None,
        };
        let kept = self.calls[call].entry.as_ref().map_or(0.0, |entry| entry.created);
        match resumes {
            Some(task) => {
                trace!(self, "call {call} is resumed");
                self.follow(call, task, kept);
            }
            None => self.start(call),
        }
    }

    /// The user stops waiting. What was sent is not taken back.
    fn abort(&mut self, call: usize) {
        trace!(self, "the user of call {call} stops waiting");
        self.unsubscribe(call);
        let process = self.calls[call].process;
        self.processes[process].waiting.retain(|other| *other != call);
        self.release_lease(call);
        let left = &mut self.calls[call];
        left.epoch += 1;
        left.machine = Machine::Nothing;
        let task = left.task.clone();
        left.report = Some(task.map_or(Report::CutOff, Report::Left));
        if left.task.is_some() && left.returns < left.plan.returns {
            left.returns += 1;
            self.after(30_000, Event::Again(call));
        }
    }

    /// Releases its lease, if it has one.
    fn release_lease(&mut self, call: usize) {
        let instant = self.instant(call);
        if std::mem::take(&mut self.calls[call].lease) {
            if let Some(limiter) = &mut self.process(call).limiter {
                limiter.release(instant);
            }
            let process = self.calls[call].process;
            self.serve(process);
        }
    }

    /// Its process ends, with all that is only in memory.
    fn crash(&mut self, call: usize, wait: u64) {
        let nth = self.calls[call].process;
        self.counts.crashes += 1;
        let forgets = self.is(Mutant::LosesStore);
        let process = &mut self.processes[nth];
        process.generation += 1;
        process.limiter = process.limiter.take().map(|_| Limiter::default());
        process.waiting.clear();
        process.durations = Durations::default();
        process.events = None;
        process.failures = 0;
        process.asleep_until = self.now + wait;
        let (keeps, calls) = (process.keeps && !forgets, process.calls.clone());
        for call in calls {
            let has = &mut self.calls[call];
            has.epoch += 1;
            has.stream += 1;
            has.lease = false;
            has.idle = None;
            has.subscription = None;
            if !keeps {
                has.entry = None;
            }
        }
        self.after(wait, Event::Restart(nth));
        trace!(self, "process {nth} ends, and is started again {wait} ms later");
    }

    /// A process is started again: what is pending is resumed or reported.
    pub(crate) fn restart(&mut self, process: usize) {
        for nth in 0..self.processes[process].calls.len() {
            let call = self.processes[process].calls[nth];
            if matches!(self.calls[call].machine, Machine::Nothing) {
                continue;
            }
            self.calls[call].machine = Machine::Nothing;
            self.calls[call].deadline = self.instant(call) + self.calls[call].plan.timeout;
            let entry = self.calls[call].entry.clone();
            trace!(self, "call {call} is found by its process: {entry:?}");
            match entry {
                // The caller makes the same call once more, by its key; or resumes it.
                Some(Entry { task, created }) if self.calls[call].plan.keyed => {
                    match idempotency::check_repeat("image", "image", task.is_some()) {
                        Ok(()) => self.follow(call, task.unwrap_or_default(), created),
                        Err(failure) => self.finish(call, Err(*failure)),
                    }
                }
                Some(Entry { task: Some(_), .. }) if self.is(Mutant::ForgetsAtRestart) => {
                    self.calls[call].report = Some(Report::Gone);
                }
                Some(Entry { task: Some(task), created }) => self.follow(call, task, created),
                Some(Entry { task: None, .. }) => self.calls[call].report = Some(Report::CutOff),
                // It was not written down, so nothing was sent.
                None if self.processes[process].keeps => self.start(call),
                None => {
                    self.calls[call].report = Some(Report::Gone);
                    self.calls[call].lost = true;
                }
            }
        }
    }

    /// Whether the call has come to its end.
    pub(crate) fn is_over(&self, call: usize) -> bool {
        matches!(self.calls[call].machine, Machine::Nothing) && self.calls[call].report.is_some()
    }

    /// The image of a call, and where its caller wants the end to be posted.
    pub(crate) fn order(&self, call: usize) -> (String, Option<String>) {
        let Call { image, plan, .. } = &self.calls[call];
        (image.clone(), plan.relay.then(|| format!("https://site.example/done/{call}")))
    }
}

fn words(received: &Received) -> String {
    match received {
        Ok(answer) => format!("{} {}", answer.status, answer.text),
        Err(fault) => format!("nothing ({fault:?})"),
    }
}

fn ended(end: &Result<TaskSuccess, Failure>) -> String {
    match end {
        Ok(upscaled) => format!("success, {}", upscaled.url),
        Err(failure) => {
            format!("{}, charged: {:?}, task: {:?}", failure.kind.as_str(), failure.charged, failure.task_id)
        }
    }
}
