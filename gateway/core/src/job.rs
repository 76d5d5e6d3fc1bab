//! One job.

use serde::{Deserialize, Serialize};

/// What a caller ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who ordered it.
    pub caller: String,
    /// The model.
    pub model: String,
    /// `input.image`.
    pub image: String,
    /// Where the caller wants the end to be posted.
    pub call_back_url: Option<String>,
}
