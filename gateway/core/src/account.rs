//! The machine: all jobs of one key.
//!
//! Each input is one transaction of the store. What is held in memory is derived from the store when the account is
//! loaded, or can be lost: who waits for a reply, who reads a stream, which requests are in flight.

use crisp_upscale_core::job::Instant;

use crate::input::{Input, Moment};
use crate::output::Output;
use crate::settings::Settings;
use crate::store::{Result, Store};

/// The machine of an account.
///
/// The shell begins a transaction, calls [`Account::handle`], sets the alarm where an output says so, commits, and then
/// carries out the other outputs. Where `handle` or the commit fails, the shell rolls back, drops the account, and
/// loads it anew before the next input: what is in memory may be ahead of what is stored.
#[derive(Debug)]
pub struct Account {
    settings: Settings,
}

impl Account {
    /// Derives what is held in memory from the store, within a transaction. Carry out the outputs as those of an input.
    ///
    /// # Errors
    /// The store failed.
    pub fn load(store: &mut impl Store, settings: Settings, now: Instant) -> Result<(Self, Vec<Output>)> {
        let outputs = store.next_due()?.into_iter().map(|due| Output::SetAlarm(due.max(now))).collect();
        Ok((Account { settings }, outputs))
    }

    /// Handles an input, within a transaction.
    ///
    /// # Errors
    /// The store failed. Roll back, drop this account, and load it anew.
    pub fn handle(&mut self, store: &mut impl Store, input: Input, moment: Moment) -> Result<Vec<Output>> {
        let _ = (store.next_due()?, input, moment, &self.settings);
        Ok(Vec::new())
    }
}
