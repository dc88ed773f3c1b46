//! `enforcer-lab`: the lab as a program. Arguments only; see the library.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use enforcer_tests::{demo, interrupt};

/// A ward, an enforcer and a core network in network namespaces. Needs root.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try allowed and forbidden traffic through the enforcer and show what came of it
    Demo {
        #[command(flatten)]
        options: Options,
        /// Starts the names of the lab's namespaces
        #[arg(long, default_value = "enfdemo")]
        prefix: String,
    },
    /// Bring the lab up, say what to type, wait for Ctrl-C
    Up {
        #[command(flatten)]
        options: Options,
        /// Starts the names of the lab's namespaces
        #[arg(long, default_value = "enflab")]
        prefix: String,
        /// Only the bridge, no enforcer
        #[arg(long)]
        bare: bool,
    },
}

#[derive(clap::Args)]
struct Options {
    /// The policy to apply
    #[arg(long, default_value = "policies/ward.yaml")]
    policy: PathBuf,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("enforcer-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    match Arguments::parse().command {
        Command::Demo { options, prefix } => demo::play(&prefix, &options.policy),
        Command::Up {
            options,
            prefix,
            bare,
        } => {
            let _lab = demo::up(&prefix, (!bare).then_some(options.policy.as_path()))?;
            interrupt::wait_for_signal()
        }
    }
}
