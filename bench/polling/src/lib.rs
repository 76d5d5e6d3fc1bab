//! Workloads whose distribution is known, and what a schedule of polls costs on them. Nothing is
//! played through: costs are expectations under the distribution, so only what was learned is random.
//!
//! Times are in seconds. A request is a poll of the task, the last one included and createTask not;
//! replies take no time.
// A benchmark may stop where it stands, and its tables are indexed.
#![allow(clippy::indexing_slicing, clippy::needless_range_loop)]

use crisp_upscale_core::schedule::Durations;

/// What a second of lateness costs, in requests.
pub const LATENESS: f64 = 8.0;

/// How finely the distribution is tabulated.
const CELLS: usize = 3_000;

/// Beyond this share of tasks a schedule is not followed.
const NOBODY: f64 = 1e-7;

/// Durations around a median, log-normal.
#[derive(Clone, Copy, Debug)]
pub struct Hump {
    /// The share of tasks in it.
    pub share: f64,
    /// Half of them take longer.
    pub median: f64,
    /// The deviation of the logarithm.
    pub sigma: f64,
}

/// What a schedule costs on average.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Polls for each task.
    pub requests: f64,
    /// From the end of a task to the poll that sees it.
    pub late: f64,
}

impl Cost {
    /// Both in one: requests and 8 times the seconds.
    #[must_use]
    pub fn total(self) -> f64 {
        self.requests + LATENESS * self.late
    }
}

/// A workload.
#[derive(Debug)]
pub struct Workload {
    humps: Vec<Hump>,
    /// The width of a cell of the tables.
    cell: f64,
    /// The share of tasks that live at the cell's begin.
    alive: Vec<f64>,
    /// Its integral.
    area: Vec<f64>,
}

impl Workload {
    /// Of these humps, whose shares are 1 in sum.
    #[must_use]
    pub fn new(humps: &[Hump]) -> Self {
        let end = humps.iter().map(|hump| hump.median * (5.2 * hump.sigma).exp()).fold(0.0, f64::max);
        let cell = end / CELLS as f64;
        let density = |t: f64| -> f64 {
            humps
                .iter()
                .map(|Hump { share, median, sigma }| {
                    let z = (t / median).ln() / sigma;
                    share * (-z * z / 2.0).exp() / (t * sigma * std::f64::consts::TAU.sqrt())
                })
                .sum()
        };
        let (mut alive, mut area) = (vec![1.0], vec![0.0]);
        for nth in 0..CELLS {
            let ended: f64 =
                (0..8).map(|part| density(cell * (nth as f64 + (f64::from(part) + 0.5) / 8.0))).sum();
            let next = (alive[nth] - ended * cell / 8.0).max(0.0);
            area.push(area[nth] + (alive[nth] + next) / 2.0 * cell);
            alive.push(next);
        }
        Workload { humps: humps.to_vec(), cell, alive, area }
    }

    /// Of one hump.
    #[must_use]
    pub fn log_normal(median: f64, sigma: f64) -> Self {
        Workload::new(&[Hump { share: 1.0, median, sigma }])
    }

    /// A random duration of a task.
    pub fn pick(&self, rng: &mut Rng) -> f64 {
        let mut at = rng.share();
        let mut picked = self.humps[0];
        for hump in &self.humps {
            picked = *hump;
            if at < hump.share {
                break;
            }
            at -= hump.share;
        }
        picked.median * (picked.sigma * rng.normal()).exp()
    }

    /// What it costs to poll at these ages.
    #[must_use]
    pub fn cost(&self, polls: impl IntoIterator<Item = f64>) -> Cost {
        let (mut cost, mut last) = (Cost::default(), 0.0);
        for poll in polls {
            let alive = self.at(&self.alive, last);
            if alive < NOBODY {
                break;
            }
            cost.requests += alive;
            cost.late += alive * (poll - last) - (self.at(&self.area, poll) - self.at(&self.area, last));
            last = poll;
        }
        cost
    }

    /// What it costs with this model, as it is now.
    #[must_use]
    pub fn cost_of(&self, model: &Durations) -> Cost {
        self.cost(polls(model))
    }

    /// What the best schedule costs: found by dynamic programming that knows the distribution.
    #[must_use]
    pub fn optimum(&self) -> Cost {
        let mut onward = vec![0.0; CELLS + 1];
        let mut next = vec![CELLS; CELLS + 1];
        for from in (0..CELLS).rev() {
            let mut best = f64::INFINITY;
            for to in from + 1..=CELLS {
                let wait = (to - from) as f64 * self.cell;
                let late = LATENESS * (self.alive[from] * wait - (self.area[to] - self.area[from]));
                if late > best {
                    break;
                }
                let cost = self.alive[from] + late + onward[to];
                if cost < best {
                    (best, next[from]) = (cost, to);
                }
            }
            onward[from] = best;
        }
        let polls = std::iter::successors(Some(next[0]), |at| (*at < CELLS).then(|| next[*at]));
        self.cost(polls.map(|at| at as f64 * self.cell))
    }

    fn at(&self, table: &[f64], t: f64) -> f64 {
        let place = (t / self.cell).min(CELLS as f64);
        let left = (place as usize).min(CELLS - 1);
        let part = place - left as f64;
        table[left] * (1.0 - part) + table[left + 1] * part
    }
}

/// The ages at which a task is polled that never ends.
pub fn polls(model: &Durations) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(model.next_poll(0)), |age| Some(age + model.next_poll(*age)))
        .map(|age| age as f64 / 1_000.0)
}

/// Polls at a fixed interval, in seconds.
pub fn every(pace: f64) -> impl Iterator<Item = f64> {
    (1..).map(move |nth| pace * f64::from(nth))
}

/// Lets a model see so many tasks of a workload.
pub fn see(model: &mut Durations, workload: &Workload, tasks: usize, rng: &mut Rng) {
    for _ in 0..tasks {
        model.learn((workload.pick(rng) * 1_000.0) as u64);
    }
}

/// As [`see`], where the records have no times: what is known of a duration is between
/// which polls it lies.
pub fn see_by_polls(model: &mut Durations, workload: &Workload, tasks: usize, rng: &mut Rng) {
    for _ in 0..tasks {
        let duration = workload.pick(rng);
        let mut last = 0.0;
        let mut seen = 0.0;
        for poll in polls(model) {
            (last, seen) = (seen, poll);
            if poll >= duration {
                break;
            }
        }
        model.learn(((last + seen) * 500.0) as u64);
    }
}

/// Random numbers, the same for the same seed (SplitMix64).
#[derive(Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Between 0 and 1, neither of them included.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((mixed >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Normally distributed (Box and Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.share().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }
}
