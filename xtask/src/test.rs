//! `cargo xtask test`: the host layer as the caller, then the layers that load
//! programs and make namespaces as root.

use anyhow::Result;
use clap::Args;

use crate::setup;
use crate::shell::{cargo, is_root, run as run_command};

/// The variable that makes cargo start test programs through another program.
fn runner_variable() -> String {
    let architecture = std::env::consts::ARCH.to_uppercase();
    format!("CARGO_TARGET_{architecture}_UNKNOWN_LINUX_GNU_RUNNER")
}

#[derive(Args)]
pub(crate) struct Arguments {
    /// Run only the host layer, without root
    #[arg(long)]
    host: bool,
    /// Run only tests whose name contains this
    filter: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure()?;
    let mut host = cargo();
    host.arg("test").args(&arguments.filter);
    run_command(&mut host)?;
    if arguments.host {
        return Ok(());
    }
    // The packet tests start the daemon and the client: both must be built.
    run_command(cargo().args(["build", "--package=enforcer", "--bins"]))?;
    let mut packets = cargo();
    packets
        .args(["test", "--package=enforcer-tests"])
        .args(&arguments.filter);
    if !is_root() {
        eprintln!(
            "xtask: root is needed to load BPF programs and make namespaces; asking through sudo"
        );
        packets.env(runner_variable(), "sudo --preserve-env");
    }
    run_command(&mut packets)
}
