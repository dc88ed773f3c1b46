//! `cargo xtask bench`: builds the bench program with optimisation and hands
//! over to it as root.

use std::fs;

use anyhow::{Context as _, Result};

use crate::peers;
use crate::setup;
use crate::shell::{as_root, built, cargo, root, run as run_command};

/// Where the bench writes, without another word of what it is given.
const WRITTEN: &str = "target/bench/bench";
const DOCUMENT: &str = "docs/benchmarks";
/// Between these lines the document holds the tables of a run.
const BEGIN: &str = "<!-- tables of `cargo xtask bench --document` -->\n";
const END: &str = "<!-- end of tables -->\n";

/// What to measure, and how, as the bench program takes it.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install what the bench compares the enforcer with, where it is missing, and nothing else
    #[arg(long)]
    install_peers: bool,
    /// Put the tables and the chart of this run into docs/benchmarks.md
    #[arg(long)]
    document: bool,
    /// `live` (the default: everything beside the bare bridge and others), `packet`,
    /// `inspect`, `scale` or `host`; `live --help` tells more
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.install_peers {
        return peers::install();
    }
    setup::ensure()?;
    let first = arguments.arguments.first();
    if first.is_some_and(|first| first == "host") {
        return run_command(
            cargo()
                .args(["bench", "--package=enforcer", "--bench=host", "--"])
                .args(&arguments.arguments[1..]),
        );
    }
    // The lab starts the daemon from beside the bench program.
    for build in [
        ["--package=enforcer-tests", "--bin=enforcer-bench"],
        ["--package=enforcer", "--bins"],
    ] {
        run_command(cargo().args(["build", "--release"]).args(build))?;
    }
    let bench = built("release", "enforcer-bench");
    let mut command = as_root(bench, "to load the program and run it on test frames");
    if first.is_none_or(|first| first.starts_with("--")) {
        command.arg("live");
    }
    run_command(command.args(&arguments.arguments).current_dir(root()))?;
    if arguments.document {
        document()?;
    }
    Ok(())
}

/// Puts what a run has written in place of what an earlier one had.
fn document() -> Result<()> {
    let [tables, chart] = ["md", "svg"].map(|end| root().join(WRITTEN).with_extension(end));
    let tables = fs::read_to_string(&tables).context("the bench has written no tables")?;
    let path = root().join(DOCUMENT).with_extension("md");
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(BEGIN).context("no place for tables")?;
    let (_, after) = rest
        .split_once(END)
        .context("the place for tables has no end")?;
    fs::write(&path, format!("{before}{BEGIN}\n{tables}\n{END}{after}"))?;
    fs::copy(chart, root().join(DOCUMENT).with_extension("svg"))?;
    eprintln!("xtask: {DOCUMENT}.md and {DOCUMENT}.svg are of this run");
    Ok(())
}
