//! The throttle for guesses at the page's passphrase.

use crisp_upscale_core::task::Instant;

/// How many wrong passphrases are checked in a minute, of all that try.
const MAX_WRONG: u32 = 20;

/// A minute, in milliseconds.
const MINUTE: u64 = 60_000;

/// What is answered after too many wrong ones.
pub const TOO_MANY_TRIES: &str = "Too many wrong passphrases were tried. Wait a minute.";

/// The wrong passphrases of a minute. They are not counted by address: a guesser has as many as it likes. Not stored:
/// an object that is unloaded for want of requests has waited as long.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throttle {
    since: Instant,
    wrong: u32,
}

impl Throttle {
    /// Counts a passphrase that is right or wrong.
    ///
    /// # Errors
    /// Locked out: the passphrase is not checked. Retry after the returned milliseconds.
    pub fn check(&mut self, right: bool, now: Instant) -> Result<(), u64> {
        let end = self.since.saturating_add(MINUTE);
        if now >= end {
            *self = Throttle { since: now, wrong: 0 };
        } else if self.wrong >= MAX_WRONG {
            return Err(end - now);
        }
        self.wrong += u32::from(!right);
        Ok(())
    }
}
