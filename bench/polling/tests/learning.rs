//! What the model of `schedule` has learned after so many jobs, against the optimum and
//! the vendor's pace. Few seeds, and the same in every run; `npm run bench -- polling` has more.

use crisp_upscale_core::schedule::Durations;
use polling::{Cost, Hump, Rng, Workload, every, polls, see, see_by_polls};

const SEEDS: u64 = 20;

/// Log-normal workloads by median and sigma.
const PLAIN: [(f64, f64); 6] =
    [(3.0, 0.25), (5.0, 0.5), (12.0, 0.25), (12.0, 0.5), (40.0, 0.25), (120.0, 0.5)];

fn two_humps() -> Workload {
    let hump = |median| Hump { share: 0.5, median, sigma: 0.15 };
    Workload::new(&[hump(8.0), hump(30.0)])
}

fn workloads() -> Vec<(String, Workload)> {
    let plain = PLAIN
        .iter()
        .map(|(median, sigma)| (format!("{median} s, {sigma}"), Workload::log_normal(*median, *sigma)));
    plain.chain([("two humps".to_owned(), two_humps())]).collect()
}

/// The mean cost on the workload of models that learned as told.
fn mean(workload: &Workload, learn: impl Fn(&mut Durations, &mut Rng)) -> f64 {
    let total = |seed| {
        let (mut model, mut rng) = (Durations::default(), Rng::new(seed));
        learn(&mut model, &mut rng);
        workload.cost_of(&model).total()
    };
    (0..SEEDS).map(total).sum::<f64>() / SEEDS as f64
}

#[test]
fn after_20_jobs_it_costs_at_most_15_percent_more_than_the_optimum() {
    for (row, workload) in workloads() {
        let ours = mean(&workload, |model, rng| see(model, &workload, 20, rng));
        let ratio = ours / workload.optimum().total();
        // Below 1 it would not be the optimum.
        assert!((1.0..=1.15).contains(&ratio), "{row}: {ratio}");
    }
}

#[test]
fn before_that_it_is_not_worse_than_every_3_seconds() {
    for (row, workload) in workloads() {
        // But for rounding: before anything is seen, it is that pace.
        let vendors = workload.cost(every(3.0)).total() + 1e-9;
        for tasks in [0, 1, 2, 5, 10] {
            let ours = mean(&workload, |model, rng| see(model, &workload, tasks, rng));
            assert!(ours <= vendors, "{row}, {tasks} seen: {ours} against {vendors}");
        }
    }
}

#[test]
fn a_service_that_changes_is_followed_within_40_jobs() {
    for (from, to) in [(12.0, 40.0), (40.0, 12.0), (12.0, 3.0)] {
        let (before, after) = (Workload::log_normal(from, 0.25), Workload::log_normal(to, 0.25));
        let optimum = after.optimum().total();
        let unaware = mean(&after, |model, rng| see(model, &before, 100, rng)) / optimum;
        let ours = mean(&after, |model, rng| {
            see(model, &before, 100, rng);
            see(model, &after, 40, rng);
        }) / optimum;
        assert!(unaware > 1.3, "{from} s to {to} s: {unaware} with nothing to learn");
        assert!(ours <= 1.15, "{from} s to {to} s: {ours}");
    }
}

/// Where the service tells no times, only between which polls a task ended is known.
#[test]
fn it_learns_from_its_own_looks_too() {
    for (median, sigma) in [(5.0, 0.5), (12.0, 0.25), (40.0, 0.25)] {
        let workload = Workload::log_normal(median, sigma);
        let ours = mean(&workload, |model, rng| see_by_polls(model, &workload, 20, rng));
        let ratio = ours / workload.optimum().total();
        assert!(ratio <= 1.2, "{median} s, {sigma}: {ratio}");
    }
}

// The measure itself

/// The figures of a schedule that can be counted by hand.
#[test]
fn a_cost_is_looks_and_seconds() {
    // All end at 10 s, as good as.
    let workload = Workload::log_normal(10.0, 0.001);
    let Cost { requests, late } = workload.cost(every(3.0));
    assert!((requests - 4.0).abs() < 0.01 && (late - 2.0).abs() < 0.01, "{requests}, {late}");
    assert!(workload.optimum().total() < 1.2, "one poll is enough: {:?}", workload.optimum());
}

/// The samples and the tables must be of one distribution.
#[test]
fn tasks_are_picked_as_the_workload_says() {
    let (workload, mut rng) = (two_humps(), Rng::new(1));
    let mut polled = Cost::default();
    let tasks = 20_000;
    for _ in 0..tasks {
        let duration = workload.pick(&mut rng);
        let seen = (duration / 3.0).ceil();
        polled.requests += seen / f64::from(tasks);
        polled.late += (seen * 3.0 - duration) / f64::from(tasks);
    }
    let expected = workload.cost(every(3.0));
    assert!((polled.requests - expected.requests).abs() < 0.1, "{polled:?}, {expected:?}");
    assert!((polled.late - expected.late).abs() < 0.05, "{polled:?}, {expected:?}");
}

#[test]
fn the_same_seed_gives_the_same_model() {
    let schedule = || {
        let (mut model, workload) = (Durations::default(), Workload::log_normal(12.0, 0.5));
        see(&mut model, &workload, 5, &mut Rng::new(7));
        polls(&model).take(20).collect::<Vec<_>>()
    };
    assert_eq!(schedule(), schedule());
}
