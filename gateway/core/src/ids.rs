//! Names that nobody can guess, and the one name that everybody must be able to work out again.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest, Sha256};

/// How many bytes a job's id stands for; it is twice as many characters.
const ID: usize = 16;

/// The id of a job whose creation was asked for with an `Idempotency-Key`: the same key of the same
/// caller is the same job.
#[must_use]
pub fn keyed_job_id(caller: &str, key: &str) -> String {
    // A caller's name holds no control character, so no two pairs are the same text.
    let hash = Sha256::new().chain_update(caller).chain_update("\0").chain_update(key).finalize();
    hex(hash.iter().copied().take(ID))
}

/// What is stored of an `Idempotency-Key`, whoever sent it.
#[must_use]
pub fn key_hash(key: &str) -> String {
    BASE64.encode(Sha256::digest(key))
}

/// The id of a job that was asked for without a key, of 16 random bytes.
#[must_use]
pub fn random_job_id(random: [u8; ID]) -> String {
    hex(random)
}

/// Whether this is a job's id: 32 hexadecimal digits, the letters small.
#[must_use]
pub fn is_job_id(id: &str) -> bool {
    id.len() == 2 * ID && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The secret of an attempt's callback, of 32 random bytes, as it stands in the callback's URL; base64url.
#[must_use]
pub fn callback_secret(random: [u8; 32]) -> String {
    BASE64.encode(random)
}

/// What is kept of a callback's secret, and compared: nothing that it can be told from, since it is as
/// long as the hash. Base64url.
#[must_use]
pub fn callback_hash(secret: &str) -> String {
    BASE64.encode(Sha256::digest(secret))
}

fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}
