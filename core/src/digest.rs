//! A digest of a text or a file. It does not need `crypto.subtle`, which a page without https does not have.

use sha2::Digest as _;
use sha2::Sha256;

/// The SHA-256 of bytes that come in chunks.
#[derive(Clone, Debug, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Adds the next chunk.
    pub fn update(&mut self, chunk: &[u8]) {
        self.0.update(chunk);
    }

    /// `sha-256:` and the digest in 64 hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        let mut text = String::from("sha-256:");
        for byte in self.0.finalize() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
            }
        }
        text
    }
}
