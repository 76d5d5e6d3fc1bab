//! The plot of requests against lateness.

use std::fmt::Write as _;

use polling::{Cost, LATENESS};

use crate::{Measured, Ours};

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
/// What the axes reach to: requests on a logarithmic scale, and seconds.
const LEAST: f64 = 2.5;
const MOST: f64 = 50.0;
const LATEST: f64 = 2.75;

const STYLE: &str = "
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-weight: 600; font-size: 14px }
.frame { stroke: #999; fill: none }
.grid { stroke: #9994 }
.near { fill: #2a7f4f; opacity: .16 }
.fixed { stroke: #b3541e; fill: none; stroke-dasharray: 3 3 }
.fixed-dot { fill: #b3541e }
.fixed-text { fill: #b3541e }
.ours { stroke: #1f5fbf; fill: none; stroke-width: 1.5 }
.ours-dot { fill: #1f5fbf }
.ours-text { fill: #1f5fbf }
.best { fill: #2a7f4f }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd }
  .near { fill: #5fd08f }
  .fixed { stroke: #f09a62 }
  .fixed-dot, .fixed-text { fill: #f09a62 }
  .ours { stroke: #7fb0ff }
  .ours-dot, .ours-text { fill: #7fb0ff }
  .best { fill: #5fd08f }
}";

/// Two workloads side by side.
pub fn draw(left: &Measured, right: &Measured) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 400\" role=\"img\">\n\
         <title>Requests against mean lateness</title>\n<style>{STYLE}\n</style>\n{}{}</svg>\n",
        panel(left, 60.0),
        panel(right, 540.0)
    )
}

fn x(requests: f64) -> f64 {
    WIDTH * (requests / LEAST).ln() / (MOST / LEAST).ln()
}

fn y(late: f64) -> f64 {
    HEIGHT * (1.0 - late / LATEST)
}

fn point(cost: &Cost) -> String {
    format!("{:.1},{:.1}", x(cost.requests), y(cost.late))
}

fn dot(out: &mut String, class: &str, cost: &Cost, label: &str, (dx, dy): (f64, f64)) {
    let anchor = if dx < 0.0 { "end" } else { "start" };
    let (x, y) = (x(cost.requests), y(cost.late));
    let _ = writeln!(
        out,
        "<circle class=\"{class}-dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>\
         <text class=\"{class}-text\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
        x + dx,
        y + dy
    );
}

fn panel(Measured { name, optimum, paces, ours }: &Measured, left: f64) -> String {
    let mut out = format!(
        "<g transform=\"translate({left} 50)\">\n<text class=\"title\" x=\"0\" y=\"-18\">{name}</text>\n"
    );
    for requests in [3.0, 5.0, 10.0, 20.0, 40.0] {
        let x = x(requests);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{HEIGHT}\"/>\
             <text x=\"{x:.1}\" y=\"318\" text-anchor=\"middle\">{requests}</text>"
        );
    }
    for half in 0..=5 {
        let late = f64::from(half) / 2.0;
        let y = y(late);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"-8\" y=\"{:.1}\" text-anchor=\"end\">{late}</text>",
            y + 4.0
        );
    }
    // Whatever costs at most 15 % more than the optimum.
    let near = optimum.total() * 1.15;
    let edge: Vec<String> = (0..=60)
        .map(|step| near.min(MOST).min(LEAST + (near - LEAST) * f64::from(step) / 60.0))
        .map(|requests| point(&Cost { requests, late: (near - requests) / LATENESS }))
        .collect();
    let corner = format!("0,{HEIGHT}");
    let _ = writeln!(out, "<polygon class=\"near\" points=\"{corner} {}\"/>", edge.join(" "));
    let _ = writeln!(
        out,
        "<text class=\"best\" x=\"8\" y=\"{:.1}\">within 15 % of the optimum</text>",
        HEIGHT - 8.0
    );
    let _ = writeln!(out, "<rect class=\"frame\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>");

    let fixed: Vec<String> = paces.iter().map(|(_, cost)| point(cost)).collect();
    let _ = writeln!(out, "<polyline class=\"fixed\" points=\"{}\"/>", fixed.join(" "));
    for (pace, cost) in paces {
        dot(&mut out, "fixed", cost, &format!("every {pace} s"), (8.0, -4.0));
    }
    let learned: Vec<String> = ours.iter().map(|ours| point(&ours.cost)).collect();
    let _ = writeln!(out, "<polyline class=\"ours\" points=\"{}\"/>", learned.join(" "));
    for Ours { seen, cost, .. } in ours.iter().filter(|ours| [1, 5, 20].contains(&ours.seen)) {
        dot(&mut out, "ours", cost, &format!("ours, {seen} seen"), (-8.0, 4.0));
    }
    let (x, y) = (x(optimum.requests), y(optimum.late));
    let _ = writeln!(
        out,
        "<rect class=\"best\" x=\"{:.1}\" y=\"{:.1}\" width=\"9\" height=\"9\"/>\
         <text class=\"best\" x=\"{:.1}\" y=\"{:.1}\" >optimum</text>",
        x - 4.5,
        y - 4.5,
        x + 8.0,
        y + 15.0
    );
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"340\" text-anchor=\"middle\">requests for each task (createTask not counted)</text>\
         <text transform=\"translate(-38 {}) rotate(-90)\" text-anchor=\"middle\">mean lateness in seconds</text>\n</g>",
        WIDTH / 2.0,
        HEIGHT / 2.0
    );
    out
}
