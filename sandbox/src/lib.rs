//! A stand-in for kie.ai's jobs API (model `recraft/crisp-upscale`) that really
//! enlarges pixels, by plain resampling: it is not Recraft's model.
//!
//! [`Sandbox`] is a value without clock, I/O or JavaScript: an [`Input`] and the
//! time go in, and an [`Output`] comes out, with the reply and the work for its
//! host. [`pixels::enlarge`] is the heavy part of that work. It is a function of
//! its own, so that a host can run it elsewhere. How the API behaves was
//! gathered from its documentation and from recorded traffic; where nobody
//! knows, a comment says "guess".

mod bindings;
mod callbacks;
mod create;
mod delivery;
mod faults;
mod files;
mod jpeg;
mod ledger;
mod limiter;
mod machine;
mod pending;
pub mod pixels;
mod reply;
mod routes;
mod sandbox;
mod settings;
mod tasks;
#[cfg(test)]
mod tests;
mod uploads;
mod url;
mod webp;

pub use bindings::{JsSandbox, enlarge};
pub use machine::{Form, Input, Outcome, Output, Request, Source, Work};
pub use reply::Reply;
pub use sandbox::Sandbox;
pub use settings::{Delays, Settings};
