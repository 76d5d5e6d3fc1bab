//! The life of one upscale, from the call to its end, as a value that is told what
//! happened and says what to do next. It never waits and never calls, and the time
//! is told to it, so a test can play any life in no time.

use serde::Serialize;

use crate::failure::{Charged, Failure, Kind};
use crate::json::Json;
use crate::pace::{self, Durations};
use crate::verdict::{Created, Looked, created, failed, looked};
use crate::wire::{CreateTask, Reply, State, TaskDetail};

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
}

/// Why no reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The runtime proves that no connection was made, so nothing was sent.
    NoConnection,
    /// The connection failed; the request may have arrived.
    Lost,
    /// The time for this request is over; it may have arrived.
    TimedOut,
}

impl Fault {
    /// What it means for a request that only reads.
    #[must_use]
    pub fn of_read(self) -> Failure {
        Failure::new(Kind::Unreachable, Charged::Unknown).retryable()
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Send this, and give up on it at the instant.
    Send(Request, Instant),
    /// Wake me at the instant.
    WaitUntil(Instant),
    /// The job has ended.
    Finish(Box<Result<Upscaled, Failure>>),
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
        let creating = Creating { request, sent: false, dials: 0, refusals: 0 };
        Job { deadline, phase: Phase::Creating(creating) }
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

fn fail(failure: Failure) -> Next {
    Next::Finish(Box::new(Err(failure)))
}

/// A task that is not made yet.
#[derive(Debug)]
struct Creating {
    request: CreateTask,
    /// Whether a request has left that nobody has refused. While it has, none leaves again,
    /// whatever whoever plays this job comes with.
    sent: bool,
    /// Tries that made no connection.
    dials: u32,
    /// Tries that the rate limit refused.
    refusals: u32,
}

/// The phase is over: the task has an id.
struct Made {
    task_id: String,
}

impl Creating {
    fn handle<V: Json>(&mut self, event: Event<V>, now: Instant, deadline: Instant) -> Result<Next, Made> {
        Ok(match event {
            Event::Start | Event::Woken if self.sent => unknown(),
            Event::Start | Event::Woken => {
                if now >= deadline {
                    return Ok(fail(Failure {
                        message: "The time was over before the task could be made.".to_owned(),
                        ..Failure::new(Kind::Timeout, Charged::No).retryable()
                    }));
                }
                self.sent = true;
                let request = Request::Create(self.request.clone());
                Next::Send(request, deadline.min(now.saturating_add(CREATE_PATIENCE)))
            }
            Event::Replied(reply) => match created(&reply) {
                Created::Made(task_id) => return Err(Made { task_id }),
                Created::Limited(asked, failure) => {
                    self.refusals += 1;
                    self.again(failure, pace::wait(asked, self.refusals), now, deadline)
                }
                Created::Failed(failure) => fail(failure),
            },
            Event::Failed(Fault::NoConnection) => {
                self.dials += 1;
                let failure = Failure::new(Kind::Unreachable, Charged::No).retryable();
                if self.dials >= MAX_DIALS {
                    return Ok(fail(failure));
                }
                self.again(failure, pace::after_failure(self.dials), now, deadline)
            }
            // The request left: it may have made a task, so it is not sent again.
            Event::Failed(Fault::Lost | Fault::TimedOut) => unknown(),
        })
    }

    /// Sends again after `wait`, or ends with `failure` where the caller would not wait so long.
    fn again(&mut self, failure: Failure, wait: u64, now: Instant, deadline: Instant) -> Next {
        let then = now.saturating_add(wait);
        if then >= deadline {
            return fail(failure);
        }
        self.sent = false;
        Next::WaitUntil(then)
    }
}

fn unknown() -> Next {
    fail(Failure::new(Kind::OutcomeUnknown, Charged::Unknown))
}

/// A task that was made and has not ended.
#[derive(Debug)]
struct Following {
    task_id: String,
    made: Instant,
    /// When the last look left.
    looked: Instant,
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

impl Following {
    fn of(task_id: String, made: Instant) -> Self {
        Following { task_id, made, looked: made, alive: None, state: None, bad: 0, trouble: None, empty: 0 }
    }

    fn handle<V: Json>(
        &mut self,
        event: Event<V>,
        now: Instant,
        deadline: Instant,
        durations: &mut Durations,
    ) -> Step {
        let mut news = None;
        let next = match event {
            // It has succeeded; all that is missing is the file's name.
            Event::Start | Event::Woken if now >= deadline && self.empty > 0 => fail(self.nameless()),
            Event::Start | Event::Woken if now >= deadline => fail(self.timeout()),
            // Just made, perhaps by the job before this one: nothing to see yet.
            Event::Start if (self.made..self.made.saturating_add(durations.next_look(0))).contains(&now) => {
                self.first_look(now, deadline, durations)
            }
            Event::Start | Event::Woken => {
                self.looked = now;
                let give_up = deadline.min(now.saturating_add(LOOK_PATIENCE));
                Next::Send(Request::Look(self.task_id.clone()), give_up)
            }
            Event::Replied(reply) => match looked(&reply) {
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
            },
            Event::Failed(_) => {
                let trouble = Failure::new(Kind::Unreachable, Charged::Unknown).message;
                self.bad_poll(None, trouble, now, deadline)
            }
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
            State::Success => match detail.result_urls.into_iter().next() {
                Some(url) => Next::Finish(Box::new(Ok(Upscaled {
                    task_id: self.task_id.clone(),
                    url,
                    credits: detail.credits_consumed,
                    create_time: detail.create_time,
                    complete_time: detail.complete_time,
                }))),
                None => self.no_file(now, deadline, durations),
            },
            State::Waiting | State::Queuing | State::Generating | State::Other(_) => {
                self.empty = 0;
                self.look_later(now, deadline, durations)
            }
        }
    }

    /// It is paid for, so it is not given up at the first record without a file.
    fn no_file(&mut self, now: Instant, deadline: Instant, durations: &Durations) -> Next {
        self.empty += 1;
        if self.empty < MAX_EMPTY { self.look_later(now, deadline, durations) } else { fail(self.nameless()) }
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

    fn nameless(&self) -> Failure {
        let message = "The service says that the task succeeded and names no file. Resume the task later.";
        Failure { message: message.to_owned(), ..Failure::new(Kind::BadReply, Charged::Yes) }
            .of_task(&self.task_id)
    }

    fn bad_poll(&mut self, asked: Option<u64>, trouble: String, now: Instant, deadline: Instant) -> Next {
        self.bad += 1;
        self.trouble = Some(trouble);
        Next::WaitUntil(deadline.min(now.saturating_add(pace::wait(asked, self.bad))))
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

    fn timeout(&self) -> Failure {
        let failure = Failure::new(Kind::Timeout, Charged::Unknown).of_task(&self.task_id);
        match &self.trouble {
            Some(trouble) => failure.adding(" The last look at it failed: ", trouble),
            None => failure,
        }
    }
}
