//! `cargo xtask demo` and `cargo xtask lab`: builds the daemon, the client and
//! the lab program, then hands over to the lab program as root.

use std::os::unix::process::CommandExt as _;

use anyhow::{Context as _, Result};

use crate::setup;
use crate::shell::{as_root, built, cargo, root, run as run_command};

/// Becomes the lab program, so that Ctrl-C reaches it alone. Runs the lab program with one word: `demo` or `up`.
pub(crate) fn run(word: &str) -> Result<()> {
    setup::ensure()?;
    run_command(cargo().args([
        "build",
        "--package=enforcer",
        "--package=enforcer-tests",
        "--bins",
    ]))?;
    let lab = built("debug", "enforcer-lab");
    let mut command = as_root(lab, "to make network namespaces and load BPF programs");
    let error = command.arg(word).current_dir(root()).exec();
    Err(error).context("cannot start the lab")
}
