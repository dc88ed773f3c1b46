//! How many cores a link at its full rate would keep busy, by the medians of a run: plain
//! arithmetic, which leaves out what a card's driver does.

use super::contender::{BRIDGE, FAST, INSPECTING};
use super::report::Report;

/// Gbit/s.
pub(super) const LINKS: [u32; 3] = [10, 25, 100];
/// IEEE 802.3: preamble, start of frame and the gap to the next.
const BETWEEN: usize = 20;

pub(super) struct Row {
    pub(super) what: String,
    pub(super) nanoseconds: f64,
    pub(super) cores: [f64; LINKS.len()],
}

pub(super) fn rows(report: &Report) -> Vec<Row> {
    let figures = report.figures.iter().filter(|figure| {
        figure.part == "forward"
            && [BRIDGE, FAST, INSPECTING].contains(&figure.contender.as_str())
            && (figure.load.starts_with("allowed") || figure.contender == INSPECTING)
    });
    figures
        .filter_map(|figure| {
            let bytes = figure.bytes?;
            Some(Row {
                what: format!("{}: {}, {bytes} B", figure.contender, figure.load),
                nanoseconds: figure.median,
                cores: LINKS.map(|link| {
                    let frames = f64::from(link) / (8 * (bytes + BETWEEN)) as f64;
                    (figure.median * frames).ceil()
                }),
            })
        })
        .collect()
}
