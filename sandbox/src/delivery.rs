//! The state of a task's callback.

/// It stops after this many failed tries (documented for a sibling API).
const MAX_TRIES: u32 = 3;

/// Between a failed try and the next, in milliseconds (guess).
const RETRY_MS: u64 = 1000;

/// How far a task's callback has come.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) tries: u32,
    pub(crate) next: Next,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// As soon as the task has ended.
    AtEnd,
    At(u64),
    /// Delivered, given up, lost, or under way.
    Never,
}

impl Delivery {
    pub(crate) fn new(url: String) -> Self {
        Delivery { url, tries: 0, next: Next::AtEnd }
    }

    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    pub(crate) fn answered(&mut self, answered: bool, now: u64) {
        if !answered && self.tries < MAX_TRIES {
            self.next = Next::At(now + RETRY_MS);
        }
    }
}
