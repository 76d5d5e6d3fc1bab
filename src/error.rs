//! How a call ends badly.

use core::fmt;

use crisp_upscale_core::failure::Failure;
use wasm_bindgen::JsValue;

/// Why a call has no value.
#[derive(Clone, Debug)]
pub struct UpscaleError {
    /// What went wrong, what it means for the money, and the task where there is one.
    pub failure: Failure,
    /// What the runtime threw, or the first 1,024 characters of the reply. The key is not in it.
    pub cause: JsValue,
}

impl fmt::Display for UpscaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.failure.message)
    }
}

impl core::error::Error for UpscaleError {}

/// Why a call stopped.
pub(crate) enum Halt {
    /// By a failure.
    Failed(UpscaleError),
    /// By what the caller's own signal or listener threw, which the caller gets as it is.
    Thrown(JsValue),
}

impl From<JsValue> for Halt {
    fn from(thrown: JsValue) -> Self {
        Halt::Thrown(thrown)
    }
}

impl From<Halt> for UpscaleError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Failed(error) => error,
            // Callers in Rust have neither signal nor listener.
            Halt::Thrown(cause) => {
                UpscaleError { failure: Failure::invalid("The runtime threw. The cause says what."), cause }
            }
        }
    }
}
