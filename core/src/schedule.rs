//! When to poll next, learned from how long earlier tasks took: see [`Durations`]. All durations in milliseconds.
//!
//! `docs/measured/polling.md` explains it with figures.

/// What a millisecond of lateness costs, in requests: 8 a second.
const LATENESS: f64 = 0.008;

/// How often to poll before anything was learned: the vendor's advice for images. It is the
/// model's only prior.
const ADVICE: u64 = 3_000;

/// The mean of those durations of which nothing is known but that [`ADVICE`] is the best pace
/// for them. Where ends come at random with mean m, waits of w cost about
/// m/w + LATENESS · w/2 in all, which is least at w² = 2m / LATENESS.
const PRIOR_MEAN: f64 = (ADVICE * ADVICE) as f64 * LATENESS / 2.0;

/// How many durations the prior counts for.
const PRIOR_WEIGHT: f64 = 0.75;

/// How many durations are kept: enough to know their shape, few enough that a service
/// which has become faster or slower is followed within as many jobs.
const KEPT: usize = 32;

/// How many widths a duration is tried with; see [`Durations::widths`].
const WIDTHS: usize = 5;

/// The shortest wait, a tenth of what the vendor allows for a task.
const SHORTEST: f64 = 250.0;

/// The longest wait for a task that has outlived all that were seen.
const LONGEST_BEYOND: u64 = 5_000;

/// No task is taken to be older or to last longer: an hour. Beyond it nothing is learned.
const HOUR: u64 = 3_600_000;

/// The instants that are weighed for the polls to come: the furthest, in three minutes, and each
/// other a little nearer, so that they lie close together where it matters.
const HORIZON: f64 = 180_000.0;
const NEARER: f64 = 0.95;

/// What it costs to go on from the furthest of these instants, in requests: about
/// as much as a new task of which nothing is known.
const BEYOND: f64 = 24.0;

/// How long the last tasks took, and so when to poll the next one.
///
/// Each duration stands for all near it, as a log-logistic distribution around it; the wait
/// is the first of the schedule that costs the least, by dynamic programming over the instants
/// to come, where a poll costs 1 and each second between the end and the poll that sees it 8.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations(Vec<f64>);

impl Durations {
    /// Learns that a task took this long. What is older than the last 32 is forgotten.
    pub fn learn(&mut self, duration: u64) {
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push(duration.clamp(1, HOUR) as f64);
    }

    /// What was learned, the oldest first, in milliseconds.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        self.0.iter().copied()
    }

    /// How long to wait before the next poll of a task of this age that was not seen to end.
    #[must_use]
    pub fn next_poll(&self, age: u64) -> u64 {
        let Some(longest) = self.iter().reduce(f64::max) else { return ADVICE };
        let wait = self.cheapest(age.min(HOUR) as f64).max(SHORTEST) as u64;
        if age as f64 > longest { wait.min(LONGEST_BEYOND) } else { wait }
    }

    /// The first wait of the schedule that costs the least from this age on.
    fn cheapest(&self, age: f64) -> f64 {
        let widths = self.widths();
        // From the furthest back to now, so that the cost of going on from a later one is known.
        let mut later: Vec<Candidate> = Vec::new();
        let mut wait = HORIZON;
        loop {
            let at = age + wait;
            let alive = self.alive(at, &widths);
            let area =
                later.last().map_or(0.0, |next| next.area + (alive + next.alive) / 2.0 * (next.at - at));
            let mut cost = if later.is_empty() { alive * BEYOND } else { f64::INFINITY };
            let mut best = at;
            // The nearest first. Being late only grows.
            for poll in later.iter().rev() {
                let late = LATENESS * (alive * (poll.at - at) - (area - poll.area));
                if late > cost {
                    break;
                }
                let total = alive + late + poll.cost;
                if total < cost {
                    cost = total;
                    best = poll.at;
                }
            }
            if wait == 0.0 {
                return best - age;
            }
            later.push(Candidate { at, alive, area, cost });
            wait = if wait > SHORTEST { wait * NEARER } else { 0.0 };
        }
    }

    /// The share of tasks that live at this age, but for a constant factor.
    fn alive(&self, age: f64, widths: &[f64; WIDTHS]) -> f64 {
        // (1 + x/32)^-32, which is nearly exp(-x) and needs no exp.
        let mut alive = PRIOR_WEIGHT / raised(1.0 + age / (32.0 * PRIOR_MEAN), 5);
        for duration in &self.0 {
            let mut power = age / duration;
            for width in widths {
                power *= power;
                alive += width / (1.0 + power);
            }
        }
        alive
    }

    /// How far each of five widths is to be trusted, in sum 1. They have the exponents 2, 4, 8, 16
    /// and 32: at 2 a duration stands for others that are half or twice as long, at 32 only for
    /// those within a few percent. A width is trusted as far as it would have foretold each
    /// duration from the others; and the wider, until there are enough of them.
    fn widths(&self) -> [f64; WIDTHS] {
        let mut sum = 0.0;
        let trusts = [1, 2, 3, 4, 5].map(|doublings| {
            let exponent = f64::from(1 << doublings);
            let mut trust = 1.0 / (exponent * exponent);
            for duration in &self.0 {
                // Less what it says of itself.
                let mut foretold = (PRIOR_WEIGHT - exponent) / 4.0;
                for other in &self.0 {
                    let power = raised(duration / other, doublings);
                    foretold += exponent / (2.0 + power + 1.0 / power);
                }
                trust *= foretold;
            }
            sum += trust;
            trust
        });
        trusts.map(|trust| trust / sum)
    }
}

/// The base squared so many times.
fn raised(mut base: f64, doublings: u32) -> f64 {
    for _ in 0..doublings {
        base *= base;
    }
    base
}

/// Of what was learned elsewhere, the oldest first; only the last 32 count.
impl FromIterator<f64> for Durations {
    fn from_iter<I: IntoIterator<Item = f64>>(durations: I) -> Self {
        let mut all = Durations::default();
        durations.into_iter().for_each(|duration| all.learn(duration as u64));
        all
    }
}

/// A moment at which one could poll.
struct Candidate {
    /// The task's age.
    at: f64,
    /// The share of tasks that live to it.
    alive: f64,
    /// The integral of that share from here to the furthest candidate.
    area: f64,
    /// What it costs to go on from here, for that share.
    cost: f64,
}
