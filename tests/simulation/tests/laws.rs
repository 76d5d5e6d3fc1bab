//! A bounded part of what `npm run simulate` plays: fixed seeds, a fresh one, and worlds with a defect each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::{SystemTime, UNIX_EPOCH};

use simulation::{Counts, MUTANTS, Mutant, Part, minimised, play, play_part, seed_of, trace};

/// Worlds of one run; about nine jobs each.
const WORLDS: u64 = 400;

/// A defect is to be found within so many jobs.
const SOON: u64 = 100_000;

/// Plays a run, and returns what it was and the hash of all its ledgers. Panics where a law is broken.
fn run(seed: u64) -> (Counts, u64) {
    let (mut counts, mut hash) = (Counts::default(), 0_u64);
    for world in (0..WORLDS).map(|nth| seed_of(seed, nth)) {
        let outcome = play(world, None);
        if let Some(violation) = outcome.violation {
            let part = minimised(world, violation.law, None);
            let trace = trace(world, &part, None).join("\n");
            panic!("{violation:?}\n{trace}\nnpm run simulate -- --replay '{world}:{part}'");
        }
        counts.add(&outcome.counts);
        hash = hash.wrapping_add(outcome.hash);
    }
    (counts, hash)
}

#[test]
fn the_laws_hold_in_the_worlds_of_fixed_seeds() {
    for seed in 1..=5 {
        let (counts, _) = run(seed);
        // So that no change makes worlds in which nothing happens.
        let Counts { jobs, tasks, billed, succeeded, unknown, failed, gone, troubles, crashes, .. } = counts;
        assert!(tasks > jobs / 2 && billed > jobs / 2, "{counts:?}");
        assert!(
            succeeded > jobs / 4 && unknown > jobs / 20 && failed > jobs / 20 && gone > jobs / 100,
            "{counts:?}"
        );
        assert!(troubles > jobs && crashes > jobs / 10, "{counts:?}");
    }
}

#[test]
fn the_laws_hold_in_the_worlds_of_a_fresh_seed() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("The fresh seed is {seed}.");
    run(seed);
}

#[test]
fn a_seed_gives_the_same_ledger_each_time_and_another_seed_another() {
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).1, run(8).1);
}

#[test]
fn where_nothing_goes_wrong_every_task_is_billed_and_no_outcome_is_unknown() {
    let mut jobs = 0;
    for world in (0..WORLDS).map(|nth| seed_of(9, nth)) {
        let all = Part { calls: (0..64).collect(), ..Part::default() };
        let Counts { tasks, billed, unknown, gone, crashes, troubles, .. } =
            play_part(world, &all, None).counts;
        assert_eq!((billed, unknown, gone, crashes, troubles), (tasks, 0, 0, 0, 0), "{world}");
        jobs += billed;
    }
    assert!(jobs > WORLDS * 4, "{jobs}");
}

#[test]
fn what_is_left_of_a_world_is_read_as_it_is_printed() {
    let world = seed_of(3, 5);
    // There is no such law, so nothing can be left out.
    let part = minimised(world, 0, None);
    assert!(!part.troubles.is_empty());
    assert_eq!(part.to_string().parse::<Part>(), Ok(part));
    for wrong in ["3.nothing.1", "3.crash", "x", "a.crash.1.2", "-1"] {
        assert!(wrong.parse::<Part>().is_err(), "{wrong}");
    }
}

/// Finds a defect, and shows that the least of the world in which it was found has it and is fine without it.
fn found(mutant: Mutant, law: u8) {
    let mut jobs = 0;
    for world in (0..).map(|nth| seed_of(1, nth)) {
        let outcome = play(world, Some(mutant));
        jobs += outcome.counts.jobs;
        if let Some(broken) = outcome.violation.filter(|broken| broken.law == law) {
            let part = minimised(world, law, Some(mutant));
            let (calls, troubles) = (part.calls.len(), part.troubles.len());
            println!("| {mutant:?} | {law} | {jobs} | {calls} | {troubles} | {} |", broken.words);
            let again = play_part(world, &part, Some(mutant)).violation.map(|broken| broken.law);
            assert_eq!(again, Some(law), "{mutant:?} in {world}:{part}");
            assert_eq!(play_part(world, &part, None).violation, None, "{mutant:?} in {world}:{part}");
            return;
        }
        assert!(jobs < SOON, "{mutant:?} was not found in {jobs} jobs");
    }
}

#[test]
fn each_defect_is_found_and_told_in_its_least_form() {
    for (mutant, law) in MUTANTS {
        found(mutant, law);
    }
}
