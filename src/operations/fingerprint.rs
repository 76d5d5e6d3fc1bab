//! The fingerprint of a file: what tells it from another one under the same `idempotencyKey`.

use crisp_upscale_core::digest::Digest;
use web_sys::Blob;

use super::file::{check, read};
use crate::call::Call;
use crate::error::CallError;

/// How much of a file is in our memory at a time, in bytes.
const CHUNK: usize = 262_144;

/// Checks a file and makes a digest of its content, chunk by chunk.
pub(crate) async fn fingerprint(call: &Call, file: &Blob) -> Result<String, CallError> {
    check(call, file).await?;
    let mut digest = Digest::default();
    for from in (0..file.size() as usize).step_by(CHUNK) {
        digest.update(&read(call, file, from as f64, (from + CHUNK) as f64).await?);
    }
    Ok(digest.finish())
}
