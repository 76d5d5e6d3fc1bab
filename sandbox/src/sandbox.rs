//! The stand-in as a whole.

use crate::callbacks;
use crate::faults::Faults;
use crate::files::Files;
use crate::ledger::Ledger;
use crate::limiter::Limiter;
use crate::machine::{Input, Output, Work};
use crate::pending::Pending;
use crate::settings::Settings;

/// A stand-in for the API. It keeps everything in memory and does nothing by itself.
#[derive(Debug)]
pub struct Sandbox {
    pub(crate) settings: Settings,
    pub(crate) ledger: Ledger,
    pub(crate) limiter: Limiter,
    pub(crate) files: Files,
    pub(crate) faults: Faults,
    /// Uploads by URL whose file is being fetched, by number.
    pub(crate) pending: std::collections::BTreeMap<u64, Pending>,
    pub(crate) uploads: u64,
    /// The work of the output that is being made.
    pub(crate) work: Vec<Work>,
}

impl Sandbox {
    /// A sandbox in which nothing has happened yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Sandbox {
            ledger: Ledger::new(settings.price, settings.credits),
            settings,
            limiter: Limiter::default(),
            files: Files::default(),
            faults: Faults::default(),
            pending: std::collections::BTreeMap::new(),
            uploads: 0,
            work: Vec::new(),
        }
    }

    /// Handles an input, with the bytes that belong to it, at `now` (Unix
    /// milliseconds, never less than before).
    pub fn handle(&mut self, event: Input, bytes: Vec<u8>, now: u64) -> Output {
        let reply = match event {
            Input::Request(request) => self.answer(&request, bytes, now),
            Input::Fetched { upload, found } => self.fetched(upload, found.then_some(bytes), now),
            Input::Enlarged { task, outcome } => {
                self.enlarged(&task, outcome, bytes, now);
                None
            }
            Input::CalledBack { task, answered } => {
                if let Some(delivery) = self.ledger.task(&task).and_then(|task| task.delivery.as_mut()) {
                    delivery.answered(answered, now);
                }
                None
            }
            Input::Woken => None,
        };
        let Settings { price, webhook_hmac_key: key, .. } = &self.settings;
        for task in &mut self.ledger.tasks {
            self.work.extend(callbacks::take_due(task, *price, key.as_deref(), &mut self.faults, now));
        }
        let wake_at = self.ledger.tasks.iter().filter_map(callbacks::due_at).min();
        Output { reply, work: std::mem::take(&mut self.work), wake_at }
    }

    /// The bytes of one of its own files, by path, for a [`Work::Enlarge`] that names it.
    #[must_use]
    pub fn file(&self, path: &str, now: u64) -> Option<&[u8]> {
        self.files.bytes(path, now)
    }
}
