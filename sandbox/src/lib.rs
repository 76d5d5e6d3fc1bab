//! A stand-in for kie.ai's jobs API (model `recraft/crisp-upscale`) that really
//! enlarges pixels, by plain resampling: it is not Recraft's model.
//!
//! [`Sandbox`] is a value without clock, I/O or JavaScript: it is told what
//! happened and when, and answers with a [`Turn`], which holds the reply and the
//! work for its host. [`pixels::enlarge`] is that work's heavy part, apart from
//! the rest so that a host can run it elsewhere. How the API behaves was
//! gathered from its documentation and from recorded traffic; where nobody
//! knows, a comment says "guess".

mod bindings;
mod callbacks;
mod create;
mod event;
mod faults;
mod files;
mod jpeg;
mod ledger;
mod limiter;
pub mod pixels;
mod reply;
mod routes;
mod sandbox;
mod settings;
mod tasks;
#[cfg(test)]
mod tests;
mod uploads;
mod webp;

pub use bindings::{JsSandbox, enlarge};
pub use event::{Event, Form, Outcome, Request, Source, Turn, Work};
pub use reply::Reply;
pub use sandbox::Sandbox;
pub use settings::{Delays, Settings};
