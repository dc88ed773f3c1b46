//! `cargo xtask bench`: builds the bench program with optimisation and hands
//! over to it as root.

use anyhow::Result;

use crate::peers;
use crate::setup;
use crate::shell::{as_root, built, cargo, root, run as run_command};

/// What to measure, and how, as the bench program takes it.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install what the bench compares the enforcer with, where it is missing, and nothing else
    #[arg(long)]
    install_peers: bool,
    /// `live` (the default), `packet`, `inspect` or `scale`; `live --help` tells more
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.install_peers {
        return peers::install();
    }
    setup::ensure()?;
    // The lab starts the daemon from beside the bench program.
    for build in [
        ["--package=enforcer-tests", "--bin=enforcer-bench"],
        ["--package=enforcer", "--bins"],
    ] {
        run_command(cargo().args(["build", "--release"]).args(build))?;
    }
    let bench = built("release", "enforcer-bench");
    let mut command = as_root(bench, "to load the program and run it on test frames");
    let first = arguments.arguments.first();
    if first.is_none_or(|first| first.starts_with("--")) {
        command.arg("live");
    }
    run_command(command.args(&arguments.arguments).current_dir(root()))
}
