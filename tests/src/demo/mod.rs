//! The demo: a ward, the example policy, real traffic, and a table of what was
//! tried, what was expected, what happened and why.
//!
//! Everything is tried twice. First through the bare bridge, where all of it
//! must get through: only then does a refusal show the enforcer at work and not
//! a broken lab.

mod attempt;
mod explain;
mod prometheus;
mod report;
mod stage;

use std::path::Path;

use anyhow::{Context, Result};

pub use self::stage::Stage;
use self::{
    attempt::attempts,
    explain::explain,
    report::{Report, Row},
};
use crate::daemon::Daemon;

/// Plays the demo; `Ok(true)` if everything came as expected.
pub fn play(prefix: &str, policy: &Path) -> Result<bool> {
    let stage = Stage::build(prefix)?;
    let attempts = attempts();

    progress("trying everything through the bare bridge, where nothing is refused");
    let mut before = Vec::new();
    for attempt in &attempts {
        before.push(attempt.run(&stage)?);
    }

    let daemon = enforce(&stage, policy)?;
    let mut report = Report::default();
    for (attempt, before) in attempts.iter().zip(before) {
        progress(&format!(
            "{}: {} to {}",
            attempt.what, attempt.from, attempt.to
        ));
        let outcome = attempt.run(&stage)?;
        let why = explain(attempt, outcome, &stage, daemon.client())?;
        report.push(Row::new(attempt, before, outcome, why));
    }

    println!("\n{report}");
    println!(
        "Not tried: pump-1 to monitor-1. Both are ports of the same ward switch, so their\n\
         frames never cross the enforcer; only the switch itself can keep them apart.\n"
    );
    println!("What Prometheus would scrape (the lines that are not zero):");
    for line in prometheus::interesting(&daemon.metrics()?) {
        println!("  {line}");
    }
    println!("\n{}", report.summary());
    Ok(report.all_as_expected())
}

/// The same lab, for hands: with the daemon and the policy, or bare.
pub fn up(prefix: &str, policy: Option<&Path>) -> Result<(Stage, Option<Daemon>)> {
    let stage = Stage::build(prefix)?;
    let daemon = policy.map(|policy| enforce(&stage, policy)).transpose()?;
    println!("\n{}", stage::instructions(&stage, daemon.as_ref()));
    Ok((stage, daemon))
}

/// Says what is being done.
fn progress(line: &str) {
    println!("· {line}");
}

fn enforce(stage: &Stage, policy: &Path) -> Result<Daemon> {
    progress("starting enforcerd on the bridge (native XDP on both ports)");
    let daemon = Daemon::start(stage.lab())?;
    progress(&format!("enforcerctl apply {}", policy.display()));
    daemon.client().apply(policy).context("apply the policy")?;
    Ok(daemon)
}
