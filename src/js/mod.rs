//! JavaScript, as far as Rust sees it: what `npm/` hands in, and the modules beside this one.

mod clock;
mod json;
mod settings;
mod snippets;

pub(crate) use clock::{instant, left, now};
pub(crate) use json::JsonValue;
#[cfg(feature = "exports")]
pub use settings::Subscribers;
pub use settings::{CallContext, Settings};
pub(crate) use settings::{Limiter, Notification, NotificationKind, Subscription};
#[cfg(feature = "exports")]
pub(crate) use snippets::EventReader;
pub(crate) use snippets::{
    Expected, Place, Received, Waits, enqueue, exchange, random_id, read_part, release, released, sendable,
    token, upload_form,
};
