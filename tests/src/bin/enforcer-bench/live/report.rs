//! What a run came to: figures, what was left out and why, targets. Written as JSON
//! (`docs/benchmarks.md` says of what shape) and told as tables.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

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
    pub(super) fn is(&self, figure: &Figure) -> bool {
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
}
