//! `cargo xtask lint`: formatting, and clippy on the host and on the BPF target.

use anyhow::Result;

use crate::setup::{self, BpfToolchain};
use crate::shell::{self, cargo, root, rustup_run};

const BPF_TARGET: &str = "bpfel-unknown-none";

pub(crate) fn run() -> Result<()> {
    let toolchain = setup::ensure()?;
    shell::run(cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(cargo().args([
        "clippy",
        "--workspace",
        "--exclude=enforcer-ebpf",
        "--all-targets",
        "--",
        "--deny=warnings",
    ]))?;
    lint_bpf(toolchain)
}

fn lint_bpf(toolchain: BpfToolchain) -> Result<()> {
    let mut command = rustup_run(toolchain.name(), "cargo");
    command.args(["clippy", "--package=enforcer-ebpf", "--release"]);
    command.args(["--target", BPF_TARGET]);
    if toolchain == BpfToolchain::Nightly {
        command.arg("-Zbuild-std=core");
    }
    command.args(["--", "--deny=warnings"]);
    // Another compiler's artefacts: kept apart so that neither evicts the other.
    command.env("CARGO_TARGET_DIR", root().join("target/bpf-clippy"));
    shell::run(&mut command)
}
