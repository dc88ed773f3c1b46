//! What a run came to: figures, what was left out and why, targets. Written as JSON
//! (`docs/benchmarks.md` says of what shape) and told as tables.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use comfy_table::{Table, presets};
use serde::Serialize;

use super::rates;

/// Of the JSON document; a key may be added without a new one.
const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) version: u32,
    pub(super) machine: Machine,
    pub(super) rounds: usize,
    pub(super) figures: Vec<Figure>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) targets: Vec<Target>,
}

/// Where the figures are of.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) kernel: String,
    pub(super) processor: String,
    pub(super) processors: usize,
    /// Runnable threads, mean of the minute before the run: above 1 somebody else was busy.
    pub(super) load: f64,
    /// Instructions that the verifier walked to accept the program.
    pub(super) verified_instructions: u32,
}

/// One thing measured in every round.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    /// `forward`, `program`, `flood`, `tcp`, `latency`.
    pub(super) part: &'static str,
    pub(super) contender: String,
    pub(super) load: String,
    /// Bytes of a frame with its checksum, where all are of one length.
    pub(super) bytes: Option<usize>,
    pub(super) unit: &'static str,
    /// One a round.
    pub(super) rounds: Vec<f64>,
    pub(super) median: f64,
    /// Of the frames that came in, those that arrived at the far end.
    pub(super) arrived: Option<f64>,
    /// Of those, the ones that the enforcer sent past the bridge.
    pub(super) past_bridge: Option<f64>,
    /// Whether as many arrived as should.
    pub(super) as_expected: bool,
    /// Times as fast as the bare bridge with the same load.
    pub(super) of_bridge: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Skipped {
    pub(super) what: String,
    pub(super) why: String,
}

/// Which figure is meant.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) part: &'static str,
    pub(super) contender: String,
    pub(super) load: String,
    pub(super) bytes: Option<usize>,
}

impl Place {
    fn is(&self, figure: &Figure) -> bool {
        figure.part == self.part
            && figure.contender == self.contender
            && figure.load == self.load
            && (self.bytes.is_none() || figure.bytes == self.bytes)
    }
}

/// Something to reach.
#[derive(Debug, Serialize)]
pub(super) struct Target {
    pub(super) what: String,
    pub(super) figure: Option<Place>,
    pub(super) asked: String,
    pub(super) got: Option<String>,
    /// Nothing where it was not measured.
    pub(super) reached: Option<bool>,
}

pub(super) fn median(figures: &[f64]) -> f64 {
    crate::packet::median(figures.to_vec())
}

impl Report {
    pub(super) fn new(machine: Machine, rounds: usize) -> Self {
        Self {
            version: VERSION,
            machine,
            rounds,
            figures: Vec::new(),
            skipped: Vec::new(),
            targets: Vec::new(),
        }
    }

    pub(super) fn skip(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let (what, why) = (what.into(), why.into());
        eprintln!("bench: without {what}: {why}");
        self.skipped.push(Skipped { what, why });
    }

    /// The median of a figure.
    pub(super) fn median(
        &self,
        part: &str,
        contender: &str,
        load: &str,
        bytes: Option<usize>,
    ) -> Option<f64> {
        let figure = self.figures.iter().find(|figure| {
            figure.part == part
                && figure.contender == contender
                && figure.load == load
                && (bytes.is_none() || figure.bytes == bytes)
        })?;
        Some(figure.median)
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
        let path = path.with_extension("md");
        fs::write(&path, self.tables(true)).with_context(|| format!("write {}", path.display()))
    }

    /// All tables, for a terminal or as Markdown. Writing to a string cannot fail.
    pub(super) fn tables(&self, markdown: bool) -> String {
        let machine = &self.machine;
        let mut told = format!(
            "{} × {}, Linux {}; {:.1} threads ran already before. {} rounds, all cases in turn \
             in each. {} verified instructions.\n\n{}\n",
            machine.processors,
            machine.processor,
            machine.kernel,
            machine.load,
            self.rounds,
            machine.verified_instructions,
            self.table(markdown)
        );
        if !self.targets.is_empty() {
            let mut table = styled(markdown);
            table.set_header(["to reach", "asked", "got", ""]);
            for target in &self.targets {
                let reached = match target.reached {
                    Some(true) => "reached",
                    Some(false) => "not reached",
                    None => "not measured",
                };
                let got = target.got.as_deref().unwrap_or("");
                table.add_row([&target.what, &target.asked, got, reached]);
            }
            let _ = write!(told, "\n{table}\n");
        }
        let _ = write!(told, "\n{}\n", self.cores(markdown));
        if !self.skipped.is_empty() {
            let mut table = styled(markdown);
            table.set_header(["left out", "why"]);
            for skipped in &self.skipped {
                table.add_row([&skipped.what, &skipped.why]);
            }
            let _ = write!(told, "\n{table}\n");
        }
        told
    }

    /// Cores that links at their full rate keep busy.
    fn cores(&self, markdown: bool) -> Table {
        let mut table = styled(markdown);
        let links = rates::LINKS.map(|link| format!("cores at {link} Gbit/s"));
        let head = ["at its full rate".to_owned(), "ns a frame".to_owned()];
        table.set_header(head.into_iter().chain(links));
        for row in rates::rows(self) {
            let cores = row.cores.map(|cores| format!("{cores:.0}"));
            let head = [row.what, short(row.nanoseconds)];
            table.add_row(head.into_iter().chain(cores));
        }
        table
    }

    fn table(&self, markdown: bool) -> Table {
        let mut table = styled(markdown);
        table.set_header([
            "load",
            "frame",
            "contender",
            "median",
            "spread",
            "Mpps a core",
            "of the bridge",
            "arrived",
            "to reach",
        ]);
        for figure in &self.figures {
            let least = figure.rounds.iter().copied().fold(f64::INFINITY, f64::min);
            let most = figure.rounds.iter().copied().fold(0.0, f64::max);
            let nanoseconds = figure.unit == "ns";
            table.add_row([
                figure.load.clone(),
                figure
                    .bytes
                    .map(|bytes| format!("{bytes} B"))
                    .unwrap_or_default(),
                figure.contender.clone(),
                format!("{} {}", short(figure.median), figure.unit),
                format!("{}–{}", short(least), short(most)),
                if nanoseconds && figure.part != "latency" {
                    format!("{:.2}", 1e3 / figure.median)
                } else {
                    String::new()
                },
                figure
                    .of_bridge
                    .map(|ratio| format!("{ratio:.2}"))
                    .unwrap_or_default(),
                arrived(figure),
                self.goals(figure),
            ]);
        }
        table
    }

    /// What there was to reach for a figure.
    fn goals(&self, figure: &Figure) -> String {
        let mine = self
            .targets
            .iter()
            .filter(|target| target.figure.as_ref().is_some_and(|place| place.is(figure)));
        let goals: Vec<String> = mine
            .map(|target| match target.reached {
                Some(true) => format!("{}: yes", target.asked),
                Some(false) => format!("{}: no", target.asked),
                None => format!("{}: ?", target.asked),
            })
            .collect();
        goals.join(", ")
    }
}

fn styled(markdown: bool) -> Table {
    let mut table = Table::new();
    if markdown {
        table.load_style(presets::ASCII_MARKDOWN);
    }
    table
}

fn arrived(figure: &Figure) -> String {
    let Some(arrived) = figure.arrived else {
        return String::new();
    };
    let mut told = format!("{:.1} %", 100.0 * arrived);
    if let Some(past) = figure.past_bridge.filter(|past| *past > 0.0) {
        told += &format!(", {:.1} % past", 100.0 * past);
    }
    if !figure.as_expected {
        told += " (!)";
    }
    told
}

fn short(figure: f64) -> String {
    if figure < 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.0}")
    }
}
