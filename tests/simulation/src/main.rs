//! `npm run simulate -- --jobs 1000000 --seed S`: plays worlds until so many calls were made. Its last line is JSON. Where a
//! law is broken it prints the seed of that world and the least of it that breaks the law, to be played again by
//! `--replay`, and ends with exit code 1.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use simulation::{Counts, Part, Violation, minimised, play, play_part, seed_of, trace};

/// Worlds that a thread plays at a time.
const BATCH: u64 = 200;

/// After how many jobs it is said how fast it goes.
const STRIDE: u64 = 100_000;

/// Broken laws that are shown of one run.
const MOST_SHOWN: usize = 5;

/// Lines of a trace that are shown, of its beginning and of its end.
const MOST_LINES: usize = 40;

fn main() -> ExitCode {
    match Asked::read(std::env::args().skip(1)) {
        Ok(Asked::Replay(seed, part)) => replay(seed, &part),
        Ok(Asked::Run(jobs, seed)) => run(jobs, seed),
        Err(wrong) => {
            eprintln!(
                "{wrong}\nUse: --jobs N --seed S, or --replay '<seed of a world>:<what is left of it>'"
            );
            ExitCode::FAILURE
        }
    }
}

/// What the command is to do.
enum Asked {
    /// So many calls, from this seed on.
    Run(u64, u64),
    /// A part of the world of this seed.
    Replay(u64, Part),
}

impl Asked {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut jobs, mut seed) = (100_000, None);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} lacks its value."))?;
            let number = || value.parse::<u64>().map_err(|_| format!("{value} is no number."));
            match word.as_str() {
                "--jobs" => jobs = number()?,
                "--seed" => seed = Some(number()?),
                "--replay" => {
                    let (seed, part) = value.split_once(':').ok_or("There is no colon after the seed.")?;
                    let seed = seed.parse().map_err(|_| format!("{seed} is no number."))?;
                    return Ok(Asked::Replay(seed, part.parse()?));
                }
                _ => return Err(format!("{word} is not known.")),
            }
        }
        // A fresh one: it is printed, and makes the run again.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64);
        Ok(Asked::Run(jobs, seed.unwrap_or(now % 1_000_000_000)))
    }
}

fn replay(seed: u64, part: &Part) -> ExitCode {
    for line in trace(seed, part, None) {
        println!("{line}");
    }
    match play_part(seed, part, None).violation {
        Some(Violation { law, words }) => {
            println!("Law {law} is broken: {words}");
            ExitCode::FAILURE
        }
        None => {
            println!("No law is broken.");
            ExitCode::SUCCESS
        }
    }
}

/// What a batch of worlds came to.
#[derive(Default)]
struct Played {
    counts: Counts,
    worlds: u64,
    hash: u64,
    violations: u64,
    /// Some of them, with the seeds of their worlds.
    shown: Vec<(u64, Violation)>,
}

impl Played {
    fn add(&mut self, other: Played) {
        self.counts.add(&other.counts);
        self.worlds += other.worlds;
        self.hash = self.hash.wrapping_add(other.hash);
        self.violations += other.violations;
        self.shown.extend(other.shown);
    }
}

fn run(jobs: u64, seed: u64) -> ExitCode {
    println!("Seed {seed}.");
    let began = Instant::now();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (next, made) = (AtomicU64::new(0), AtomicU64::new(0));
    let running = |_| play_batches(jobs, seed, &next, &made, began);
    let ended: Vec<thread::Result<_>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|nth| scope.spawn(move || running(nth))).collect();
        running.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    // It has said why.
    let Ok(batches) = ended.into_iter().collect::<thread::Result<Vec<_>>>() else { return ExitCode::FAILURE };
    let mut batches: Vec<(u64, Played)> = batches.into_iter().flatten().collect();
    let seconds = began.elapsed().as_secs_f64();
    // In their order and no more than are needed, so that a seed gives the same whoever was faster.
    batches.sort_by_key(|(nth, _)| *nth);
    let mut total = Played::default();
    for (_, played) in batches {
        if total.counts.jobs < jobs {
            total.add(played);
        }
    }
    for (world, violation) in total.shown.iter().take(MOST_SHOWN) {
        show(*world, violation);
    }
    let Counts {
        jobs,
        events,
        creates,
        polls,
        tasks,
        billed,
        succeeded,
        unknown,
        failed,
        gone,
        troubles,
        crashes,
        recovered,
    } = total.counts;
    let Played { worlds, hash, violations, .. } = total;
    let rate = jobs as f64 / seconds;
    println!(
        "{jobs} jobs in {worlds} worlds in {seconds:.1} s on {threads} threads: {rate:.0} jobs per second. \
         {troubles} things went wrong."
    );
    println!(
        "{{\"jobs\":{jobs},\"seed\":{seed},\"violations\":{violations},\"worlds\":{worlds},\"events\":{events},\
         \"creates\":{creates},\"polls\":{polls},\"tasks\":{tasks},\"billed\":{billed},\"succeeded\":{succeeded},\
         \"unknown\":{unknown},\"failed\":{failed},\"gone\":{gone},\"troubles\":{troubles},\"crashes\":{crashes},\"recovered\":{recovered},\
         \"hash\":\"{hash:016x}\",\"threads\":{threads},\"seconds\":{seconds:.1},\"jobsPerSecond\":{rate:.0}}}"
    );
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays one batch after another until all threads together have made so many calls.
fn play_batches(
    jobs: u64,
    seed: u64,
    next: &AtomicU64,
    made: &AtomicU64,
    began: Instant,
) -> Vec<(u64, Played)> {
    let mut batches = Vec::new();
    while made.load(Ordering::Relaxed) < jobs {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let mut played = Played::default();
        for nth in place * BATCH..(place + 1) * BATCH {
            let world = seed_of(seed, nth);
            let outcome = play(world, None);
            played.counts.add(&outcome.counts);
            played.hash = played.hash.wrapping_add(outcome.hash);
            played.worlds += 1;
            if let Some(violation) = outcome.violation {
                played.violations += 1;
                played.shown.push((world, violation));
                played.shown.truncate(MOST_SHOWN);
            }
        }
        let batch = played.counts.jobs;
        let so_far = made.fetch_add(batch, Ordering::Relaxed) + batch;
        if so_far / STRIDE > (so_far - batch) / STRIDE {
            let rate = so_far as f64 / began.elapsed().as_secs_f64();
            println!("{so_far} jobs, {rate:.0} per second");
        }
        batches.push((place, played));
    }
    batches
}

fn show(world: u64, Violation { law, words }: &Violation) {
    println!("\nLaw {law} is broken in the world {world}: {words}");
    let part = minimised(world, *law, None);
    println!("The least of it that does:");
    let lines = trace(world, &part, None);
    let left_out = lines.len().saturating_sub(2 * MOST_LINES);
    for (nth, line) in lines.iter().enumerate() {
        if left_out == 0 || nth < MOST_LINES || nth >= MOST_LINES + left_out {
            println!("{line}");
        } else if nth == MOST_LINES {
            println!("           … {left_out} more …");
        }
    }
    println!("Play it again: npm run simulate -- --replay '{world}:{part}'");
}
