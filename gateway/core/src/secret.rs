//! The deployer's secret, and the only thing that is done with it: HMAC-SHA256.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crisp_upscale_core::failure::Failure;

/// An HMAC-SHA256 key must not be shorter than its hash (RFC 7518, 3.2); in bytes.
const SHORTEST: usize = 32;

/// A secret that is long enough. What it is shows nowhere.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// The setting `TOKEN_SECRET`.
    ///
    /// # Errors
    /// It is shorter than 32 bytes.
    pub fn new(text: &str) -> Result<Self, Box<Failure>> {
        let refused = || {
            Failure::invalid(&format!(
                "TOKEN_SECRET has {} bytes and must have {SHORTEST} at least. Make one with: openssl rand -hex 32",
                text.len()
            ))
        };
        if text.len() < SHORTEST {
            return Err(refused());
        }
        // HMAC takes a key of any length, so this is no second way to be refused.
        Hmac::new_from_slice(text.as_bytes()).map(Secret).map_err(|_| refused())
    }

    /// Another secret, for another purpose: what is signed for one holds for no other.
    pub(crate) fn derived(&self, purpose: &str) -> Self {
        Secret(keyed(self.sign(purpose)))
    }

    /// The signature of a message.
    pub(crate) fn sign(&self, message: &str) -> [u8; 32] {
        self.0.clone().chain_update(message).finalize().into_bytes().into()
    }

    /// Whether this is the signature of a message, in a time that does not tell how much of it is right.
    pub(crate) fn signed(&self, message: &str, signature: &[u8]) -> bool {
        self.0.clone().chain_update(message).verify_slice(signature).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Whether the service's key for callbacks signed the message, in a time that does not tell how much of it is
/// right. The key is the service's, and as long as the service made it.
#[must_use]
pub fn signed(key: &str, message: &str, signature: &[u8]) -> bool {
    Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .is_ok_and(|key| key.chain_update(message).verify_slice(signature).is_ok())
}

/// Whether a passphrase or a bearer is the one that was set, in a time that does not tell how much of it
/// is right.
#[must_use]
pub fn same(given: &str, set: &str) -> bool {
    let hash = |text| keyed(Sha256::digest("crisp-upscale: comparing").into()).chain_update(text);
    hash(given).verify(&hash(set).finalize().into_bytes()).is_ok()
}

/// An HMAC with a key that is a hash.
pub(crate) fn keyed(key: [u8; 32]) -> Hmac<Sha256> {
    // To the length of a block with zeros, which is what HMAC does with a shorter key.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(key).for_each(|(byte, of_key)| *byte = of_key);
    Hmac::new(&block)
}
