//! The gateway's objects, which play core's rules as `gateway/src/job_object.rs` and `account_object.rs` do: each event
//! goes to the rule, what comes out is stored, and then what it says is done. They may be cut off anywhere.

mod turns;

use std::fmt::Write as _;

use crisp_upscale_core::gateway::account::{self, FULL, OVER_BUDGET};
use crisp_upscale_core::gateway::ids;
use crisp_upscale_core::gateway::job::{
    ANSWER_PATIENCE, Answer as Answered, CREATE_PATIENCE, Effect, Event as E, Job, Order, Record, Rules,
};
use crisp_upscale_core::job::Fault;
use crisp_upscale_core::json::Json;
use crisp_upscale_core::sse;
use crisp_upscale_core::verdict::OUTCOME_UNKNOWN;
use crisp_upscale_core::wire::Reply;

use self::turns::Turns;
use crate::client::Heard;
use crate::dice::Throw;
use crate::doc::Doc;
use crate::mutant::Mutant;
use crate::network::{Bearer, Came, GATEWAY_HOST, Request, Sender, To};
use crate::service::{Answer, BEGIN};
use crate::trouble::{Trouble, name_of, object_owner};
use crate::world::{Event, World, none, tell, what};

/// Where the gateway pushes.
pub(crate) const EVENTS: &str = "/api/v1/jobs/events";

/// How long the service's reply to a look may take, in milliseconds.
const LOOK_PATIENCE: u64 = 30_000;

/// How long a client takes to find that a stream is silent, in milliseconds.
const SILENCE: u64 = 40_000;

/// What a job's object sent.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    Create,
    Look(String),
    Relay,
    Copy,
}

/// What a job asks the account.
#[derive(Debug)]
pub(crate) struct Ask {
    what: What,
    /// The answer will not come.
    mute: bool,
}

#[derive(Clone, Debug)]
enum What {
    Turn(Option<u32>),
    End(Option<String>),
    Claim(String),
    Ended,
    Forget(String),
}

/// What it is told.
#[derive(Debug)]
pub(crate) enum Told {
    Turn(account::Told),
    OverBudget(u64),
    Unasked,
    Claim(String, bool),
}

/// The gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// At the service.
    pub(crate) account: usize,
    rules: Rules,
    tasks_per_hour: u32,
    /// How far its clock is ahead of the world's.
    ahead: u64,
    pub(crate) jobs: Vec<Object>,
    turns: Turns,
    /// Whether others than this world's callers fill its queue, and its objects are slow.
    pub(crate) is_overrun: bool,
}

/// A job's object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: String,
    pub(crate) call: usize,
    /// As an owner of trouble.
    pub(crate) owner: u32,
    /// How often it was loaded.
    pub(crate) life: u32,
    /// When it was cut off last.
    pub(crate) cut_at: u64,
    loaded: bool,
    memory: Option<Job>,
    /// What is stored, where that is not what is in memory.
    disk: Option<Option<Job>>,
    told: u32,
    messages: u32,
    requests: u32,
    turns: u32,
    /// Whether it ever sent a createTask.
    has_sent: bool,
    rings_at: Option<u64>,
    alarm: u32,
    /// Those whose createTask waits.
    waiting: Vec<(u32, Request)>,
    waited: u32,
    /// Those who listen: call, stream.
    listeners: Vec<(usize, u32)>,
    pushed: u32,
    /// What its record said before it was erased.
    pub(crate) erased: Option<String>,
}

impl Gateway {
    pub(crate) fn new(account: usize, throw: &mut Throw) -> Self {
        let rules = Rules {
            callbacks: !throw.one_in(4),
            copies: throw.one_in(3),
            outcome: throw.of(&[900_000, 900_000, 60_000]),
            keep: throw.of(&[3_600_000, 86_400_000]),
        };
        Gateway {
            account,
            rules,
            tasks_per_hour: if throw.one_in(5) { throw.within(1, 5) as u32 } else { 100 },
            ahead: throw.of(&[0, 0, 1_000, 120_000]),
            jobs: Vec::new(),
            turns: Turns::default(),
            is_overrun: false,
        }
    }

    /// How many creates more than the limit its account may show.
    pub(crate) fn forgotten(&self) -> usize {
        self.turns.forgotten
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

    /// A request of a client's arrives at the gateway.
    pub(crate) fn at_gateway(&mut self, request: Request) {
        let Sender::Call(call, stream) = request.from else { return };
        let refused = self.trouble(call as u32, Trouble::Code, request.nth);
        match &request.to {
            To::GatewayCreate(key) => {
                if let Some(mut throw) = refused {
                    return self.reply(request, closed(&mut throw));
                }
                let caller = format!("process {}", self.calls[call].process);
                let id = ids::keyed_job_id(&caller, key);
                let job = self.object(&id, call);
                if !self.load(job) {
                    return self.drop_request(request);
                }
                self.create(job, caller, request);
            }
            To::GatewayLook(id) => {
                if let Some(mut throw) = refused {
                    return self.reply(request, closed(&mut throw));
                }
                let found = self.gateway.jobs.iter().position(|object| object.id == *id);
                if found.is_some_and(|job| !self.load(job)) {
                    return self.drop_request(request);
                }
                let text = found.and_then(|job| self.record(job));
                let answer = text.map_or_else(|| Answer::says(422, "recordInfo is null"), Answer::ok);
                self.reply(request, answer);
            }
            To::GatewayEvents(id) => {
                let found = self.gateway.jobs.iter().position(|object| object.id == *id);
                match found {
                    Some(job) if self.load(job) => {
                        self.gateway.jobs[job].listeners.push((call, stream));
                        self.push(job, call, stream);
                        self.close_ended(job);
                    }
                    _ => self.after(30, Event::Stream(call, stream, Heard::Broken)),
                }
            }
            _ => {}
        }
    }

    /// The object of this name.
    fn object(&mut self, id: &str, call: usize) -> usize {
        if let Some(job) = self.gateway.jobs.iter().position(|object| object.id == id) {
            return job;
        }
        let before = self.gateway.jobs.iter().filter(|object| object.call == call).count();
        self.gateway.jobs.push(Object {
            id: id.to_owned(),
            call,
            owner: object_owner(call, before),
            life: 0,
            cut_at: 0,
            loaded: false,
            memory: None,
            disk: None,
            told: 0,
            messages: 0,
            requests: 0,
            turns: 0,
            has_sent: false,
            rings_at: None,
            alarm: 0,
            waiting: Vec::new(),
            waited: 0,
            listeners: Vec::new(),
            pushed: 0,
            erased: None,
        });
        self.gateway.jobs.len() - 1
    }

    /// Reads what is stored, once; whether the object has outlived that.
    fn load(&mut self, job: usize) -> bool {
        let object = &mut self.gateway.jobs[job];
        if object.loaded {
            return true;
        }
        let life = object.life;
        object.loaded = true;
        object.memory = object.disk.take().flatten();
        if object.memory.is_some() {
            let sent = self.is(Mutant::SendsAfterReload) && {
                let job = self.gateway.jobs[job].memory.as_ref();
                job.is_some_and(|job| job.answer().is_none() && job.record().state == "waiting")
            };
            self.tell(job, E::Loaded, None);
            if sent && self.gateway.jobs[job].turns > 0 {
                self.send_create(job, None);
            }
        }
        self.gateway.jobs[job].life == life
    }

    /// The object was cut off with a request.
    fn drop_request(&mut self, request: Request) {
        if !request.silent {
            self.hand(request.from, self.now + 20, none(Fault::Lost));
        }
    }

    /// A createTask arrives at the job's object.
    fn create(&mut self, job: usize, caller: String, request: Request) {
        let now = self.unix();
        let (image, call_back_url) = self.order(self.gateway.jobs[job].call);
        let order = Order { caller, model: "recraft/crisp-upscale".to_owned(), image, call_back_url };
        let object = &mut self.gateway.jobs[job];
        let effects = match &mut object.memory {
            Some(known) => {
                let before = matches!(known.answer(), Some(Answered::Refused(..))).then(|| known.clone());
                match known.again(&order, now) {
                    Ok(effects) => {
                        if !effects.is_empty() && object.disk.is_none() {
                            object.disk = Some(before);
                        }
                        effects
                    }
                    Err(sentence) => {
                        let answer = Answer { status: 422, ..Answer::says(422, sentence) };
                        return self.reply(request, answer);
                    }
                }
            }
            none => {
                let (job, effects) = Job::new(order, now);
                *none = Some(job);
                object.disk = Some(None);
                object.erased = None;
                effects
            }
        };
        object.waited += 1;
        let waiter = object.waited;
        object.waiting.push((waiter, request));
        self.after(ANSWER_PATIENCE, Event::Answer(job, waiter));
        for effect in effects {
            self.effect(job, effect, None);
        }
        self.answer(job);
    }

    /// Answers those whose createTask waits, if there is an answer.
    fn answer(&mut self, job: usize) {
        let object = &mut self.gateway.jobs[job];
        if object.waiting.is_empty() {
            return;
        }
        let Some(answer) = object.memory.as_ref().and_then(Job::answer) else { return };
        for (_, request) in std::mem::take(&mut object.waiting) {
            self.answer_one(job, request, &answer);
        }
    }

    fn answer_one(&mut self, job: usize, request: Request, answer: &Answered) {
        let answer = match answer {
            Answered::Made => {
                let events = self.events_path(job);
                let id = &self.gateway.jobs[job].id;
                Answer::ok(format!(
                    r#"{{"code":200,"msg":"success","data":{{"taskId":"{id}","recordId":"{id}","events":"{events}"}}}}"#
                ))
            }
            Answered::Refused(code, words, wait) => Answer {
                status: if *code == 429 { 429 } else { 200 },
                retry_after: wait.map(|wait| wait.div_ceil(1_000) * 1_000),
                ..Answer::says(*code, &words.replace('"', "'"))
            },
        };
        self.reply(request, answer);
    }

    /// Somebody's createTask has waited long enough.
    pub(crate) fn answer_late(&mut self, job: usize, waiter: u32) {
        let waiting = &mut self.gateway.jobs[job].waiting;
        if let Some(place) = waiting.iter().position(|(other, _)| *other == waiter) {
            let (_, request) = waiting.remove(place);
            self.answer_one(job, request, &Answered::Made);
        }
    }

    fn events_path(&mut self, job: usize) -> &'static str {
        self.gateway.jobs[job].pushed += 1;
        let nth = self.gateway.jobs[job].pushed;
        self.trouble(self.gateway.jobs[job].owner, Trouble::Misled, nth)
            .map_or(EVENTS, |mut throw| throw.of(&["@evil.example/", ".evil.example/x", ":x@evil.example/"]))
    }

    /// Tells the job what happened, stores it, and begins what it says is to be done.
    fn tell(&mut self, job: usize, event: E<Doc>, secret: Option<&str>) {
        let (now, rules) = (self.unix(), self.gateway.rules);
        let owner = self.gateway.jobs[job].owner;
        if self.gateway.jobs[job].memory.is_none() {
            return;
        }
        self.gateway.jobs[job].told += 1;
        let nth = self.gateway.jobs[job].told;
        let cut = self.trouble(owner, Trouble::ObjectCrash, nth).map(|mut throw| throw.below(4) as usize);
        tell!(self, "job {} is told: {}", self.name(job), event_words(&event));
        let object = &mut self.gateway.jobs[job];
        let Some(known) = &mut object.memory else { return };
        let before = (cut == Some(0)).then(|| known.clone());
        let effects = known.handle(event, now, rules);
        let alarm = known.alarm(rules);
        if let Some(before) = before {
            object.memory = Some(before);
            if self.is(Mutant::SendsBeforeStoring) && effects.contains(&Effect::Create) {
                self.send_create(job, secret);
            }
            return self.cut(job);
        }
        object.disk = None;
        self.ring(job, alarm);
        for (nth, effect) in effects.into_iter().enumerate() {
            if cut == Some(nth + 1) {
                return self.cut(job);
            }
            self.effect(job, effect, secret);
        }
        if cut.is_some() {
            self.cut(job);
        }
    }

    /// Sets the alarm, unless it rings before.
    fn ring(&mut self, job: usize, at: u64) {
        let object = &mut self.gateway.jobs[job];
        if object.rings_at.is_some_and(|rings_at| rings_at <= at) {
            return;
        }
        object.rings_at = Some(at);
        object.alarm += 1;
        let alarm = object.alarm;
        if self.is(Mutant::DropsAlarms) && alarm > 3 {
            return;
        }
        let at = self.world_of(at);
        self.at(at, Event::Alarm(job, alarm));
    }

    pub(crate) fn alarm(&mut self, job: usize, nth: u32) {
        if self.gateway.jobs[job].alarm != nth {
            return;
        }
        self.gateway.jobs[job].rings_at = None;
        let life = self.gateway.jobs[job].life;
        if self.load(job) {
            self.tell(job, E::Woken, None);
        }
        let object = &mut self.gateway.jobs[job];
        // An alarm whose handler was cut off comes once more.
        if object.life != life && object.alarm == nth {
            object.alarm += 1;
            let alarm = object.alarm;
            self.after(2_000, Event::Alarm(job, alarm));
        }
    }

    /// The object is cut off: what is in memory is gone, and what is under way.
    fn cut(&mut self, job: usize) {
        self.counts.crashes += 1;
        tell!(self, "the object of job {} is cut off", self.name(job));
        let loses = self.is(Mutant::LosesObjects);
        let now = self.now;
        let object = &mut self.gateway.jobs[job];
        object.life += 1;
        object.cut_at = now;
        let memory = object.memory.take();
        let stored = object.disk.take().unwrap_or(memory).filter(|_| !loses);
        let read = stored.as_ref().and_then(|job| serde_json::to_string(job).ok());
        let read: Option<Job> = read.and_then(|text| serde_json::from_str(&text).ok());
        let same = read == stored;
        object.disk = Some(read);
        object.loaded = false;
        object.rings_at = None;
        let (waiting, listeners) =
            (std::mem::take(&mut object.waiting), std::mem::take(&mut object.listeners));
        for (_, request) in waiting {
            self.drop_request(request);
        }
        for (call, stream) in listeners {
            self.after(20, Event::Stream(call, stream, Heard::Broken));
        }
        if !same {
            self.break_law(2, format!("job {job} is not read as it was stored"));
        }
    }

    fn effect(&mut self, job: usize, effect: Effect, secret: Option<&str>) {
        let owner = self.gateway.jobs[job].owner;
        match effect {
            Effect::AskTurn(first) => {
                let budget = first.then_some(self.gateway.tasks_per_hour);
                self.ask(job, What::Turn(budget));
            }
            Effect::Create => self.send_create(job, secret),
            Effect::EndTurn(_, task) => self.ask(job, What::End(task)),
            Effect::Claim(task) => self.ask(job, What::Claim(task)),
            Effect::Look(task) => {
                self.leaves(&format!("https://api.kie.ai/api/v1/jobs/recordInfo?taskId={task}"), Bearer::Key);
                tell!(self, "job {} looks at {task}", self.name(job));
                let account = self.gateway.account;
                self.depart_job(job, Sent::Look(task.clone()), To::Look(account, task), LOOK_PATIENCE);
            }
            Effect::Tell => {
                self.answer(job);
                for (call, stream) in self.gateway.jobs[job].listeners.clone() {
                    self.push(job, call, stream);
                }
                self.close_ended(job);
            }
            Effect::Ended(state, recovered) => {
                self.counts.recovered += u64::from(recovered);
                self.note(u64::from(owner) << 32 | state.len() as u64);
                tell!(self, "job {} ends: {state}", self.name(job));
                self.ask(job, What::Ended);
            }
            Effect::Relay(url) => {
                self.leaves(&url, Bearer::Nothing);
                self.depart_job(job, Sent::Relay, To::Elsewhere, 15_000);
            }
            Effect::Copy(url) => {
                self.leaves(&url, Bearer::Nothing);
                self.depart_job(job, Sent::Copy, To::Elsewhere, 60_000);
            }
            Effect::Erase(task) => {
                if let Some(task) = task {
                    self.ask(job, What::Forget(task));
                }
                let record = self.record(job);
                let object = &mut self.gateway.jobs[job];
                object.erased = record;
                object.memory = None;
                object.disk = None;
                object.rings_at = None;
                object.alarm += 1;
            }
        }
    }

    fn send_create(&mut self, job: usize, secret: Option<&str>) {
        let Object { id, call, .. } = &self.gateway.jobs[job];
        let (image, _) = self.order(*call);
        let url = secret.filter(|_| self.gateway.rules.callbacks);
        let url = url.map(|secret| format!(r#""callBackUrl":"{GATEWAY_HOST}/callback/{id}/{secret}","#));
        let body = format!(
            r#"{{"model":"recraft/crisp-upscale",{}"input":{{"image":"{image}"}}}}"#,
            url.unwrap_or_default()
        );
        self.leaves("https://api.kie.ai/api/v1/jobs/createTask", Bearer::Key);
        self.gateway.jobs[job].has_sent = true;
        tell!(self, "job {} sends createTask", self.name(job));
        let account = self.gateway.account;
        self.depart_job(job, Sent::Create, To::Create(account, body), CREATE_PATIENCE);
    }

    fn depart_job(&mut self, job: usize, sent: Sent, to: To, patience: u64) {
        let object = &mut self.gateway.jobs[job];
        let (owner, life, nth) = (object.owner, object.life, object.requests);
        object.requests += 1;
        let give_up = self.now + patience;
        let way = self.depart(owner, nth, give_up, false);
        let silent = way.instead.is_some();
        let over = way.over(give_up);
        if let Some((at, came)) = way.instead {
            let (at, came) = if at > give_up { (give_up, none(Fault::TimedOut)) } else { (at, came) };
            self.at(at, Event::Upstream(job, life, Box::new((sent.clone(), came))));
        } else if way.arrives.is_none() {
            self.at(give_up, Event::Upstream(job, life, Box::new((sent.clone(), none(Fault::TimedOut)))));
        }
        if let Some(at) = way.arrives {
            let from = Sender::Job(job, life, sent);
            self.at(at, Event::Reach(Box::new(Request { from, to, nth, silent, give_up, over })));
        }
    }

    /// What came of a request of the object's.
    pub(crate) fn upstream(&mut self, job: usize, life: u32, (sent, came): (Sent, Came)) {
        if self.gateway.jobs[job].life != life {
            return;
        }
        let done = came.as_ref().is_ok_and(|answer| answer.status == 200);
        let reply = came.map(|Answer { status, retry_after, text }| Reply {
            status,
            retry_after,
            body: Doc::parse(&text),
        });
        let event = match sent {
            Sent::Create => E::Created(reply),
            Sent::Look(task) => E::Looked(task, reply),
            Sent::Relay => E::Relayed(done),
            Sent::Copy => E::Copied(done),
        };
        self.tell(job, event, None);
    }

    /// The turn is taken, with a new secret for the callback.
    fn take_turn_of(&mut self, job: usize) {
        self.gateway.jobs[job].turns += 1;
        let Object { owner, turns, .. } = self.gateway.jobs[job];
        let mut throw = self.dice.at(owner, what::SECRET, turns);
        let mut bytes = [0; 32];
        bytes.iter_mut().for_each(|byte| *byte = throw.below(256) as u8);
        let secret = ids::callback_secret(bytes);
        self.tell(job, E::Turn(ids::callback_hash(&secret)), Some(&secret));
    }

    /// The account calls.
    pub(crate) fn turn(&mut self, job: usize) {
        if self.load(job) {
            self.take_turn_of(job);
        }
    }

    /// A callback comes for the job of this name; whether it is taken.
    pub(crate) fn called(&mut self, id: &str, secret: &str, tasks: Vec<String>) -> bool {
        let found = self.gateway.jobs.iter().position(|object| object.id == id);
        let Some(job) = found.filter(|_| ids::is_job_id(id)) else { return false };
        if !self.load(job) {
            return false;
        }
        let hash = ids::callback_hash(secret);
        let taken = self.gateway.jobs[job].memory.as_ref().is_some_and(|job| job.takes_call(&hash, &tasks));
        self.tell(job, E::Called(hash, tasks), None);
        taken
    }

    /// Asks the account.
    fn ask(&mut self, job: usize, what: What) {
        let owner = self.gateway.jobs[job].owner;
        let object = &mut self.gateway.jobs[job];
        object.messages += 1;
        let (life, nth) = (object.life, object.messages);
        let mut wait = self.dice.at(owner, what::MESSAGE, nth).within(1, 12);
        let mut mute = false;
        if self.is(Mutant::NoTurns) && matches!(what, What::Turn(_)) {
            let told = Box::new(Told::Turn(account::Told::Go));
            return self.after(wait, Event::Told(job, life, told));
        }
        if let Some(mut throw) = self.trouble(owner, Trouble::MessageSlow, nth) {
            wait += throw.of(&[300, 900, 5_000, 65_000]);
        }
        if let Some(mut throw) = self.trouble(owner, Trouble::MessageLost, nth) {
            if matches!(what, What::Turn(_)) {
                self.after(wait + 5, Event::Told(job, life, Box::new(Told::Unasked)));
            }
            if throw.one_in(2) {
                return;
            }
            mute = true;
        }
        self.after(wait, Event::Ask(job, life, Box::new(Ask { what, mute })));
    }

    /// What the account says.
    pub(crate) fn told(&mut self, job: usize, life: u32, told: Told) {
        if self.gateway.jobs[job].life != life {
            return;
        }
        tell!(self, "the account tells job {}: {told:?}", self.name(job));
        match told {
            Told::Turn(account::Told::Go) => self.take_turn_of(job),
            Told::Turn(account::Told::Queued) => self.tell(job, E::Queued, None),
            Told::Turn(account::Told::Full(wait)) => self.tell(job, E::Denied(FULL, wait), None),
            Told::OverBudget(wait) => self.tell(job, E::Denied(OVER_BUDGET, wait), None),
            Told::Unasked => self.tell(job, E::Unasked, None),
            Told::Claim(task, ours) => self.tell(job, E::Claimed(task, ours), None),
        }
    }

    /// Pushes the present record to one who listens.
    fn push(&mut self, job: usize, call: usize, stream: u32) {
        let Some(record) = self.record(job) else { return };
        let owner = self.gateway.jobs[job].owner;
        self.gateway.jobs[job].pushed += 1;
        let nth = self.gateway.jobs[job].pushed;
        let heard = if self.trouble(owner, Trouble::StreamCut, nth).is_some() {
            (20, Heard::Broken)
        } else if self.trouble(owner, Trouble::StreamSilent, nth).is_some() {
            (SILENCE, Heard::Broken)
        } else {
            let text = sse::event(&self.gateway.jobs[job].id, &record);
            let wait = self.dice.at(owner, what::BACK, nth | 1 << 31).within(2, 60);
            return self.after(wait, Event::Stream(call, stream, Heard::Text(text)));
        };
        self.gateway.jobs[job].listeners.retain(|other| *other != (call, stream));
        self.after(heard.0, Event::Stream(call, stream, heard.1));
    }

    /// The streams of a job that has ended are closed.
    fn close_ended(&mut self, job: usize) {
        let object = &mut self.gateway.jobs[job];
        if object.memory.as_ref().is_some_and(Job::has_ended) {
            for (call, stream) in std::mem::take(&mut object.listeners) {
                self.after(100, Event::Stream(call, stream, Heard::Broken));
            }
        }
    }

    /// What recordInfo answers.
    pub(crate) fn record(&mut self, job: usize) -> Option<String> {
        let record = self.gateway.jobs[job].memory.as_ref()?.record();
        let events = self.events_path(job);
        let Object { id, .. } = &self.gateway.jobs[job];
        let mut out = String::with_capacity(400);
        let free = self.is(Mutant::CallsUnknownFree) && record.fail_code.as_deref() == Some(OUTCOME_UNKNOWN);
        let record = Record { fail_code: record.fail_code.filter(|_| !free), ..record };
        let text = |text: &Option<String>| {
            text.as_ref().map_or("null".to_owned(), |text| format!("\"{}\"", text.replace('"', "'")))
        };
        let number = |number: Option<f64>| number.map_or("null".to_owned(), |number| number.to_string());
        let _ = write!(
            out,
            r#"{{"code":200,"msg":"success","data":{{"taskId":"{id}","state":"{}","failCode":{},"failMsg":{},"createTime":{},"completeTime":{},"creditsConsumed":{},"events":"{events}""#,
            record.state,
            text(&record.fail_code),
            text(&record.fail_msg),
            record.create_time,
            number(record.complete_time),
            number(record.credits),
        );
        match record.url {
            Some(_) => {
                let url = result_of(id);
                let _ = write!(out, r#","resultJson":"{{\"resultUrls\":[\"{url}\"]}}"}}}}"#);
            }
            None => out.push_str(r#","resultJson":""}}"#),
        }
        Some(out)
    }
}

/// The gateway's own URL of a job's result.
pub(crate) fn result_of(id: &str) -> String {
    format!("{GATEWAY_HOST}/results/{id}")
}

/// The gateway refuses before it does anything: the token is over, or its owner has not set it up.
fn closed(throw: &mut Throw) -> Answer {
    let (status, code) = throw.of(&[(401, 401), (503, 505), (403, 401), (400, 400)]);
    Answer { status, ..Answer::says(code, "No") }
}

fn event_words(event: &E<Doc>) -> String {
    match event {
        E::Created(came) => format!("Created {:?}", came.as_ref().map(|reply| reply.status)),
        E::Looked(task, came) => format!("Looked at {task}: {:?}", came.as_ref().map(|reply| reply.status)),
        other => format!("{other:?}"),
    }
}
