//! `npm run bench -- polling`: prints what polling costs on workloads whose distribution is known, as
//! tables and, in the last line, as JSON.
#![allow(clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::thread;

use crisp_upscale_core::schedule::Durations;
use polling::{Cost, Hump, Rng, Workload, every, see, see_by_polls};

const SEEDS: u64 = 1_000;

/// After how many jobs ours is measured.
const SEEN: [usize; 8] = [0, 1, 2, 3, 5, 10, 20, 40];

/// In seconds: fal's and replicate's pace, wavespeed's, kie-ai-mcp's and the vendor's advice; others between.
const PACES: [f64; 5] = [0.5, 1.0, 2.0, 3.0, 5.0];

/// The pace that ours must not be worse than.
const VENDORS: f64 = 3.0;

/// What is measured.
struct Case {
    name: String,
    workload: Workload,
    /// 100 jobs of this come first.
    before: Option<Workload>,
    /// Whether the records tell times.
    times: bool,
}

/// Ours after so many jobs, over all seeds.
struct Ours {
    seen: usize,
    /// The mean.
    cost: Cost,
    /// Of the cost to the optimum's: the mean and the 95th percentile.
    ratio: f64,
    high: f64,
}

/// A case, measured.
struct Measured {
    name: String,
    optimum: Cost,
    paces: Vec<(f64, Cost)>,
    ours: Vec<Ours>,
}

fn main() {
    println!(
        "Requests are polls of the task, including the last one, without createTask. Cost = requests + 8 × seconds late.\n\
         Ours: mean over {SEEDS} seeds, and the 95th percentile of its cost as a multiple of the optimum's.\n"
    );
    let cases = cases();
    let mut all = Vec::with_capacity(cases.len());
    for (nth, case) in cases.iter().enumerate() {
        eprintln!("{} of {}: {} …", nth + 1, cases.len(), case.name);
        let measured = measure(case);
        println!("{}", table(&measured));
        all.push(measured);
    }
    println!("{}", json(&all));
}

fn cases() -> Vec<Case> {
    let plain = |median: f64, sigma: f64| Case {
        name: format!("median {median} s, sigma {sigma}"),
        workload: Workload::log_normal(median, sigma),
        before: None,
        times: true,
    };
    let humps = |low: (f64, f64), high: (f64, f64), sigma| Case {
        name: format!(
            "two humps, {:.0} % at {} s and the rest at {} s, sigma {sigma}",
            low.0 * 100.0,
            low.1,
            high.1
        ),
        workload: Workload::new(&[
            Hump { share: low.0, median: low.1, sigma },
            Hump { share: high.0, median: high.1, sigma },
        ]),
        before: None,
        times: true,
    };
    let change = |from: f64, to: f64| Case {
        name: format!("median {to} s, sigma 0.25, after 100 jobs of {from} s"),
        workload: Workload::log_normal(to, 0.25),
        before: Some(Workload::log_normal(from, 0.25)),
        times: true,
    };
    let untold = |sigma: f64| Case {
        name: format!("median 12 s, sigma {sigma}, and no times in the records"),
        times: false,
        ..plain(12.0, sigma)
    };
    let mut cases = vec![plain(12.0, 0.25), plain(12.0, 0.5)];
    for median in [3.0, 5.0, 8.0, 20.0, 40.0, 120.0] {
        cases.extend([plain(median, 0.25), plain(median, 0.5)]);
    }
    cases.extend([humps((0.5, 8.0), (0.5, 30.0), 0.15), humps((0.7, 5.0), (0.3, 40.0), 0.25)]);
    cases.extend([change(12.0, 40.0), change(40.0, 12.0), change(12.0, 3.0)]);
    cases.extend([untold(0.25), untold(0.5)]);
    cases
}

fn measure(case: &Case) -> Measured {
    let optimum = case.workload.optimum();
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let learned = |first: u64| -> Vec<Vec<Cost>> {
        (first..SEEDS).step_by(threads as usize).map(|seed| learn(case, seed)).collect()
    };
    let learned: Vec<Vec<Cost>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || learned(first))).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
    });
    let ours = SEEN.iter().enumerate().map(|(nth, seen)| {
        let costs: Vec<Cost> = learned.iter().map(|costs| costs[nth]).collect();
        let mean = |of: fn(&Cost) -> f64| costs.iter().map(of).sum::<f64>() / costs.len() as f64;
        let mut ratios: Vec<f64> = costs.iter().map(|cost| cost.total() / optimum.total()).collect();
        ratios.sort_by(f64::total_cmp);
        Ours {
            seen: *seen,
            cost: Cost { requests: mean(|cost| cost.requests), late: mean(|cost| cost.late) },
            ratio: ratios.iter().sum::<f64>() / ratios.len() as f64,
            high: ratios[ratios.len() * 95 / 100],
        }
    });
    Measured {
        name: case.name.clone(),
        optimum,
        paces: PACES.iter().map(|pace| (*pace, case.workload.cost(every(*pace)))).collect(),
        ours: ours.collect(),
    }
}

/// What one model costs after each number of jobs.
fn learn(case: &Case, seed: u64) -> Vec<Cost> {
    let (mut model, mut rng) = (Durations::default(), Rng::new(seed));
    if let Some(before) = &case.before {
        see(&mut model, before, 100, &mut rng);
    }
    let mut so_far = 0;
    SEEN.iter()
        .map(|seen| {
            let more = seen - so_far;
            so_far = *seen;
            let see = if case.times { see } else { see_by_polls };
            see(&mut model, &case.workload, more, &mut rng);
            case.workload.cost_of(&model)
        })
        .collect()
}

fn table(Measured { name, optimum, paces, ours }: &Measured) -> String {
    let mut out = format!(
        "{name}\n  {:22}{:>9}{:>9}{:>9}{:>12}{:>8}\n",
        "", "requests", "s late", "cost", "× optimum", "95 %"
    );
    let mut row = |label: String, cost: Cost, high: Option<f64>, ratio: f64| {
        let high = high.map_or(String::new(), |high| format!("{high:.2}"));
        let Cost { requests, late } = cost;
        let _ = writeln!(
            out,
            "  {label:22}{requests:>9.2}{late:>9.2}{:>9.2}{ratio:>12.3}{high:>8}",
            cost.total()
        );
    };
    row("the optimum".to_owned(), *optimum, None, 1.0);
    for (pace, cost) in paces {
        row(format!("every {pace} s"), *cost, None, cost.total() / optimum.total());
    }
    for Ours { seen, cost, ratio, high } in ours {
        row(format!("ours, {seen} seen"), *cost, Some(*high), *ratio);
    }
    out
}

fn json(all: &[Measured]) -> String {
    let cost = |Cost { requests, late }: &Cost| format!("\"requests\":{requests:.3},\"late\":{late:.3}");
    let cases: Vec<String> = all
        .iter()
        .map(|Measured { name, optimum, paces, ours }| {
            let paces: Vec<String> =
                paces.iter().map(|(pace, of)| format!("{{\"every\":{pace},{}}}", cost(of))).collect();
            let ours: Vec<String> = ours
                .iter()
                .map(|Ours { seen, cost: of, ratio, high }| {
                    format!("{{\"seen\":{seen},{},\"ratio\":{ratio:.4},\"p95\":{high:.4}}}", cost(of))
                })
                .collect();
            format!(
                "{{\"name\":\"{name}\",\"optimum\":{{{}}},\"fixed\":[{}],\"ours\":[{}]}}",
                cost(optimum),
                paces.join(","),
                ours.join(",")
            )
        })
        .collect();
    // What was asked for: at most 1.15 after 20 jobs (40, where the workload has changed), and before
    // that, for medians of 5 s and more, at most 1 of the cost of every 3 s.
    let worst = |of: &dyn Fn(&Measured) -> f64, which: &dyn Fn(&Measured) -> bool| {
        all.iter().filter(|case| which(case)).map(of).fold(0.0, f64::max)
    };
    let changed = |case: &Measured| case.name.contains("after 100 jobs");
    let after = |case: &Measured, seen| {
        case.ours.iter().find(|ours| ours.seen == seen).map_or(f64::NAN, |ours| ours.ratio)
    };
    let vendors = |case: &Measured| {
        let pace =
            case.paces.iter().find(|(pace, _)| *pace == VENDORS).map_or(f64::NAN, |(_, cost)| cost.total());
        case.ours
            .iter()
            .filter(|ours| ours.seen < 20)
            .map(|ours| ours.cost.total() / pace)
            .fold(0.0, f64::max)
    };
    format!(
        "{{\"seeds\":{SEEDS},\"worst\":{{\"after20\":{:.4},\"after40OfAChange\":{:.4},\"before20ToEvery3s\":{:.4}}},\"workloads\":[{}]}}",
        worst(&|case| after(case, 20), &|case| !changed(case)),
        worst(&|case| after(case, 40), &changed),
        worst(&vendors, &|case| !changed(case) && !case.name.starts_with("median 3 s")),
        cases.join(",")
    )
}
