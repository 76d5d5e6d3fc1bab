//! What a call does, from its beginning to its end. Each operation plays a machine of core, or sends one request.

#[cfg(feature = "exports")]
pub(crate) mod callback;
mod create;
mod credits;
mod download;
#[cfg(feature = "exports")]
mod events;
mod file;
#[cfg(feature = "exports")]
mod fingerprint;
mod preflight;
mod range_probe;
mod record;
#[cfg(feature = "exports")]
pub(crate) mod recover;
mod upload;
mod watch;

pub(crate) use create::create_task;
pub(crate) use credits::credits;
pub(crate) use download::download;
#[cfg(feature = "exports")]
pub use events::EventSink;
#[cfg(feature = "exports")]
pub(crate) use events::stream_events;
#[cfg(feature = "exports")]
pub(crate) use fingerprint::fingerprint;
pub(crate) use preflight::preflight;
pub(crate) use record::get_task;
pub(crate) use upload::upload;
pub(crate) use watch::watch_task;
