//! Why a call has no value.

use core::fmt;

use crisp_upscale_core::failure::{Charged, Failure};
use wasm_bindgen::JsValue;

/// Why a call has no value.
#[derive(Clone, Debug)]
pub struct UpscaleError {
    /// What went wrong, what it means for the money, and the task where there is one.
    pub failure: Failure,
    /// What the runtime threw, or the first 1,024 characters of the response. The key is not in it.
    pub cause: JsValue,
}

impl fmt::Display for UpscaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.failure.message)
    }
}

impl core::error::Error for UpscaleError {}

/// Why an operation ended without a value.
pub(crate) enum CallError {
    /// It failed; and what the runtime threw or the server answered.
    Failed(Box<Failure>, JsValue),
    /// It was aborted, for the caller's own reason.
    Aborted {
        reason: JsValue,
        /// What is known of the charge. Callers in Rust have no signal, and no use for it.
        #[cfg_attr(not(feature = "exports"), expect(dead_code))]
        charged: Charged,
    },
}

impl CallError {
    /// A call that was aborted when it may have been charged.
    pub(crate) fn aborted(reason: JsValue) -> Self {
        CallError::Aborted { reason, charged: Charged::Unknown }
    }

    /// The same where more is known of the charge of an aborted call.
    pub(crate) fn with_charged(self, charged: Charged) -> Self {
        match self {
            CallError::Aborted { reason, .. } => CallError::Aborted { reason, charged },
            failed @ CallError::Failed(..) => failed,
        }
    }
}

impl From<Box<Failure>> for CallError {
    fn from(failure: Box<Failure>) -> Self {
        CallError::Failed(failure, JsValue::UNDEFINED)
    }
}

impl From<CallError> for UpscaleError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(failure, cause) => UpscaleError { failure: *failure, cause },
            // Callers in Rust have no signal.
            CallError::Aborted { reason, .. } => UpscaleError {
                failure: *Failure::invalid("The runtime threw. The cause says what."),
                cause: reason,
            },
        }
    }
}
