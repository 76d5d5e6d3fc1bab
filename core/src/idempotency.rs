//! The same call again, by its `idempotencyKey`: it gives the task of the earlier one.

use crate::digest::Digest;
use crate::failure::{Charged, Failure, Kind};

/// For how long a key is remembered, in milliseconds.
pub const LIFETIME: f64 = 24.0 * 60.0 * 60.0 * 1_000.0;

/// How long a key may be, in characters.
const MAX_KEY: usize = 200;

/// The `Idempotency-Key` header for a key: the key itself where a header can carry it, else a digest of it. So the
/// API and a gateway, which takes 1 to 200 visible ASCII characters, take the same keys.
///
/// # Errors
/// The key is empty or too long.
pub fn header(key: &str) -> Result<String, Box<Failure>> {
    if key.is_empty() || key.chars().count() > MAX_KEY {
        return Err(Failure::invalid("The idempotencyKey must have 1 to 200 characters. Use another key."));
    }
    if key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(key.to_owned());
    }
    let mut digest = Digest::default();
    digest.update(key.as_bytes());
    Ok(digest.finish())
}

/// Whether a key that was first used at `created_at` has expired at `now`, both in Unix milliseconds.
#[must_use]
pub fn has_expired(created_at: f64, now: f64) -> bool {
    now - created_at > LIFETIME
}

/// Checks that a call for `image` may continue an earlier one with the same key, which was for the image `earlier`.
/// `has_task`: its task is known, or being made by this process.
///
/// # Errors
/// It is another call and needs another key; or nobody knows whether there is a task.
pub fn check_repeat(image: &str, earlier: &str, has_task: bool) -> Result<(), Box<Failure>> {
    if image != earlier {
        return Err(Failure::invalid("This idempotencyKey was used for another image. Use another key."));
    }
    if has_task {
        return Ok(());
    }
    let message = "Another call with this idempotencyKey is under way, or was cut off while its task was being made. \
                   Nothing was sent now. Look at the account before you use another key.";
    Err(Failure::with_message(Kind::OutcomeUnknown, Charged::Unknown, message))
}
