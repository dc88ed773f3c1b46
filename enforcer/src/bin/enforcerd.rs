//! The daemon's command line.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use enforcer::daemon::config::Config;
use enforcer::daemon::{self, preflight};
use tracing_subscriber::EnvFilter;

/// Enforces least-privilege policies on the ports of a Linux bridge.
///
/// Loads the XDP program, attaches it to every configured port in native mode,
/// and takes the last policy into force. Policies are applied by `enforcerctl
/// apply FILE`. When the daemon stops, or dies, enforcement goes on.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/enforcer/enforcerd.yaml"
    )]
    config: PathBuf,

    /// Say everything that would keep the daemon from starting, and exit
    #[arg(long)]
    check: bool,

    /// Take the program off all ports when the daemon is stopped
    #[arg(long)]
    detach: bool,

    /// Take the program off all ports now, without starting, and exit
    #[arg(long, conflicts_with_all = ["check", "detach"])]
    detach_now: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match start(&arguments) {
        Ok(code) => code,
        Err(error) => {
            for line in format!("{error:#}").lines() {
                eprintln!("enforcerd: error: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<ExitCode> {
    let config = Config::load(&arguments.config)?;
    if arguments.detach_now {
        daemon::detach(&config)?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if arguments.check {
        return Ok(runtime.block_on(check(&config)));
    }
    runtime.block_on(daemon::run(config, arguments.detach))?;
    Ok(ExitCode::SUCCESS)
}

async fn check(config: &Config) -> ExitCode {
    let findings = preflight::check(config).await;
    for finding in &findings {
        println!(
            "{}: {}",
            if finding.fatal { "error" } else { "warning" },
            finding.line
        );
    }
    if findings.iter().any(|finding| finding.fatal) {
        return ExitCode::FAILURE;
    }
    println!("ready to start");
    ExitCode::SUCCESS
}
