//! `cargo xtask bench`: builds the bench program with optimisation and hands
//! over to it as root.

use anyhow::Result;

use crate::setup;
use crate::shell::{as_root, cargo, root, run as run_command};

pub(crate) fn run() -> Result<()> {
    setup::ensure()?;
    run_command(cargo().args([
        "build",
        "--release",
        "--package=enforcer-tests",
        "--bin=enforcer-bench",
    ]))?;
    let bench = root().join("target/release/enforcer-bench");
    run_command(&mut as_root(
        bench,
        "to load the program and run it on test frames",
    ))
}
