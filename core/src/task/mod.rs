//! The machines of one upscale: [`upload`] a file, [`create`] a task, [`watch`] it to its end; and
//! [`recover`] an attempt that was cut off.
//!
//! Each is a sans-IO state machine: it takes an `Input`, returns an `Output`, never waits and never sends. The shell
//! does what the output says and comes back with the input that results. Time is an argument, so a test plays
//! whole lives at once.

pub mod create;
pub mod recover;
mod success;
pub mod upload;
pub mod watch;

pub use create::Create;
pub use recover::Recover;
pub use success::TaskSuccess;
pub use upload::Upload;
pub use watch::Watch;

/// A point in time in milliseconds, on any clock that never goes back.
pub type Instant = u64;

/// The timeout of a call whose caller gives none, in milliseconds: ten minutes, twice what the vendor advises for
/// images, since giving up early helps nobody.
pub const DEFAULT_TIMEOUT: u64 = 600_000;
