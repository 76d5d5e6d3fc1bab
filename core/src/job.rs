//! The life of one upscale, from the call to its end, as a value that is told what
//! happened and says what to do next. It never waits and never calls, and the time
//! is told to it, so a test can play any life in no time.

use serde::Serialize;

use crate::api::{CreateTask, Reply, State, TaskDetail};
use crate::backoff;
use crate::classify::{Created, Looked, created, failed, looked};
use crate::event_stream;
use crate::failure::{Charged, Failure, Kind};
use crate::json::Json;
use crate::schedule::Durations;
use crate::unsent::Unsent;

/// A point in time in milliseconds, on any clock that never goes back.
pub type Instant = u64;

/// How long a caller waits who says nothing, in milliseconds: ten minutes, twice what the
/// vendor advises for images, since giving up early helps nobody.
pub const PATIENCE: u64 = 600_000;

/// How long the reply to a createTask may take. Long, since giving up leaves an unknown outcome.
const CREATE_PATIENCE: u64 = 60_000;

/// How long the reply to a recordInfo may take. A poll that is given up costs nothing.
const LOOK_PATIENCE: u64 = 20_000;

/// How long a task that was made may still be unknown to recordInfo (seen on the wire).
const GRACE: u64 = 90_000;

/// How often a create is sent again where no connection was ever made.
const MAX_DIALS: u32 = 3;

/// How often a create whose outcome is unknown is sent again to a server that knows it by its key.
const MAX_REPEATS: u32 = 3;

/// How often a record may say `success` and name no file before that is believed.
const MAX_EMPTY: u32 = 5;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<V> {
    /// The job begins.
    Start,
    /// A reply to the request came.
    Replied(Reply<V>),
    /// No reply came.
    Failed(Fault),
    /// The time to wait for has come.
    Woken,
    /// A task may be made now, or the time to wait for that is over.
    Turn,
    /// From now on what the server pushes of the task is listened for, in place of [`Event::Start`] or in the
    /// middle. What it pushes first is the present state.
    Listening,
    /// The server pushed what it would reply to a look.
    Pushed(Reply<V>),
    /// Nothing will be pushed for a while.
    Broken,
}

/// Why no reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The runtime proves that no connection was made, so nothing was sent.
    NoConnection,
    /// The runtime proves that the request never left, although the server was there.
    Unsent(Unsent),
    /// There was no token to send it with, so nothing was sent.
    NoToken,
    /// The token did not come in time, so nothing was sent.
    TokenTimedOut,
    /// The caller's own `fetch` refused the request unread, so nothing was sent.
    FetchRefused,
    /// The connection failed; the request may have arrived.
    Lost,
    /// The time for this request is over; it may have arrived.
    TimedOut,
}

impl Fault {
    /// What it means for a request that only reads.
    #[must_use]
    pub fn of_read(self) -> Box<Failure> {
        match self {
            Fault::NoToken => no_token(Charged::Unknown),
            Fault::TokenTimedOut => token_timed_out(Charged::Unknown),
            Fault::FetchRefused => fetch_refused(Charged::Unknown),
            Fault::Unsent(unsent) => unsent.failure(Charged::Unknown),
            _ => Failure::new(Kind::Unreachable, Charged::Unknown).retryable(),
        }
    }
}

pub(crate) fn no_token(charged: Charged) -> Box<Failure> {
    let message = "The token could not be had, so nothing was sent. The cause says why.";
    Failure::saying(Kind::Unauthorized, charged, message).retryable()
}

pub(crate) fn token_timed_out(charged: Charged) -> Box<Failure> {
    let message = "The token did not come in time, so nothing was sent. Check the function given as token.";
    Failure::saying(Kind::Timeout, charged, message).retryable()
}

pub(crate) fn fetch_refused(charged: Charged) -> Box<Failure> {
    let message = "The fetch option did not take the request, so nothing was sent. \
                   Give a function like the global fetch that takes a Request. The cause is what it threw.";
    Failure::saying(Kind::InvalidInput, charged, message)
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Wait until the [`limiter`](crate::rate_limit) lets a task be made, and no longer than to the
    /// instant; come back with [`Event::Turn`]. The request that follows is the one that counts.
    TakeTurn(Instant),
    /// Send this, and give up on it at the instant.
    Send(Request, Instant),
    /// Wake me at the instant, or come with what was pushed before.
    WaitUntil(Instant),
    /// The job has ended.
    Finish(Result<Box<Upscaled>, Box<Failure>>),
}

/// A request to the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `POST` createTask.
    Create(CreateTask),
    /// `GET` recordInfo of the task.
    Look(String),
}

/// What a job answers to an event: perhaps some news, and always what to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// News for the caller.
    pub news: Option<Update>,
    /// What to do next.
    pub next: Next,
}

/// News of a job on its way.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// `submitted` when the task was made, then the vendor's word for its state. The end
    /// is no update but what the job ends with.
    pub state: String,
    /// The task.
    pub task_id: String,
}

/// How a job ends well.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upscaled {
    /// The task.
    pub task_id: String,
    /// Where the upscaled image is; the service keeps it for a day at least.
    pub url: String,
    /// What it cost, in credits, where the service says.
    pub credits: Option<f64>,
    /// When the task was made, in Unix milliseconds, where the service says.
    pub create_time: Option<f64>,
    /// When it was done, in Unix milliseconds, where the service says.
    pub complete_time: Option<f64>,
}

impl Upscaled {
    /// The result of a task by its record, which says `success`; `Err` where it names no file.
    pub(crate) fn of(task_id: &str, detail: TaskDetail) -> Result<Box<Self>, Box<Failure>> {
        match detail.result_urls.into_iter().next() {
            Some(url) => Ok(Box::new(Upscaled {
                task_id: task_id.to_owned(),
                url,
                credits: detail.credits_consumed,
                create_time: detail.create_time,
                complete_time: detail.complete_time,
            })),
            None => Err(nameless(task_id)),
        }
    }
}

fn nameless(task_id: &str) -> Box<Failure> {
    let message = "The service says that the task succeeded and names no file. Resume the task later.";
    Failure::saying(Kind::BadReply, Charged::Yes, message).of_task(task_id)
}

/// One upscale.
#[derive(Debug)]
pub struct Job {
    /// When the caller's patience ends.
    deadline: Instant,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Creating(Creating),
    Following(Following),
}

impl Job {
    /// A job that makes its task first. The caller's patience ends at `deadline`.
    #[must_use]
    pub fn create(request: CreateTask, deadline: Instant) -> Self {
        let creating = Creating { request, idempotent: false, sent: false, dials: 0, refusals: 0, losses: 0 };
        Job { deadline, phase: Phase::Creating(creating) }
    }

    /// The same, where the server makes one task of all requests of this job, as a gateway does
    /// that knows them by one `Idempotency-Key`. A create whose outcome is unknown is sent again then.
    #[must_use]
    pub fn create_idempotent(request: CreateTask, deadline: Instant) -> Self {
        let mut job = Job::create(request, deadline);
        if let Phase::Creating(creating) = &mut job.phase {
            creating.idempotent = true;
        }
        job
    }

    /// A job whose task was made already, at `made` on the clock of `deadline`.
    #[must_use]
    pub fn follow(task_id: String, made: Instant, deadline: Instant) -> Self {
        Job { deadline, phase: Phase::Following(Following::of(task_id, made)) }
    }

    /// Takes what happened; says what to do next.
    ///
    /// Whoever plays a job does what the last step said and comes back with what came
    /// of it. After [`Next::Finish`] there is nothing more to do. The job looks when `durations`
    /// says, and adds its own to them when it ends well.
    pub fn handle<V: Json>(&mut self, event: Event<V>, now: Instant, durations: &mut Durations) -> Step {
        match &mut self.phase {
            Phase::Creating(creating) => match creating.handle(event, now, self.deadline) {
                Ok(next) => Step { news: None, next },
                Err(Made { task_id }) => {
                    let news = Update { state: "submitted".to_owned(), task_id: task_id.clone() };
                    let mut task = Following::of(task_id, now);
                    let next = task.first_look(now, self.deadline, durations);
                    self.phase = Phase::Following(task);
                    Step { news: Some(news), next }
                }
            },
            Phase::Following(task) => task.handle(event, now, self.deadline, durations),
        }
    }
}

fn fail(failure: Box<Failure>) -> Next {
    Next::Finish(Err(failure))
}

/// A task that is not made yet.
#[derive(Debug)]
struct Creating {
    request: CreateTask,
    /// Whether the server makes one task of all requests.
    idempotent: bool,
    /// Whether a request has left that may not be sent again. While it has, none leaves,
    /// whatever whoever plays this job comes with.
    sent: bool,
    /// Tries that made no connection.
    dials: u32,
    /// Tries that the rate limit refused.
    refusals: u32,
    /// Tries whose outcome is unknown.
    losses: u32,
}

/// The phase is over: the task has an id.
struct Made {
    task_id: String,
}

impl Creating {
    fn handle<V: Json>(&mut self, event: Event<V>, now: Instant, deadline: Instant) -> Result<Next, Made> {
        Ok(match event {
            Event::Start
            | Event::Woken
            | Event::Turn
            | Event::Listening
            | Event::Pushed(_)
            | Event::Broken
                if self.sent =>
            {
                fail(unknown())
            }
            // Nothing is pushed of a task without an id.
            Event::Start | Event::Woken | Event::Listening | Event::Pushed(_) | Event::Broken => {
                Next::TakeTurn(deadline)
            }
            Event::Turn => {
                if now >= deadline {
                    let message = "The time was over before the task could be made.";
                    let failure = Failure::saying(Kind::Timeout, Charged::No, message).retryable();
                    return Ok(self.fail(failure));
                }
                self.sent = true;
                let request = Request::Create(self.request.clone());
                Next::Send(request, deadline.min(now.saturating_add(CREATE_PATIENCE)))
            }
            Event::Replied(reply) => match created(&reply) {
                Created::Made(task_id) => return Err(Made { task_id }),
                Created::Limited(asked, failure) => {
                    self.refusals += 1;
                    self.again(failure, backoff::delay_or(asked, self.refusals), now, deadline)
                }
                Created::Failed(failure) if failure.kind == Kind::OutcomeUnknown => {
                    self.lost(failure, now, deadline)
                }
                Created::Failed(failure) => self.fail(failure),
            },
            // A certificate does not become valid by trying again.
            Event::Failed(Fault::Unsent(unsent)) => self.fail(unsent.failure(Charged::No)),
            Event::Failed(Fault::NoToken) => self.fail(no_token(Charged::No)),
            Event::Failed(Fault::TokenTimedOut) => self.fail(token_timed_out(Charged::No)),
            Event::Failed(Fault::FetchRefused) => self.fail(fetch_refused(Charged::No)),
            Event::Failed(Fault::NoConnection) => {
                self.dials += 1;
                let failure = Failure::new(Kind::Unreachable, Charged::No).retryable();
                if self.dials >= MAX_DIALS {
                    return Ok(self.fail(failure));
                }
                self.again(failure, backoff::delay(self.dials), now, deadline)
            }
            Event::Failed(Fault::Lost | Fault::TimedOut) => self.lost(unknown(), now, deadline),
        })
    }

    /// The request left and may have made a task: it is sent again only where that makes no second one.
    fn lost(&mut self, failure: Box<Failure>, now: Instant, deadline: Instant) -> Next {
        self.losses += 1;
        if !self.idempotent || self.losses > MAX_REPEATS {
            return self.fail(failure);
        }
        self.again(failure, backoff::delay(self.losses), now, deadline)
    }

    /// Sends again after `wait`, or ends with `failure` where the caller would not wait so long.
    fn again(&mut self, failure: Box<Failure>, wait: u64, now: Instant, deadline: Instant) -> Next {
        let then = now.saturating_add(wait);
        if then >= deadline {
            return self.fail(failure);
        }
        self.sent = false;
        Next::WaitUntil(then)
    }

    /// Ends with `failure`. What a later request was answered says nothing of an earlier one
    /// whose outcome is unknown.
    fn fail(&self, failure: Box<Failure>) -> Next {
        if self.losses == 0 || failure.kind == Kind::OutcomeUnknown {
            return fail(failure);
        }
        let mut unknown = unknown();
        (unknown.code, unknown.status) = (failure.code, failure.status);
        fail(unknown.adding(" When it was sent again: ", &failure.message))
    }
}

fn unknown() -> Box<Failure> {
    Failure::new(Kind::OutcomeUnknown, Charged::Unknown)
}

/// A task that was made and has not ended.
#[derive(Debug)]
struct Following {
    task_id: String,
    made: Instant,
    /// When the last look left, or its like was pushed.
    looked: Instant,
    /// When it is to be woken.
    wake: Instant,
    push: Push,
    /// The age at which it had not ended yet, where this job has watched it from the beginning.
    alive: Option<u64>,
    /// The last state reported, so that only changes are news.
    state: Option<State>,
    /// Polls in a row that told nothing, and what the last of them said.
    bad: u32,
    trouble: Option<String>,
    /// Records in a row that said `success` and named no file.
    empty: u32,
}

/// What is known of the server's pushing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Push {
    /// Nothing will come, or nobody knows.
    Off,
    /// The present state should come soon.
    Hoped,
    /// The next change will come by itself, so that nothing need be looked at.
    On,
}

impl Following {
    fn of(task_id: String, made: Instant) -> Self {
        Following {
            task_id,
            made,
            looked: made,
            wake: made,
            push: Push::Off,
            alive: None,
            state: None,
            bad: 0,
            trouble: None,
            empty: 0,
        }
    }

    fn handle<V: Json>(
        &mut self,
        event: Event<V>,
        now: Instant,
        deadline: Instant,
        durations: &mut Durations,
    ) -> Step {
        let step = self.step(event, now, deadline, durations);
        if let Next::WaitUntil(then) = step.next {
            self.wake = then;
        }
        step
    }

    fn step<V: Json>(
        &mut self,
        event: Event<V>,
        now: Instant,
        deadline: Instant,
        durations: &mut Durations,
    ) -> Step {
        let next = match event {
            Event::Replied(reply) => return self.told(&reply, now, deadline, durations),
            Event::Pushed(reply) => {
                (self.looked, self.push) = (now, Push::On);
                return self.told(&reply, now, deadline, durations);
            }
            Event::Failed(fault) => self.bad_poll(None, fault.of_read().message, now, deadline),
            // It has succeeded; all that is missing is the file's name.
            _ if now >= deadline && self.empty > 0 => fail(nameless(&self.task_id)),
            _ if now >= deadline => fail(self.timeout()),
            Event::Listening => {
                self.push = Push::Hoped;
                // Not before a server may be asked again that asked to wait.
                Next::WaitUntil(deadline.min(self.wake.max(now.saturating_add(event_stream::PATIENCE))))
            }
            // It looks by itself already.
            Event::Broken if self.push == Push::Off => Next::WaitUntil(self.wake),
            // Just made, perhaps by the job before this one: nothing to see yet.
            Event::Start | Event::Broken if self.push != Push::On && self.is_young(now, durations) => {
                self.push = Push::Off;
                self.first_look(now, deadline, durations)
            }
            Event::Start | Event::Woken | Event::Turn | Event::Broken => {
                (self.looked, self.push) = (now, Push::Off);
                let give_up = deadline.min(now.saturating_add(LOOK_PATIENCE));
                Next::Send(Request::Look(self.task_id.clone()), give_up)
            }
        };
        Step { news: None, next }
    }

    /// Whether it is too early for the first look.
    fn is_young(&self, now: Instant, durations: &Durations) -> bool {
        (self.made..self.made.saturating_add(durations.next_look(0))).contains(&now)
    }

    /// What a reply says of the task, whether it was asked for or pushed.
    fn told<V: Json>(
        &mut self,
        reply: &Reply<V>,
        now: Instant,
        deadline: Instant,
        durations: &mut Durations,
    ) -> Step {
        let mut news = None;
        let next = match looked(reply) {
            Looked::Record(detail) => {
                (self.bad, self.trouble) = (0, None);
                if !matches!(detail.state, State::Success | State::Fail) {
                    news = self.news(&detail.state);
                }
                self.record(detail, now, deadline, durations)
            }
            Looked::Missing(_) if now.saturating_sub(self.made) < GRACE => {
                (self.bad, self.trouble) = (0, None);
                self.look_later(now, deadline, durations)
            }
            Looked::Again(asked, failure) => self.bad_poll(asked, failure.message, now, deadline),
            Looked::Missing(failure) | Looked::Failed(failure) => fail(failure.of_task(&self.task_id)),
        };
        Step { news, next }
    }

    fn news(&mut self, state: &State) -> Option<Update> {
        if self.state.as_ref() == Some(state) {
            return None;
        }
        self.state = Some(state.clone());
        Some(Update { state: state.as_str().to_owned(), task_id: self.task_id.clone() })
    }

    fn record(
        &mut self,
        detail: TaskDetail,
        now: Instant,
        deadline: Instant,
        durations: &mut Durations,
    ) -> Next {
        // Failures end early or late for reasons of their own, and are not learned from.
        if detail.state == State::Success
            && self.empty == 0
            && let Some(duration) = self.duration(&detail)
        {
            durations.learn(duration);
        }
        match detail.state {
            State::Fail => fail(failed(&detail).of_task(&self.task_id)),
            State::Success => match Upscaled::of(&self.task_id, detail) {
                Ok(upscaled) => Next::Finish(Ok(upscaled)),
                Err(nameless) => self.no_file(nameless, now, deadline, durations),
            },
            State::Waiting | State::Queuing | State::Generating | State::Other(_) => {
                self.empty = 0;
                let next = self.look_later(now, deadline, durations);
                if self.push == Push::On { Next::WaitUntil(deadline) } else { next }
            }
        }
    }

    /// It is paid for, so it is not given up at the first record without a file.
    fn no_file(
        &mut self,
        nameless: Box<Failure>,
        now: Instant,
        deadline: Instant,
        durations: &Durations,
    ) -> Next {
        self.empty += 1;
        if self.empty < MAX_EMPTY { self.look_later(now, deadline, durations) } else { fail(nameless) }
    }

    /// How long the task took: by its record, but between the last look that did not see
    /// the end and the one that did, since it is for looking; without times in the record, in the
    /// middle of the two.
    fn duration(&self, detail: &TaskDetail) -> Option<u64> {
        let told = detail.complete_time.zip(detail.create_time).map(|(end, begin)| end - begin);
        let told = told.filter(|duration| *duration >= 0.0).map(|duration| duration as u64);
        let Some(alive) = self.alive else { return told };
        let age = self.looked.saturating_sub(self.made);
        Some(told.map_or(alive.midpoint(age), |told| told.min(age).max(alive)))
    }

    fn bad_poll(&mut self, asked: Option<u64>, trouble: String, now: Instant, deadline: Instant) -> Next {
        self.bad += 1;
        self.trouble = Some(trouble);
        Next::WaitUntil(deadline.min(now.saturating_add(backoff::delay_or(asked, self.bad))))
    }

    /// The wait for the first look at a task just made.
    fn first_look(&mut self, now: Instant, deadline: Instant, durations: &Durations) -> Next {
        self.alive = Some(0);
        let then = self.made.saturating_add(durations.next_look(0));
        Next::WaitUntil(deadline.min(then.max(now)))
    }

    /// The wait after a look that did not see the end.
    fn look_later(&mut self, now: Instant, deadline: Instant, durations: &Durations) -> Next {
        let looked = self.looked.saturating_sub(self.made);
        self.alive = self.alive.map(|_| looked);
        let wait = durations.next_look(now.saturating_sub(self.made));
        Next::WaitUntil(deadline.min(now.saturating_add(wait)))
    }

    fn timeout(&self) -> Box<Failure> {
        let mut failure = Failure::new(Kind::Timeout, Charged::Unknown).of_task(&self.task_id);
        if let Some(state) = &self.state {
            failure = failure.adding(" Its last state: ", state.as_str()).adding(".", "");
        }
        match &self.trouble {
            Some(trouble) => failure.adding(" The last look at it failed: ", trouble),
            None => failure,
        }
    }
}
