use super::{Envelope, non_empty};
use crate::json::Json;

/// The reply of the three upload endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedFile {
    /// Where the file can be fetched, for 24 hours at least: what `input.image` wants.
    /// Everything else in the reply is optional and not needed.
    pub download_url: String,
}

impl UploadedFile {
    /// Reads the reply; `None` where it is a refusal or names no URL.
    #[must_use]
    pub fn read<V: Json>(envelope: &Envelope<V>) -> Option<Self> {
        let data = envelope.data.as_ref().filter(|_| envelope.code == 200)?;
        Some(UploadedFile { download_url: non_empty(data, "downloadUrl")? })
    }
}
