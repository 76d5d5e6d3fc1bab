//! The first bytes of a file, asked for where it is. Never with the key: images and results
//! are on other hosts than the API.

use crate::failure::Failure;
use crate::image::{HEAD_BYTES, Header, identify};
use crate::input;
use crate::text::{cut, number, push_number};

/// The `Range` header that asks for no more than is looked at.
pub const RANGE: &str = "bytes=0-65535";
const _: () = assert!(HEAD_BYTES == 65_536);

/// How long the head of a result is waited for, in milliseconds. The result is there, and
/// what its head says is an extra.
pub const RESULT_PATIENCE: u64 = 1_000;

/// How long the head of an image is waited for before it is sent, in milliseconds.
pub const PREFLIGHT_PATIENCE: u64 = 10_000;

/// What a host answered to a ranged request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// The size of the whole file in bytes, where the host says.
    pub total_bytes: Option<u64>,
    /// The first bytes; no more than [`HEAD_BYTES`] are needed.
    pub bytes: Vec<u8>,
}

impl Head {
    /// What a result is; `None` where it cannot be told.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        if self.is_file() { identify(&self.bytes).ok() } else { None }
    }

    /// Whether the service could take this image. `None`: what came says nothing about it.
    ///
    /// # Errors
    /// [`crate::failure::Kind::InvalidInput`]: the host refuses, or the file is not one that is taken.
    pub fn preflight(&self) -> Result<Option<Header>, Box<Failure>> {
        if self.is_file() {
            let total_bytes = self.total_bytes.unwrap_or(self.bytes.len() as u64);
            return input::file(&self.bytes, total_bytes).map(Some);
        }
        if self.status < 400 {
            return Ok(None);
        }
        let mut message = String::from("The image's host answers with HTTP status ");
        push_number(&mut message, self.status.into());
        message.push_str(". Check the image's URL, and that everybody can fetch it.");
        Err(Failure::invalid(&message))
    }

    fn is_file(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The size of the whole file in bytes, from the headers of an answer to a ranged request.
/// Only of a whole file (status 200) does `Content-Length` tell it (RFC 9110, 14.4 and 15.3.7).
#[must_use]
pub fn total_bytes(status: u16, content_range: Option<&str>, content_length: Option<&str>) -> Option<u64> {
    if status == 206 {
        number(cut(content_range?, "/")?.1.trim_ascii())
    } else {
        number(content_length?.trim_ascii())
    }
}
