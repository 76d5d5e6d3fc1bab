//! The life of one job behind the gateway, as a value that is stored.
//!
//! Whoever plays it loads it, tells it what happened, stores it, and only then does the
//! [`Effect`]s, each of which comes back as another [`Event`]. It wakes it at [`Job::alarm`]. So
//! whatever a crash cuts off, what is stored says what may have happened: a job that wakes up in
//! the middle of its createTask never sends another, and waits for the callback instead.

use serde::{Deserialize, Serialize};

use crate::failure::Kind;
use crate::job::{Fault, Instant};
use crate::json::Json;
use crate::pace;
use crate::verdict::{Created, Looked, OUTCOME_UNKNOWN, created, looked};
use crate::wire::{Reply, State, TaskDetail};

/// How long the reply to a createTask may take, in milliseconds.
pub const CREATE_PATIENCE: u64 = 60_000;

/// How long a caller's createTask waits for the service's answer before it is told the job's id alone,
/// in milliseconds.
pub const ANSWER_PATIENCE: u64 = 10_000;

/// How long a job that asked for a turn believes that it has a place in the queue, in milliseconds.
/// After that it asks again, which changes nothing where it still has one.
const QUEUE_PATIENCE: u64 = 60_000;

/// How long a task that was made may be unknown to recordInfo, and is looked for as if it were new.
const GRACE: u64 = 90_000;

/// The shortest time between two looks at a task, in milliseconds, where a callback is expected.
const SLOW: u64 = 15_000;

/// The same where none can come; the vendor's advice.
const ADVICE: u64 = 3_000;

/// The longest time between two looks, in milliseconds.
const SLOWEST: u64 = 300_000;

/// How long after the end a result is copied, in milliseconds: whoever waits for it is served first.
const COPY_PAUSE: u64 = 2_000;

/// How many looks follow a callback quickly, as long as the record does not say what it said.
const EAGER: u32 = 5;

/// How much earlier than its attempt a task may say it was made, since the service has a clock
/// of its own; in milliseconds.
const SKEW: f64 = 2_000.0;

/// How many ids a job takes from callbacks that it cannot check at once.
const MAX_CLAIMS: usize = 4;

/// For how long a job asks for another turn where the service refuses it for its rate limit, in
/// milliseconds. The account's queue keeps that limit; it is met where others use the same key.
const LIMITED_PATIENCE: u64 = 300_000;

/// How long to wait after the first and the second failed try to tell the caller's own callback,
/// or to copy a result, in milliseconds. There is one try more than these.
const PAUSES: [u64; 2] = [10_000, 60_000];

/// What the deployer has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether the service can reach the gateway, so that a callback may be expected.
    pub callbacks: bool,
    /// Whether results are copied.
    pub copies: bool,
    /// For how long after a lost reply a callback is waited for, in milliseconds.
    pub outcome: u64,
    /// How long a job is kept after its end, in milliseconds.
    pub keep: u64,
}

/// What a caller ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who ordered it.
    pub caller: String,
    /// The model.
    pub model: String,
    /// `input.image`.
    pub image: String,
    /// Where the caller wants to be told of the end.
    pub call_back_url: Option<String>,
}

/// What happened.
#[derive(Debug)]
pub enum Event<V> {
    /// It was just loaded: whatever was under way when it was stored is cut off.
    Loaded,
    /// The time of [`Job::alarm`] has come.
    Woken,
    /// The account gave it a turn. With the hash of the secret that its callback's URL is to carry.
    Turn(String),
    /// The account put it into the queue.
    Queued,
    /// The account refused it, with these words, for so many milliseconds.
    Denied(&'static str, u64),
    /// The account could not be asked.
    Unasked,
    /// The service's answer to createTask.
    Created(Result<Reply<V>, Fault>),
    /// A callback came with the secret of this hash, and names these tasks.
    Called(String, Vec<String>),
    /// The answer to a [`Effect::Look`] at this task.
    Looked(String, Result<Reply<V>, Fault>),
    /// Whether the task is this job's, says the account.
    Claimed(String, bool),
    /// Whether the caller's own callback took the end of the job.
    Relayed(bool),
    /// Whether the result was copied.
    Copied(bool),
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the account for a turn; `true` for the first time, which counts for the caller's budget.
    /// Comes back as [`Event::Turn`], [`Event::Queued`], [`Event::Denied`] or [`Event::Unasked`].
    AskTurn(bool),
    /// Send createTask, with a callback URL that carries the secret of the turn; then
    /// [`Event::Created`].
    Create,
    /// Tell the account that the turn is over, with the code of the service's answer (0 where none came),
    /// and with the task that was made, which is this job's.
    EndTurn(i64, Option<String>),
    /// Write down at the account that the task is this job's, unless it is another's; then
    /// [`Event::Claimed`].
    Claim(String),
    /// Ask recordInfo for the task; then [`Event::Looked`].
    Look(String),
    /// The record has changed: tell those who listen, and those whose createTask waits.
    Tell,
    /// Tell the account that the job has ended in this state, and whether its task was found by a
    /// callback after its reply was lost.
    Ended(&'static str, bool),
    /// Post the record to this URL of the caller's; then [`Event::Relayed`].
    Relay(String),
    /// Copy the result from this URL; then [`Event::Copied`].
    Copy(String),
    /// Delete everything of the job, and what the account knows of this task.
    Erase(Option<String>),
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What was ordered.
    pub order: Order,
    /// When, in Unix milliseconds.
    pub created_at: Instant,
    phase: Phase,
    /// Whether the caller's budget was charged for it.
    budgeted: bool,
    /// Whether its reply was lost and a callback found the task.
    recovered: bool,
    /// What is still to be told to the caller's own callback.
    relay: Option<Tries>,
    /// The result is still to be copied.
    copy: Option<Tries>,
    /// Whether the result was copied.
    copied: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    /// Waits for a turn; asks for one at `ask`.
    Queued { ask: Instant },
    /// createTask left, and its outcome is not known.
    Sent(Sent),
    /// The task is known.
    /// The next look is due at `look`; `eager`: how many are to follow each other quickly.
    Bound { task: String, sent: Sent, state: String, look: Instant, eager: u32 },
    /// It has ended.
    Ended { end: End, sent: Option<Sent>, at: Instant },
}

/// A createTask that left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sent {
    at: Instant,
    /// What the secret of its callback's URL hashes to.
    secret_hash: String,
    /// No reply will come any more.
    lost: bool,
    /// What callbacks claimed and what is not checked yet.
    claims: Vec<Claim>,
}

/// A callback's claim that this is the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Claim {
    task: String,
    /// When its record is to be read.
    look: Instant,
    /// How often that was tried.
    looks: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum End {
    /// Nothing was made.
    Refused { code: i64, message: String, retry_after: Option<u64> },
    /// Whether a task was made could not be found out in time. A callback may still tell.
    Unknown,
    /// The task has ended with `success` or `fail`.
    Task { task: String, detail: Finished },
}

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Finished {
    url: Option<String>,
    fail_code: Option<String>,
    fail_msg: Option<String>,
    create_time: Option<f64>,
    complete_time: Option<f64>,
    credits: Option<f64>,
}

/// Something to be done that may fail a few times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tries {
    made: usize,
    /// When the next one is due.
    at: Instant,
}

impl Tries {
    /// Begins a try, if one is due. Where nothing is heard of it, the next one follows.
    fn begin(&mut self, now: Instant) -> bool {
        let due = now >= self.at;
        if due {
            self.made += 1;
            self.at = now.saturating_add(CREATE_PATIENCE);
        }
        due
    }

    /// After a try that failed: the next one, if there is one.
    fn failed(self, now: Instant) -> Option<Self> {
        let pause = PAUSES.get(self.made.saturating_sub(1))?;
        Some(Tries { at: now.saturating_add(*pause), ..self })
    }
}

/// What a caller's createTask is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The job is the caller's task.
    Made,
    /// Nothing was made, and why; with how many milliseconds to wait, where that helps.
    Refused(i64, String, Option<u64>),
}

/// What recordInfo says of a job. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The vendor's word for where it stands.
    pub state: String,
    /// The service's URL of the result. Not for callers: they get the gateway's own.
    pub url: Option<String>,
    /// Why it failed.
    pub fail_code: Option<String>,
    /// The same for people.
    pub fail_msg: Option<String>,
    /// When the job was made.
    pub create_time: f64,
    /// When it ended.
    pub complete_time: Option<f64>,
    /// What it cost, in credits, where the service said.
    pub credits: Option<f64>,
    /// Whether the result was copied.
    pub copied: bool,
}

impl Job {
    /// A job that was just ordered. Store it and then do the effects.
    #[must_use]
    pub fn new(order: Order, now: Instant) -> (Self, Vec<Effect>) {
        let mut job = Job {
            order,
            created_at: now,
            phase: Phase::Queued { ask: now },
            budgeted: false,
            recovered: false,
            relay: None,
            copy: None,
            copied: false,
        };
        let effects = job.ask(now);
        (job, effects)
    }

    /// The same order once more, under the same `Idempotency-Key`. Only where the service
    /// refused the earlier one, so that nothing was made, is it sent again.
    ///
    /// # Errors
    /// The sentence for the caller where it is another order.
    pub fn again(&mut self, order: &Order, now: Instant) -> Result<Vec<Effect>, &'static str> {
        if self.order.image != order.image || self.order.model != order.model {
            return Err("This Idempotency-Key was used for another image. Use another key.");
        }
        if !matches!(self.phase, Phase::Ended { end: End::Refused { .. }, .. }) {
            return Ok(Vec::new());
        }
        let (job, effects) = Job::new(order.clone(), now);
        *self = job;
        Ok(effects)
    }

    /// What its caller's createTask is answered; `None` while that is not known.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        match &self.phase {
            Phase::Queued { .. } | Phase::Sent(Sent { lost: false, .. }) => None,
            Phase::Ended { end: End::Refused { code, message, retry_after }, .. } => {
                Some(Answer::Refused(*code, message.clone(), *retry_after))
            }
            Phase::Sent(_) | Phase::Bound { .. } | Phase::Ended { .. } => Some(Answer::Made),
        }
    }

    /// What recordInfo says of it.
    #[must_use]
    pub fn record(&self) -> Record {
        let mut record = Record {
            state: "waiting".to_owned(),
            url: None,
            fail_code: None,
            fail_msg: None,
            create_time: self.created_at as f64,
            complete_time: None,
            credits: None,
            copied: self.copied,
        };
        match &self.phase {
            Phase::Queued { .. } | Phase::Sent(_) => {}
            Phase::Bound { state, .. } => record.state.clone_from(state),
            Phase::Ended { end, at, .. } => {
                record.state = "fail".to_owned();
                record.complete_time = Some(*at as f64);
                match end {
                    End::Refused { code, message, .. } => {
                        record.fail_code = Some(code.to_string());
                        record.fail_msg = Some(message.clone());
                        record.credits = Some(0.0);
                    }
                    End::Unknown => {
                        record.fail_code = Some(OUTCOME_UNKNOWN.to_owned());
                        record.fail_msg = Some(
                            "The reply to createTask was lost, and no callback came: a task may have been made."
                                .to_owned(),
                        );
                    }
                    End::Task { detail, .. } => {
                        if detail.url.is_some() {
                            record.state = "success".to_owned();
                        }
                        record.url.clone_from(&detail.url);
                        record.fail_code.clone_from(&detail.fail_code);
                        record.fail_msg.clone_from(&detail.fail_msg);
                        record.complete_time = detail.complete_time.or(record.complete_time);
                        record.credits = detail.credits;
                    }
                }
            }
        }
        record
    }

    /// Whether nothing more will come of it, unless a late callback tells what came of a lost reply.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// Whether a callback with a secret of this hash, which names these tasks, is to be taken: the
    /// secret is void once the job has ended, and a task that is known can be no other.
    #[must_use]
    pub fn takes_call(&self, secret_hash: &str, tasks: &[String]) -> bool {
        let (sent, bound) = match &self.phase {
            Phase::Sent(sent) | Phase::Ended { end: End::Unknown, sent: Some(sent), .. } => (sent, None),
            Phase::Bound { task, sent, .. } => (sent, Some(task)),
            Phase::Queued { .. } | Phase::Ended { .. } => return false,
        };
        sent.secret_hash == secret_hash
            && !tasks.is_empty()
            && bound.is_none_or(|bound| tasks.contains(bound))
    }

    /// When to wake it, in Unix milliseconds.
    #[must_use]
    pub fn alarm(&self, rules: Rules) -> Instant {
        match &self.phase {
            Phase::Queued { ask } => *ask,
            Phase::Sent(sent) => sent.alarm(rules),
            Phase::Bound { look, .. } => *look,
            Phase::Ended { at, sent, .. } => {
                let claims = sent.iter().flat_map(|sent| &sent.claims).map(|claim| claim.look);
                let tries = [&self.relay, &self.copy].into_iter().flatten().map(|tries| tries.at);
                claims.chain(tries).fold(at.saturating_add(rules.keep), Instant::min)
            }
        }
    }

    /// Takes what happened; says what to do. Store it before any of that is done.
    pub fn handle<V: Json>(&mut self, event: Event<V>, now: Instant, rules: Rules) -> Vec<Effect> {
        match event {
            Event::Loaded => {
                if let Phase::Sent(sent) = &mut self.phase
                    && !sent.lost
                {
                    sent.lost = true;
                    return vec![Effect::EndTurn(0, None), Effect::Tell];
                }
                Vec::new()
            }
            Event::Woken => self.woken(now, rules),
            Event::Turn(secret_hash) => self.turn(secret_hash, now),
            Event::Queued => {
                self.budgeted = true;
                Vec::new()
            }
            Event::Denied(why, wait) if matches!(self.phase, Phase::Queued { .. }) => {
                self.refuse(429, why.to_owned(), Some(wait), now)
            }
            // It had asked twice, and the other answer was a turn.
            Event::Denied(..) => Vec::new(),
            Event::Unasked => {
                if let Phase::Queued { ask } = &mut self.phase {
                    *ask = now.saturating_add(pace::after_failure(1));
                }
                Vec::new()
            }
            Event::Created(came) => self.created(came, now, rules),
            Event::Called(secret_hash, tasks) => self.called(&secret_hash, tasks, now),
            Event::Looked(task, came) => self.looked(&task, came, now, rules),
            Event::Claimed(task, ours) => self.claimed(task, ours, now, rules),
            Event::Relayed(done) => {
                self.relay = self.relay.take().filter(|_| !done).and_then(|tries| tries.failed(now));
                Vec::new()
            }
            Event::Copied(done) => {
                self.copied |= done;
                self.copy = self.copy.take().filter(|_| !done).and_then(|tries| tries.failed(now));
                Vec::new()
            }
        }
    }

    /// Asks for a turn, and once more later, in case the account forgets.
    fn ask(&mut self, now: Instant) -> Vec<Effect> {
        self.phase = Phase::Queued { ask: now.saturating_add(QUEUE_PATIENCE) };
        vec![Effect::AskTurn(!self.budgeted)]
    }

    fn turn(&mut self, secret_hash: String, now: Instant) -> Vec<Effect> {
        self.budgeted = true;
        match &self.phase {
            Phase::Queued { .. } => {}
            // Told twice of the turn that it is using, because it asked again just before it was called.
            Phase::Sent(Sent { lost: false, .. }) => return Vec::new(),
            // It has no use for another.
            Phase::Sent(_) | Phase::Bound { .. } | Phase::Ended { .. } => {
                return vec![Effect::EndTurn(0, None)];
            }
        }
        self.phase = Phase::Sent(Sent { at: now, secret_hash, lost: false, claims: Vec::new() });
        vec![Effect::Create]
    }

    fn created<V: Json>(&mut self, came: Result<Reply<V>, Fault>, now: Instant, rules: Rules) -> Vec<Effect> {
        let Phase::Sent(sent) = &mut self.phase else {
            // A callback was faster, and has said what the reply would.
            return vec![Effect::EndTurn(0, None)];
        };
        let envelope = came.as_ref().ok().and_then(Reply::envelope);
        let status = came.as_ref().map_or(0, |reply| i64::from(reply.status));
        let code = envelope.as_ref().map_or(status, |envelope| envelope.code);
        // The service's own words: callers' clients add theirs.
        let said = envelope.and_then(|envelope| envelope.msg);
        let mut effects = vec![Effect::EndTurn(code, None)];
        match came.as_ref().map(created) {
            Ok(Created::Made(task)) => {
                effects = vec![Effect::EndTurn(code, Some(task.clone()))];
                let sent = sent.clone();
                effects.extend(self.bind(task, sent, now, rules));
            }
            Ok(Created::Limited(asked, failure)) => {
                effects.extend(self.limited(asked, said.unwrap_or(failure.message), now));
            }
            Ok(Created::Failed(failure)) if failure.kind != Kind::OutcomeUnknown => {
                effects.extend(self.refuse(
                    failure.code.unwrap_or(500),
                    said.unwrap_or(failure.message),
                    None,
                    now,
                ));
            }
            Ok(Created::Failed(_)) | Err(_) => {
                sent.lost = true;
                effects.push(Effect::Tell);
            }
        }
        effects
    }

    /// The service counts more tasks than the account does: others use the same key.
    fn limited(&mut self, asked: Option<u64>, message: String, now: Instant) -> Vec<Effect> {
        let wait = pace::wait(asked, 1);
        let then = now.saturating_add(wait);
        // A wait that would outlast it is the caller's to wait.
        if then.saturating_sub(self.created_at) > LIMITED_PATIENCE {
            return self.refuse(429, message, Some(wait), now);
        }
        self.phase = Phase::Queued { ask: then };
        Vec::new()
    }

    fn refuse(&mut self, code: i64, message: String, retry_after: Option<u64>, now: Instant) -> Vec<Effect> {
        self.end(End::Refused { code, message, retry_after }, now)
    }

    /// The task is known.
    fn bind(&mut self, task: String, mut sent: Sent, now: Instant, rules: Rules) -> Vec<Effect> {
        // A callback came before: it has ended.
        let called = sent.claims.iter().any(|claim| claim.task == task);
        sent.claims.clear();
        let (look, eager) = if called { (now, EAGER) } else { (now.saturating_add(pause(0, rules)), 0) };
        self.phase = Phase::Bound { task, sent, state: "waiting".to_owned(), look, eager };
        vec![Effect::Tell]
    }

    fn called(&mut self, secret_hash: &str, tasks: Vec<String>, now: Instant) -> Vec<Effect> {
        if !self.takes_call(secret_hash, &tasks) {
            return Vec::new();
        }
        match &mut self.phase {
            Phase::Bound { look, eager, .. } => (*look, *eager) = (now, EAGER),
            Phase::Sent(sent) | Phase::Ended { sent: Some(sent), .. } => sent.take_claims(tasks, now),
            Phase::Queued { .. } | Phase::Ended { .. } => {}
        }
        Vec::new()
    }

    fn woken(&mut self, now: Instant, rules: Rules) -> Vec<Effect> {
        match &mut self.phase {
            Phase::Queued { ask } if now >= *ask => self.ask(now),
            Phase::Queued { .. } => Vec::new(),
            Phase::Sent(sent) => {
                let mut effects = Vec::new();
                if !sent.lost && now >= sent.at.saturating_add(CREATE_PATIENCE) {
                    sent.lost = true;
                    effects.extend([Effect::EndTurn(0, None), Effect::Tell]);
                }
                if sent.lost || now >= sent.at.saturating_add(ANSWER_PATIENCE) {
                    effects.extend(sent.due_claim(now).map(Effect::Look));
                }
                if sent.lost && now >= sent.at.saturating_add(rules.outcome) {
                    effects.extend(self.end(End::Unknown, now));
                }
                effects
            }
            Phase::Bound { task, sent, look, eager, .. } => {
                if now < *look {
                    return Vec::new();
                }
                let task = task.clone();
                let age = now.saturating_sub(sent.at);
                if age >= rules.keep {
                    return self.end(End::Task { task, detail: endless() }, now);
                }
                // Also where the answer to this look never comes.
                let wait =
                    if *eager > 0 { pace::after_failure(EAGER + 1 - *eager) } else { pause(age, rules) };
                *look = now.saturating_add(wait);
                *eager = eager.saturating_sub(1);
                vec![Effect::Look(task)]
            }
            Phase::Ended { end, sent, at } => {
                let mut effects: Vec<Effect> = sent
                    .as_mut()
                    .and_then(|sent| sent.due_claim(now))
                    .map(Effect::Look)
                    .into_iter()
                    .collect();
                if now >= at.saturating_add(rules.keep) {
                    let task = if let End::Task { task, .. } = end { Some(task.clone()) } else { None };
                    return vec![Effect::Erase(task)];
                }
                if let End::Task { detail: Finished { url: Some(url), .. }, .. } = end
                    && self.copy.as_mut().is_some_and(|tries| tries.begin(now))
                {
                    effects.push(Effect::Copy(url.clone()));
                }
                if let Some(url) = &self.order.call_back_url
                    && self.relay.as_mut().is_some_and(|tries| tries.begin(now))
                {
                    effects.push(Effect::Relay(url.clone()));
                }
                effects
            }
        }
    }

    fn looked<V: Json>(
        &mut self,
        looked_at: &str,
        came: Result<Reply<V>, Fault>,
        now: Instant,
        rules: Rules,
    ) -> Vec<Effect> {
        let came = came.as_ref().map(looked);
        match &mut self.phase {
            Phase::Bound { task, sent, state, look, .. } if task == looked_at => {
                // The later, the longer it has been so.
                let pause = pace::after_failure(1).max(now.saturating_sub(sent.at) / 60);
                let soon = now.saturating_add(pause);
                match came {
                    // It names its file in a moment; or never, so that it is looked at ever less often.
                    Ok(Looked::Record(TaskDetail { state: State::Success, result_urls, .. }))
                        if result_urls.is_empty() =>
                    {
                        let rarely = now.saturating_add(now.saturating_sub(sent.at) / 20);
                        *look = soon.max(rarely).min(*look);
                    }
                    Ok(Looked::Record(detail)) if matches!(detail.state, State::Success | State::Fail) => {
                        let (task, detail) = (task.clone(), Finished::of(detail));
                        let copies = rules.copies && detail.url.is_some();
                        self.copy = copies.then_some(Tries { made: 0, at: now.saturating_add(COPY_PAUSE) });
                        return self.end(End::Task { task, detail }, now);
                    }
                    Ok(Looked::Record(detail)) if detail.state.as_str() != state => {
                        detail.state.as_str().clone_into(state);
                        return vec![Effect::Tell];
                    }
                    // A task just made.
                    Ok(Looked::Missing(_)) if now.saturating_sub(sent.at) < GRACE => *look = soon.min(*look),
                    Ok(Looked::Again(Some(asked), _)) => {
                        *look = now.saturating_add(asked.min(SLOWEST)).max(*look);
                    }
                    Ok(_) | Err(_) => {}
                }
                Vec::new()
            }
            Phase::Sent(sent) | Phase::Ended { end: End::Unknown, sent: Some(sent), .. } => match came {
                Ok(Looked::Record(detail)) => {
                    if is_of(&detail, &self.order, sent, looked_at) {
                        return vec![Effect::Claim(looked_at.to_owned())];
                    }
                    sent.forget_claim(looked_at);
                    Vec::new()
                }
                // Not known yet, or the service cannot say now: the claim is looked at again.
                Ok(_) | Err(_) => Vec::new(),
            },
            Phase::Queued { .. } | Phase::Bound { .. } | Phase::Ended { .. } => Vec::new(),
        }
    }

    fn claimed(&mut self, task: String, ours: bool, now: Instant, rules: Rules) -> Vec<Effect> {
        let (Phase::Sent(sent) | Phase::Ended { end: End::Unknown, sent: Some(sent), .. }) = &mut self.phase
        else {
            return Vec::new();
        };
        if !ours {
            sent.forget_claim(&task);
            return Vec::new();
        }
        let sent = sent.clone();
        self.recovered = true;
        self.relay = None;
        self.bind(task, sent, now, rules)
    }

    fn end(&mut self, end: End, now: Instant) -> Vec<Effect> {
        // Only where the task is not known may a callback still tell something.
        let sent = match &self.phase {
            Phase::Sent(sent) if end == End::Unknown => Some(sent.clone()),
            _ => None,
        };
        // Whoever is refused is told so in the answer to createTask.
        let relays = self.order.call_back_url.is_some() && !matches!(end, End::Refused { .. });
        self.relay = relays.then_some(Tries { made: 0, at: now });
        let state = end.as_str();
        self.phase = Phase::Ended { end, sent, at: now };
        vec![Effect::Tell, Effect::Ended(state, self.recovered)]
    }
}

impl Sent {
    fn alarm(&self, rules: Rules) -> Instant {
        let patience = if self.lost { rules.outcome } else { CREATE_PATIENCE };
        // While the reply may come, a claim can wait for it.
        let first = if self.lost { 0 } else { self.at.saturating_add(ANSWER_PATIENCE) };
        let claims = self.claims.iter().map(|claim| claim.look.max(first));
        claims.fold(self.at.saturating_add(patience), Instant::min)
    }

    fn take_claims(&mut self, tasks: Vec<String>, now: Instant) {
        for task in tasks {
            if self.claims.len() < MAX_CLAIMS && self.claims.iter().all(|claim| claim.task != task) {
                self.claims.push(Claim { task, look: now, looks: 0 });
            }
        }
    }

    fn forget_claim(&mut self, task: &str) {
        self.claims.retain(|claim| claim.task != task);
    }

    /// A claim whose record is to be read now.
    fn due_claim(&mut self, now: Instant) -> Option<String> {
        let claim = self.claims.iter_mut().find(|claim| now >= claim.look)?;
        claim.looks += 1;
        claim.look = now.saturating_add(pace::after_failure(claim.looks));
        Some(claim.task.clone())
    }
}

impl End {
    /// The word that the counters have for it.
    fn as_str(&self) -> &'static str {
        match self {
            End::Refused { .. } => "refused",
            End::Unknown => "unknown",
            End::Task { detail, .. } if detail.url.is_some() => "success",
            End::Task { .. } => "fail",
        }
    }
}

impl Finished {
    fn of(detail: TaskDetail) -> Self {
        let success = detail.state == State::Success;
        Finished {
            url: detail.result_urls.into_iter().next().filter(|_| success),
            fail_code: detail.fail_code,
            fail_msg: detail.fail_msg,
            create_time: detail.create_time,
            complete_time: detail.complete_time,
            credits: detail.credits_consumed,
        }
    }
}

/// A task that never ended.
fn endless() -> Finished {
    Finished {
        // It may still succeed, and be charged.
        fail_code: Some(OUTCOME_UNKNOWN.to_owned()),
        fail_msg: Some(
            "The service has not finished this task; the gateway waits for it no longer.".to_owned(),
        ),
        ..Finished::default()
    }
}

/// Whether a record that a callback led to is that of this very attempt.
fn is_of(detail: &TaskDetail, order: &Order, sent: &Sent, task: &str) -> bool {
    detail.task_id.as_deref().is_none_or(|id| id == task)
        && detail.image.as_deref() == Some(order.image.as_str())
        && detail.create_time.is_some_and(|made| made + SKEW >= sent.at as f64)
}

/// How long to wait before the next look at a task of this age, in milliseconds.
fn pause(age: u64, rules: Rules) -> u64 {
    if rules.callbacks { (age / 2).clamp(SLOW, SLOWEST) } else { (age / 20).clamp(ADVICE, SLOWEST) }
}
