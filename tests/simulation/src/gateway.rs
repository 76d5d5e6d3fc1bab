//! The gateway: the Worker, and the object of the account. It plays the real machine over a store in memory: each input
//! is one transaction, and what comes out is carried out after it. It may be cut off in between, and anywhere else.

mod machine;
mod store;
mod strangers;

use std::collections::BTreeMap;

use crisp_upscale_core::network_error::NetworkError;
use crisp_upscale_core::rate_limit::Rate;
use crisp_upscale_gateway_core::protocol::{self, Reply};
use crisp_upscale_gateway_core::secret::Secret;
use crisp_upscale_gateway_core::{Account, Input, Moment, Order, Output, Settings, ids, timeouts};

use self::store::Disk;
use crate::client::Pushed;
use crate::mutant::Mutant;
use crate::network::{GATEWAY_HOST, Request, Sender, To};
use crate::rng::Draw;
use crate::service::{Answer, BEGIN};
use crate::trouble::{Trouble, name_of, object_owner};
use crate::world::{Event, World, none};

/// Where the gateway pushes.
pub(crate) const EVENTS: &str = "/api/v1/jobs/events";

/// A request that a job's output sent.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    Create,
    Poll(String),
    Relay,
    Copy,
    DeleteCopy,
}

/// The gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// At the service.
    pub(crate) account: usize,
    settings: Settings,
    tasks_per_hour: u32,
    /// How far its clock is ahead of the world's.
    ahead: u64,
    /// The jobs of this world's calls.
    pub(crate) jobs: Vec<Job>,
    /// What is stored.
    disk: Disk,
    /// What is in memory.
    machine: Option<Account>,
    /// How often the object was cut off.
    pub(crate) generation: u32,
    /// When it was cut off last.
    pub(crate) cut_at: u64,
    inputs: u32,
    /// Which setting of the alarm the one is that will fire.
    alarm: u32,
    requests: u64,
    /// Requests of clients that wait for their reply.
    waiting: BTreeMap<u64, Request>,
    /// Open streams: call, its stream, and job.
    streams: BTreeMap<u64, (usize, u32, usize)>,
    /// How many strangers' jobs were served.
    strangers: u32,
}

/// What a world knows of a job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) call: usize,
    /// As an owner of trouble.
    pub(crate) owner: u32,
    requests: u32,
    /// Replies and messages that announce the stream.
    announced: u32,
    pushed: u32,
    /// The hash of its `Idempotency-Key`.
    key_hash: String,
    /// When its order arrived first, in Unix milliseconds.
    arrived_at: u64,
    /// The body of its last createTask.
    body: String,
}

impl Gateway {
    pub(crate) fn new(account: usize, draw: &mut Draw, mutant: Option<Mutant>) -> Self {
        // It is long enough.
        let Ok(secret) = Secret::new("a secret of thirty-two characters") else { std::process::abort() };
        let settings = Settings {
            rate: if mutant == Some(Mutant::NoLeases) { Rate::UNLIMITED } else { Rate::DOCUMENTED },
            callbacks: !draw.one_in(4),
            public_url: None,
            copies: draw.one_in(3),
            outcome_timeout: draw.of(&[900_000, 900_000, 60_000]),
            keep: draw.of(&[3_600_000, 86_400_000]),
            secret,
        };
        Gateway {
            account,
            settings,
            tasks_per_hour: if draw.one_in(5) { draw.within(1, 5) as u32 } else { 100 },
            ahead: draw.of(&[0, 0, 1_000, 120_000]),
            jobs: Vec::new(),
            disk: Disk::new(mutant),
            machine: None,
            generation: 0,
            cut_at: 0,
            inputs: 0,
            alarm: 0,
            requests: 0,
            waiting: BTreeMap::new(),
            streams: BTreeMap::new(),
            strangers: 0,
        }
    }

    /// A task that was made for another job and is known to be that job's.
    pub(crate) fn knows_task(&self, task: &str, owner: u32) -> bool {
        let job = self.disk.job_of_task(task);
        job.is_some_and(|(id, recovered)| {
            !recovered && self.jobs.iter().any(|job| job.id == id && job.owner != owner)
        })
    }
}

impl World<'_> {
    fn name(&self, job: usize) -> String {
        name_of(self.gateway.jobs[job].owner)
    }

    fn unix(&self) -> u64 {
        BEGIN + self.now + self.gateway.ahead
    }

    fn world_of(&self, unix: u64) -> u64 {
        unix.saturating_sub(BEGIN + self.gateway.ahead)
    }

    /// The caller whom a call's token names.
    fn caller(&self, call: usize) -> String {
        format!("process {}", self.calls[call].process)
    }

    /// A request of a client's arrives at the gateway.
    pub(crate) fn at_gateway(&mut self, request: Request) {
        let Sender::Call(call, stream) = request.from else { return };
        let caller = self.caller(call);
        match &request.to {
            To::GatewayCreate(key) => {
                let key = key.clone();
                let id = ids::keyed_job_id(&caller, &key);
                self.job_of(&id, &key, call);
                let (image, call_back_url) = self.order(call);
                let order = Order { caller, model: "recraft/crisp-upscale".to_owned(), image, call_back_url };
                let asked = protocol::Request::CreateTask {
                    job: id,
                    key_hash: Some(ids::key_hash(&key)),
                    order,
                    base: GATEWAY_HOST.to_owned(),
                    tasks_per_hour: Some(self.gateway.tasks_per_hour),
                };
                self.ask(request, asked);
            }
            To::GatewayPoll(id) => {
                let asked = protocol::Request::RecordInfo { caller, job: id.clone() };
                self.ask(request, asked);
            }
            To::GatewayEvents(id) => {
                let tasks = vec![id.clone()];
                match self.gateway.jobs.iter().position(|job| job.id == *id) {
                    Some(job) => {
                        self.gateway.requests += 1;
                        let id = self.gateway.requests;
                        self.gateway.streams.insert(id, (call, stream, job));
                        self.handle(Input::Subscribe { stream: id, caller, tasks });
                    }
                    None => self.after(30, Event::Stream(call, stream, Pushed::Broken)),
                }
            }
            _ => {}
        }
    }

    /// The job of this id, as far as a world knows it.
    fn job_of(&mut self, id: &str, key: &str, call: usize) -> usize {
        if let Some(job) = self.gateway.jobs.iter().position(|job| job.id == id) {
            return job;
        }
        let before = self.gateway.jobs.iter().filter(|job| job.call == call).count();
        self.gateway.jobs.push(Job {
            id: id.to_owned(),
            call,
            owner: object_owner(call, before),
            requests: 0,
            announced: 0,
            pushed: 0,
            key_hash: ids::key_hash(key),
            arrived_at: self.unix(),
            body: String::new(),
        });
        self.gateway.jobs.len() - 1
    }

    /// Asks the machine, unless the Worker refuses: the token is over, or its owner has not set it up.
    fn ask(&mut self, request: Request, asked: protocol::Request) {
        let Sender::Call(call, _) = request.from else { return };
        if let Some(mut draw) = self.trouble(call as u32, Trouble::Code, request.nth) {
            let (status, code) = draw.of(&[(401, 401), (503, 505), (403, 401), (400, 400)]);
            return self.reply(request, Answer { status, ..Answer::says(code, "No") });
        }
        self.gateway.requests += 1;
        let id = self.gateway.requests;
        if matches!(asked, protocol::Request::CreateTask { .. }) {
            self.after(timeouts::ANSWER_TIMEOUT, Event::Answer(id, self.gateway.generation));
        }
        self.gateway.waiting.insert(id, request);
        self.handle(Input::Request { id, request: asked });
    }

    /// A createTask has waited for long enough.
    pub(crate) fn answer_timeout(&mut self, id: u64, generation: u32) {
        if self.gateway.generation == generation && self.gateway.waiting.contains_key(&id) {
            self.handle(Input::AnswerTimeout(id));
        }
    }

    /// The object was cut off with a request.
    fn drop_request(&mut self, request: Request) {
        if !request.silent {
            self.hand(request.from, self.now + 20, none(NetworkError::Lost));
        }
    }

    /// A reply of the machine's to a client.
    fn answer(&mut self, id: u64, reply: Reply) {
        let Some(request) = self.gateway.waiting.remove(&id) else { return };
        let answer = match reply {
            Reply::Created(body) | Reply::Record(body) | Reply::Attempt(body) => {
                let job = body.pointer("/data/taskId").and_then(|id| id.as_str());
                let job = self.gateway.jobs.iter().position(|known| Some(known.id.as_str()) == job);
                let text = body.to_string();
                Answer::ok(job.map_or(text.clone(), |job| self.announced(job, &text)))
            }
            Reply::Refused { code, message, retry_after } => Answer {
                status: if code == 429 { 429 } else { 200 },
                retry_after: retry_after.map(|wait| wait.div_ceil(1_000) * 1_000),
                ..Answer::says(code, &message.replace('"', "'"))
            },
            Reply::Conflict(message) => Answer { status: 422, ..Answer::says(422, &message) },
            Reply::Callback { .. } | Reply::Result(_) | Reply::Passphrase { .. } | Reply::Counters(_) => {
                return;
            }
        };
        self.reply(request, answer);
    }

    /// A record as it goes to a client, perhaps with a stream that leads elsewhere.
    fn announced(&mut self, job: usize, text: &str) -> String {
        self.gateway.jobs[job].announced += 1;
        let (owner, nth) = (self.gateway.jobs[job].owner, self.gateway.jobs[job].announced);
        let mut text = self.as_sent(text);
        if let Some(mut draw) = self.trouble(owner, Trouble::Misled, nth) {
            let path = draw.of(&["@evil.example/", ".evil.example/x", ":x@evil.example/"]);
            text = text.replace(EVENTS, path);
        }
        text
    }

    /// A record as the gateway sends it.
    fn as_sent(&self, text: &str) -> String {
        let free = self.is(Mutant::CallsUnknownFree);
        if free {
            text.replace(r#""failCode":"OUTCOME_UNKNOWN""#, r#""failCode":null"#)
        } else {
            text.to_owned()
        }
    }

    /// What recordInfo says of each job at the end of the world, or said before it was erased.
    pub(crate) fn records(&mut self) -> Vec<(usize, String)> {
        let now = self.unix();
        let Gateway { disk, settings, .. } = &self.gateway;
        let mut scratch = disk.with_erased();
        let Ok((mut machine, _)) = Account::load(&mut scratch, settings.clone(), now) else {
            return Vec::new();
        };
        let mut records = Vec::new();
        for (nth, job) in self.gateway.jobs.iter().enumerate() {
            let request =
                protocol::Request::RecordInfo { caller: self.caller(job.call), job: job.id.clone() };
            let moment = Moment { now, random: [0; 32] };
            let outputs = machine.handle(&mut scratch, Input::Request { id: 0, request }, moment);
            let record = outputs.into_iter().flatten().find_map(|output| match output {
                Output::Reply { reply: Reply::Record(record), .. } => Some(record),
                _ => None,
            });
            if let Some(record) = record.filter(|record| record["code"] == 200) {
                records.push((nth, self.as_sent(&record.to_string())));
            }
        }
        records
    }

    /// The jobs that were sent and of whose attempt the gateway says now that it never arrived.
    pub(crate) fn denied(&self) -> Vec<usize> {
        let now = self.unix();
        let Gateway { disk, settings, jobs, .. } = &self.gateway;
        let mut disk = disk.clone();
        let Ok((mut machine, _)) = Account::load(&mut disk, settings.clone(), now) else { return Vec::new() };
        let mut is_denied = |job: &Job| {
            let request =
                protocol::Request::FindAttempt { job: job.id.clone(), key_hash: job.key_hash.clone() };
            let moment = Moment { now, random: [0; 32] };
            let outputs = machine.handle(&mut disk, Input::Request { id: 0, request }, moment);
            outputs.into_iter().flatten().any(|output| match output {
                Output::Reply { reply: Reply::Attempt(body), .. } => {
                    // An attempt that left longer ago than that is not denied.
                    let remembers = body["data"]["remembersFor"].as_u64().unwrap_or_default();
                    body["data"]["arrived"] == false && now - job.arrived_at < remembers
                }
                _ => false,
            })
        };
        let sent = jobs.iter().enumerate().filter(|(_, job)| !job.body.is_empty());
        sent.filter(|(_, job)| is_denied(job)).map(|(nth, _)| nth).collect()
    }

    /// A callback comes for the job of this id; whether it is taken.
    pub(crate) fn called(&mut self, id: &str, secret: &str, tasks: Vec<String>) -> bool {
        if !ids::is_job_id(id) {
            return false;
        }
        self.gateway.requests += 1;
        let request = protocol::Request::Callback { job: id.to_owned(), secret: secret.to_owned(), tasks };
        self.handle_called(Input::Request { id: self.gateway.requests, request })
    }
}

/// The gateway's own URL of a job's result, without its signature.
pub(crate) fn result_of(id: &str) -> String {
    format!("{GATEWAY_HOST}/results/{id}")
}
