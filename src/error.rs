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

/// Why a call stopped: by a failure, or, where there is none, by what the caller's own signal threw, which the caller
/// gets as it is. Boxed, since everything that can fail hands it on.
pub(crate) type Halt = Box<Stopped>;

pub(crate) struct Stopped {
    pub(crate) failure: Option<Box<Failure>>,
    pub(crate) cause: JsValue,
}

/// The caller's own reason.
pub(crate) fn aborted(cause: JsValue) -> Halt {
    Box::new(Stopped { failure: None, cause })
}

/// A failure, and what the runtime or the server said.
pub(crate) fn failed(failure: Box<Failure>, cause: JsValue) -> Halt {
    Box::new(Stopped { failure: Some(failure), cause })
}

/// A failure of which nobody said anything.
pub(crate) fn bare(failure: Box<Failure>) -> Halt {
    failed(failure, JsValue::UNDEFINED)
}

impl From<Halt> for UpscaleError {
    fn from(halt: Halt) -> Self {
        // Callers in Rust have no signal.
        let thrown = || Failure::invalid("The runtime threw. The cause says what.");
        UpscaleError { failure: *halt.failure.unwrap_or_else(thrown), cause: halt.cause }
    }
}
