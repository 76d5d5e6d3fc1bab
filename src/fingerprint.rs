//! A file's fingerprint: what tells it from another one under the same `idempotencyKey`.

use crisp_upscale_core::digest::Digest;
use crisp_upscale_core::failure::Failure;
use wasm_bindgen::prelude::*;

use crate::call::{Act, Call, Came, Do};
use crate::host::left;
use crate::upload::{check_file, read, read_head, size};

/// How much of a file is in our memory at a time, in bytes.
const CHUNK: f64 = 262_144.0;

/// Checks a file and makes a digest of its content, chunk by chunk.
pub(crate) struct Fingerprint {
    file: JsValue,
    /// Nothing until the file was checked.
    digest: Option<Digest>,
    /// How much of the file was asked for, in bytes.
    asked: f64,
}

impl Fingerprint {
    pub(crate) fn new(file: JsValue) -> Self {
        Fingerprint { file, digest: None, asked: 0.0 }
    }

    fn advance(&mut self, call: &Call, came: Came) -> Result<Do<'static>, (Box<Failure>, JsValue)> {
        let Came::Waited(came) = came else { return Ok(Do::Wait(read_head(call, &self.file))) };
        match &mut self.digest {
            Some(digest) => digest.update(&read(&came)?),
            None => {
                check_file(&self.file, &came)?;
                self.digest = Some(Digest::default());
            }
        }
        let (from, end) = (self.asked, size(&self.file));
        if from >= end {
            return Ok(Do::Done);
        }
        self.asked = end.min(from + CHUNK);
        Ok(Do::Wait(call.host.bytes(&self.file, from, self.asked, left(call.deadline))))
    }
}

impl Act for Fingerprint {
    fn step(&mut self, call: &Call, came: Came) -> Do<'_> {
        self.advance(call, came).unwrap_or_else(|(failure, cause)| Do::Fail(failure, cause))
    }

    fn value(&mut self) -> JsValue {
        self.digest.take().map(Digest::finish).into()
    }
}
