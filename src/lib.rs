//! The client of crisp-upscale: plays the jobs of [`crisp_upscale_core`] through `fetch`.
//!
//! What is exported to JavaScript are free functions over plain data, so that nobody
//! has to free Rust memory there. The classes that users see are in `npm/`.

mod bearer;
mod callback;
mod clock;
mod drive;
mod exchange;
mod exports;
mod file;
mod js;
mod listen;
mod parsed;
mod stop;
mod turn;
mod upload;

pub use callback::{callback_status, open_callback, read_callback};
pub use exports::{create_task, credits, follow, get_task};
pub use file::{download, preflight};
pub use js::{Blob, Line, Run, Settings};
pub use listen::listen;
pub use upload::upload;
