//! Worlds of many clients, the gateway, the service, and a network, processes and clocks that fail, each played
//! on a virtual clock from one seed. Core's rules are the real ones; all around them is modelled. After each world the
//! laws are checked against the service's own ledger.
//!
//! What is not in them: a browser that sends a POST to the API itself twice, which nobody can prevent; a gateway whose clock
//! is set; a client's machine whose clock stands still for longer than the gateway keeps a job.
#![allow(clippy::indexing_slicing)]

mod client;
mod doc;
mod gateway;
mod laws;
mod mutant;
mod network;
mod rng;
mod service;
mod trouble;
mod world;

pub use laws::{Counts, Violation};
pub use mutant::{MUTANTS, Mutant};
pub use trouble::{Part, Place, Trouble};

use world::World;

/// The result of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The first law that was broken.
    pub violation: Option<Violation>,
    /// What was played.
    pub counts: Counts,
    /// Of the ledger and of all that was reported.
    pub hash: u64,
}

/// Plays the world of a seed.
#[must_use]
pub fn play(seed: u64, mutant: Option<Mutant>) -> Outcome {
    played(World::new(seed, None, mutant)).0
}

/// Plays a part of a world.
#[must_use]
pub fn play_part(seed: u64, part: &Part, mutant: Option<Mutant>) -> Outcome {
    played(World::new(seed, Some(part), mutant)).0
}

fn played(mut world: World<'_>) -> (Outcome, World<'_>) {
    world.play();
    (Outcome { violation: world.violation.clone(), counts: world.counts, hash: world.hash }, world)
}

/// The trace of a part of a world, line by line.
#[must_use]
pub fn trace(seed: u64, part: &Part, mutant: Option<Mutant>) -> Vec<String> {
    let mut world = World::new(seed, Some(part), mutant);
    world.trace = Some(Vec::new());
    played(world).1.trace.unwrap_or_default()
}

/// The seed of the `nth` world of a run.
#[must_use]
pub fn seed_of(run: u64, nth: u64) -> u64 {
    rng::mix(run ^ rng::mix(nth.wrapping_add(1)))
}

/// The smallest part of a world that breaks the same law: whatever call or trouble can be left out is.
#[must_use]
pub fn minimised(seed: u64, law: u8, mutant: Option<Mutant>) -> Part {
    let mut world = World::new(seed, None, mutant);
    world.fired = Some(Vec::new());
    let calls = 0..world.calls.len() as u32;
    let (_, world) = played(world);
    let mut part =
        Part { calls: calls.collect(), troubles: world.fired.unwrap_or_default().into_iter().collect() };
    let breaks =
        |part: &Part| play_part(seed, part, mutant).violation.is_some_and(|broken| broken.law == law);
    loop {
        let before = part.clone();
        part.calls = smaller(&part.calls, |calls| breaks(&Part { calls: calls.clone(), ..part.clone() }));
        part.troubles =
            smaller(&part.troubles, |troubles| breaks(&Part { troubles: troubles.clone(), ..part.clone() }));
        if part == before {
            return part;
        }
    }
}

/// The least of a set that still does: larger and then smaller pieces of it are left out, down to single ones.
fn smaller<T: Ord + Copy>(
    all: &std::collections::BTreeSet<T>,
    does: impl Fn(&std::collections::BTreeSet<T>) -> bool,
) -> std::collections::BTreeSet<T> {
    let mut left = all.clone();
    let mut size = left.len().div_ceil(2);
    while size > 0 {
        let items: Vec<T> = left.iter().copied().collect();
        for piece in items.chunks(size) {
            let mut fewer = left.clone();
            fewer.retain(|item| !piece.contains(item));
            if does(&fewer) {
                left = fewer;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    left
}
