//! The chart: CPU time a frame from port to port, a bar a contender, on a scale of powers
//! of ten, for contenders differ by more than a hundred times. SVG, as it is written.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::report::{Figure, Report};

const WIDTH: f64 = 900.0;
/// Where the bars begin, and where the scale ends.
const LEFT: f64 = 250.0;
const RIGHT: f64 = 820.0;
const ROW: f64 = 16.0;
const HEADING: f64 = 30.0;
/// Powers of ten at both ends of the scale, ns.
const SCALE: (f64, f64) = (1.0, 5.0);

pub(super) fn write(report: &Report, path: &Path) -> Result<()> {
    fs::write(path, draw(&report.figures)).with_context(|| format!("write {}", path.display()))
}

/// Writing to a string cannot fail.
fn draw(figures: &[Figure]) -> String {
    let mut body = String::new();
    let mut y = 40.0;
    let mut heading = String::new();
    for figure in figures.iter().filter(|figure| figure.part == "forward") {
        let bytes = figure.bytes.unwrap_or_default();
        let load = format!("{}, {bytes} B", figure.load);
        if load != heading {
            y += HEADING;
            let _ = writeln!(
                body,
                r#"<text x="10" y="{:.0}" class="load">{}</text>"#,
                y - 6.0,
                escaped(&load)
            );
            heading = load;
        }
        let end = place(figure.median);
        let class = if figure.contender.starts_with("enforcer") {
            "ours"
        } else if figure.contender.starts_with("bare") || figure.contender.starts_with("XDP_") {
            "floor"
        } else {
            "peer"
        };
        let _ = write!(
            body,
            r#"<text x="{:.0}" y="{:.0}" class="name">{}</text><rect x="{LEFT}" y="{y:.0}" width="{:.1}" height="{:.0}" class="{class}"/><text x="{:.1}" y="{:.0}">{:.0}</text>"#,
            LEFT - 8.0,
            y + 11.0,
            escaped(&figure.contender),
            (end - LEFT).max(1.0),
            ROW - 3.0,
            end + 5.0,
            y + 11.0,
            figure.median
        );
        body.push('\n');
        y += ROW;
    }
    let mut scale = String::new();
    for power in SCALE.0 as i32..=SCALE.1 as i32 {
        let x = place(10_f64.powi(power));
        let _ = writeln!(
            scale,
            r#"<line x1="{x:.1}" y1="44" x2="{x:.1}" y2="{y:.0}" class="scale"/><text x="{x:.1}" y="40" class="tick">{}</text>"#,
            10_u32.pow(power as u32)
        );
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0}" viewBox="0 0 {WIDTH} {height:.0}">
<style>
svg {{ background: #fff; font: 11px sans-serif; fill: #222; }}
.load {{ font-weight: bold; }} .name {{ text-anchor: end; }} .tick {{ text-anchor: middle; fill: #777; }}
.scale {{ stroke: #ddd; }} .ours {{ fill: #0b7a75; }} .floor {{ fill: #9aa5b1; }} .peer {{ fill: #c8743a; }}
</style>
<text x="10" y="20" class="load">CPU time a frame from port to port, ns, less is better (one core)</text>
{scale}{body}</svg>
"##,
        height = y + 20.0
    )
}

fn place(nanoseconds: f64) -> f64 {
    let part = (nanoseconds.max(1.0).log10() - SCALE.0) / (SCALE.1 - SCALE.0);
    LEFT + part.clamp(0.0, 1.0) * (RIGHT - LEFT)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
