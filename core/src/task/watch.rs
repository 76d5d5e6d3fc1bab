//! Watches a task to its end, by polls and by what the server pushes.

use super::Instant;
use super::success::{TaskSuccess, no_result_url};
use crate::api::{Response, State, TaskDetail};
use crate::backoff;
use crate::classify::{RecordInfoResponse, failed_task, record_info};
use crate::event_stream::FIRST_MESSAGE_TIMEOUT;
use crate::failure::{Charged, Failure, Kind};
use crate::json::Json;
use crate::network_error::NetworkError;
use crate::schedule::Durations;

/// The timeout of one poll, in milliseconds. A poll that is given up costs nothing.
const POLL_TIMEOUT: u64 = 20_000;

/// How long a new task may be missing from recordInfo, in milliseconds (seen on the wire).
const MISSING_GRACE: u64 = 90_000;

/// How many records in a row may say `success` and name no file before that is believed.
const MAX_WITHOUT_FILE: u32 = 5;

/// What the machine is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<V> {
    /// The watch begins, without a subscription.
    Started,
    /// The instant of [`Output::Sleep`] has come.
    TimerFired,
    /// The response to a poll came.
    Response(Response<V>),
    /// No response to a poll came.
    NetworkError(NetworkError),
    /// The server pushes changes of the task from now on, the present state first. In place of [`Input::Started`] or
    /// later.
    Subscribed,
    /// The server pushed what it would answer to a poll.
    Pushed(Response<V>),
    /// Nothing is pushed for a while.
    SubscriptionLost,
}

/// What the machine asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send recordInfo.
    Poll {
        /// When to give up on the response.
        until: Instant,
    },
    /// Sleep, unless something is pushed before.
    Sleep {
        /// When to wake up.
        until: Instant,
    },
    /// The task has succeeded.
    Succeeded(Box<TaskSuccess>),
    /// The task has failed, or the watch has.
    Failed(Box<Failure>),
}

/// An output, and the task's state where it has changed. The end is an output and no state.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The new state.
    pub state: Option<State>,
    /// What to do next.
    pub output: Output,
}

/// Watches one task.
#[derive(Debug)]
pub struct Watch {
    task_id: String,
    deadline: Instant,
    created: Instant,
    /// When the last poll left, or a message was pushed.
    polled: Instant,
    /// When it is to wake up.
    wake_at: Instant,
    push: Push,
    /// The age at which the task had not ended yet, where it was watched from the beginning.
    alive: Option<u64>,
    /// The last state reported.
    state: Option<State>,
    /// Consecutive polls without a record, and the message of the last one.
    bad_polls: u32,
    last_problem: Option<String>,
    /// Consecutive records that said `success` and named no file.
    without_file: u32,
}

/// What is known of the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Push {
    /// There is none.
    Off,
    /// The first message is expected.
    Expected,
    /// Each change is pushed, so there is nothing to poll for.
    On,
}

impl Watch {
    /// A machine for a task that was created at `created`, on the clock of `deadline`, at which it ends at the latest.
    #[must_use]
    pub fn new(task_id: String, created: Instant, deadline: Instant) -> Self {
        Watch {
            task_id,
            deadline,
            created,
            polled: created,
            wake_at: created,
            push: Push::Off,
            alive: None,
            state: None,
            bad_polls: 0,
            last_problem: None,
            without_file: 0,
        }
    }

    /// Takes an input and says what to do next. Nothing follows [`Output::Succeeded`] and [`Output::Failed`].
    ///
    /// `durations` decides when to poll, and learns how long the task took.
    pub fn handle<V: Json>(&mut self, input: Input<V>, now: Instant, durations: &mut Durations) -> Step {
        let step = self.step(input, now, durations);
        if let Output::Sleep { until } = step.output {
            self.wake_at = until;
        }
        step
    }

    fn step<V: Json>(&mut self, input: Input<V>, now: Instant, durations: &mut Durations) -> Step {
        let output = match input {
            Input::Response(response) => return self.response(&response, now, durations),
            Input::Pushed(response) => {
                (self.polled, self.push) = (now, Push::On);
                return self.response(&response, now, durations);
            }
            Input::NetworkError(error) => {
                self.bad_poll(None, error.failure_of_read(Charged::Unknown).message, now)
            }
            // The task has succeeded; all that is missing is the file's name.
            _ if now >= self.deadline && self.without_file > 0 => {
                Output::Failed(no_result_url(&self.task_id))
            }
            _ if now >= self.deadline => Output::Failed(self.timed_out()),
            Input::Subscribed => {
                self.push = Push::Expected;
                // Not before the instant to which a server has asked to wait.
                self.sleep(self.wake_at.max(now.saturating_add(FIRST_MESSAGE_TIMEOUT)))
            }
            // It is polled already.
            Input::SubscriptionLost if self.push == Push::Off => Output::Sleep { until: self.wake_at },
            // The task is new: there is nothing to see yet.
            Input::Started | Input::SubscriptionLost
                if self.push != Push::On && self.is_new(now, durations) =>
            {
                self.push = Push::Off;
                self.alive = Some(0);
                self.sleep(now.max(self.created.saturating_add(durations.next_poll(0))))
            }
            Input::Started | Input::TimerFired | Input::SubscriptionLost => {
                (self.polled, self.push) = (now, Push::Off);
                Output::Poll { until: self.deadline.min(now.saturating_add(POLL_TIMEOUT)) }
            }
        };
        Step { state: None, output }
    }

    /// Whether it is too early for the first poll.
    fn is_new(&self, now: Instant, durations: &Durations) -> bool {
        (self.created..self.created.saturating_add(durations.next_poll(0))).contains(&now)
    }

    /// What a response says of the task, whether it was polled or pushed.
    fn response<V: Json>(&mut self, response: &Response<V>, now: Instant, durations: &mut Durations) -> Step {
        let mut state = None;
        let output = match record_info(response) {
            RecordInfoResponse::Record(detail) => {
                (self.bad_polls, self.last_problem) = (0, None);
                if !matches!(detail.state, State::Success | State::Fail) {
                    state = self.changed(&detail.state);
                }
                self.record(detail, now, durations)
            }
            RecordInfoResponse::Missing(_) if now.saturating_sub(self.created) < MISSING_GRACE => {
                (self.bad_polls, self.last_problem) = (0, None);
                self.poll_later(now, durations)
            }
            RecordInfoResponse::Retry { retry_after, failure } => {
                self.bad_poll(retry_after, failure.message, now)
            }
            RecordInfoResponse::Missing(failure) | RecordInfoResponse::Failed(failure) => {
                Output::Failed(failure.for_task(&self.task_id))
            }
        };
        Step { state, output }
    }

    fn changed(&mut self, state: &State) -> Option<State> {
        if self.state.as_ref() == Some(state) {
            return None;
        }
        self.state = Some(state.clone());
        self.state.clone()
    }

    fn record(&mut self, detail: TaskDetail, now: Instant, durations: &mut Durations) -> Output {
        // Failures end early or late for reasons of their own, so nothing is learned from them.
        if detail.state == State::Success
            && self.without_file == 0
            && let Some(duration) = self.duration(&detail)
        {
            durations.learn(duration);
        }
        match detail.state {
            State::Fail => Output::Failed(failed_task(&detail).for_task(&self.task_id)),
            State::Success => match TaskSuccess::from_record(&self.task_id, detail) {
                Ok(success) => Output::Succeeded(success),
                Err(failure) => self.no_file(failure, now, durations),
            },
            State::Waiting | State::Queuing | State::Generating | State::Other(_) => {
                self.without_file = 0;
                let output = self.poll_later(now, durations);
                if self.push == Push::On { Output::Sleep { until: self.deadline } } else { output }
            }
        }
    }

    /// The task is paid for, so it is not given up at the first record without a file.
    fn no_file(&mut self, failure: Box<Failure>, now: Instant, durations: &Durations) -> Output {
        self.without_file += 1;
        if self.without_file < MAX_WITHOUT_FILE {
            self.poll_later(now, durations)
        } else {
            Output::Failed(failure)
        }
    }

    /// How long the task took, in milliseconds. What the record says counts between the last poll that did not see the
    /// end and the one that did, since it is for polling; where the record has no times, the middle of the two.
    fn duration(&self, detail: &TaskDetail) -> Option<u64> {
        let recorded = detail.complete_time.zip(detail.create_time).map(|(end, begin)| end - begin);
        let recorded = recorded.filter(|duration| *duration >= 0.0).map(|duration| duration as u64);
        let Some(alive) = self.alive else { return recorded };
        let age = self.polled.saturating_sub(self.created);
        Some(recorded.map_or(alive.midpoint(age), |duration| duration.min(age).max(alive)))
    }

    fn bad_poll(&mut self, retry_after: Option<u64>, problem: String, now: Instant) -> Output {
        self.bad_polls += 1;
        self.last_problem = Some(problem);
        self.sleep(now.saturating_add(backoff::delay_or(retry_after, self.bad_polls)))
    }

    /// The sleep after a poll that did not see the end.
    fn poll_later(&mut self, now: Instant, durations: &Durations) -> Output {
        let age = self.polled.saturating_sub(self.created);
        self.alive = self.alive.map(|_| age);
        self.sleep(now.saturating_add(durations.next_poll(now.saturating_sub(self.created))))
    }

    fn sleep(&self, until: Instant) -> Output {
        Output::Sleep { until: self.deadline.min(until) }
    }

    fn timed_out(&self) -> Box<Failure> {
        let mut failure = Failure::new(Kind::Timeout, Charged::Unknown).for_task(&self.task_id);
        if let Some(state) = &self.state {
            failure = failure.append(" Its last state: ", state.as_str()).append(".", "");
        }
        match &self.last_problem {
            Some(problem) => failure.append(" The last poll failed: ", problem),
            None => failure,
        }
    }
}
