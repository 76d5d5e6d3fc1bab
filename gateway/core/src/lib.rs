//! The gateway's rules, with no I/O, no clock and no JavaScript in them. The gateway keeps the service's key and
//! serves callers that have a token instead.
//!
//! [`Account`] is one machine for all jobs of a key. A shell loads it from a [`Store`], gives it each [`Input`] and
//! carries out each [`Output`]. Everything that one input changes is one transaction of the store.
//!
//! The other modules are the rules of the Worker in front of it: who calls, which addresses may be named, which path
//! is for what.

mod account;
pub mod address;
pub mod budget;
pub mod byte_range;
pub mod ids;
mod input;
mod job;
pub mod link;
pub mod map_store;
pub mod order;
pub mod origin;
mod output;
pub mod passphrase;
mod progress;
pub mod protocol;
pub mod queue;
pub mod record;
pub mod route;
pub mod secret;
mod settings;
pub mod store;
mod streams;
pub mod timeouts;
pub mod token;
mod transaction;

pub use account::Account;
pub use input::{Input, Moment, RequestId, StreamId, UpstreamResult};
pub use order::Order;
pub use output::Output;
pub use settings::Settings;
pub use store::{Store, StoreError};
