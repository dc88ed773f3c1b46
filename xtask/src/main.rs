//! `cargo xtask`: the developer's commands. Arguments only; each command lives
//! in a file of its own. Nothing here depends on the enforcer crates, so that
//! set-up can run before they can be built.

mod bench;
mod lab;
mod lint;
mod peers;
mod setup;
mod shell;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set up, build, test and show enforcer.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing to build and test (says what, before it does)
    Setup,
    /// Build a lab of network namespaces, enforce a policy on real traffic, show the verdicts
    Demo,
    /// Bring the demo's lab up, print what to type, and wait for Ctrl-C
    Lab,
    /// Run every test: host, program run, differential, namespaces (needs root)
    Test(test::Arguments),
    /// Measure: `bench` live traffic beside other firewalls; `packet`, `inspect`, `scale` more
    Bench(bench::Arguments),
    /// Check formatting and lints of both halves; warnings are errors
    Lint,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Setup => setup::run(),
        Command::Demo => lab::run("demo"),
        Command::Lab => lab::run("up"),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Lint => lint::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
