//! The account: what was granted, what is reserved, what was billed, and what reached the server.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::faults::Target;
use crate::tasks::{State, Task};

#[derive(Debug)]
pub(crate) struct Ledger {
    price: f64,
    granted: f64,
    /// In the order in which they were made.
    pub(crate) tasks: Vec<Task>,
    requests: BTreeMap<Target, u64>,
    keys_sent_to_files: u64,
}

impl Ledger {
    pub(crate) fn new(price: f64, granted: f64) -> Self {
        Ledger { price, granted, tasks: Vec::new(), requests: BTreeMap::new(), keys_sent_to_files: 0 }
    }

    pub(crate) fn count(&mut self, target: Target, with_key: bool) {
        *self.requests.entry(target).or_default() += 1;
        if with_key && target == Target::Files {
            self.keys_sent_to_files += 1;
        }
    }

    pub(crate) fn task(&mut self, id: &str) -> Option<&mut Task> {
        self.tasks.iter_mut().rfind(|task| task.id == id)
    }

    /// What a task costs: reserved at its creation, given back if it fails.
    fn bill(&self, task: &Task, now: u64) -> Bill {
        match task.state(now) {
            State::Success { .. } => Bill { reserved: 0.0, charged: self.price },
            State::Fail { .. } => Bill { reserved: 0.0, charged: 0.0 },
            _ => Bill { reserved: self.price, charged: 0.0 },
        }
    }

    fn total(&self, now: u64) -> Bill {
        let none = Bill { reserved: 0.0, charged: 0.0 };
        self.tasks.iter().map(|task| self.bill(task, now)).fold(none, |sum, bill| Bill {
            reserved: sum.reserved + bill.reserved,
            charged: sum.charged + bill.charged,
        })
    }

    /// What is left to spend, in credits.
    pub(crate) fn credits(&self, now: u64) -> f64 {
        let Bill { reserved, charged } = self.total(now);
        self.granted - reserved - charged
    }

    pub(crate) fn set_credits(&mut self, credits: f64, now: u64) {
        let Bill { reserved, charged } = self.total(now);
        self.granted = credits + reserved + charged;
    }

    pub(crate) fn can_pay(&self, now: u64) -> bool {
        self.credits(now) >= self.price
    }

    pub(crate) fn to_json(&self, now: u64) -> Value {
        let tasks: Vec<Value> = self
            .tasks
            .iter()
            .map(|task| {
                let state = task.state(now);
                let fail = if let State::Fail { failure, .. } = &state { Some(&failure.msg) } else { None };
                json!({
                    "taskId": task.id,
                    "image": task.image,
                    "state": state.name(),
                    "charged": self.bill(task, now).charged,
                    "createTime": task.created,
                    "completeTime": state.completed(),
                    "failMsg": fail,
                    "callbacks": task.delivery.as_ref().map_or(0, |delivery| delivery.tries()),
                })
            })
            .collect();
        json!({
            "credits": self.credits(now),
            "reserved": self.total(now).reserved,
            "tasks": tasks,
            "requests": self.requests,
            "keysSentToFiles": self.keys_sent_to_files,
        })
    }
}

/// In credits.
struct Bill {
    reserved: f64,
    charged: f64,
}
