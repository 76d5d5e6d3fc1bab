//! What is fuzzed: each target reads bytes as somebody else could send them, and panics where one of
//! its laws is broken. libFuzzer calls them (`npm run fuzz`), and `cargo test` does with all that is
//! kept in `fuzz/corpus` and `fuzz/regressions`.
//!
//! Their inputs are text as far as possible, so that a person can write and read them: the first line
//! is what comes beside a body, and the body is the rest.

mod api;
mod gateway;
mod sandbox;

pub use api::{callback, detail, events, image, upload};
pub use gateway::{routes, token};
pub use sandbox::{pixels, requests};

/// A target: what it does with some bytes.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 9] = [
    ("callback", callback),
    ("detail", detail),
    ("events", events),
    ("image", image),
    ("pixels", pixels),
    ("requests", requests),
    ("routes", routes),
    ("token", token),
    ("upload", upload),
];

/// The first line, and what follows it.
fn lines(data: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(data);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    (first.to_owned(), rest.to_owned())
}
