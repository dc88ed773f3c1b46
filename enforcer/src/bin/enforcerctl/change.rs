//! Commands that change what is enforced without a policy file: trials and
//! canaries to their end, roll-backs, exceptions, the clock. And what there is to
//! see of them.

use std::time::Duration;

use clap::{Args, Subcommand};
use enforcer::control::api::{
    Applied, BreakGlassRequest, Clock, Exception, QuarantineRequest, ReleaseRequest,
    RollbackRequest, Settled,
};
use enforcer::control::client::Client;
use serde_json::json;

use crate::exit::Stop;
use crate::history::{self, Asked};
use crate::policy;
use crate::render::{Output, Style, Styled, Table, duration, time};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep the policy that awaits confirmation
    Confirm,
    /// Return from a policy on trial, or from a canary, to the policy before
    Withdraw,
    /// Put the policy of a canary in force for all devices
    Promote,
    /// Put an earlier policy in force again
    ///
    /// Goes back in the list of policies that were in force; a second roll-back
    /// goes on where the first one stopped.
    #[command(after_help = "Example:\n  enforcerctl rollback 2 --confirm-within 10m")]
    Rollback(Rollback),
    /// Show who changed what, when and why
    #[command(after_help = "Examples:
  enforcerctl history -n 50
  enforcerctl history show 12 > policy-of-row-12.yaml
  enforcerctl history diff 12 17")]
    History(Asked),
    /// Open a profile for a while: what its rules deny passes, and is counted
    #[command(
        name = "break-glass",
        after_help = "Example:\n  enforcerctl break-glass --profile infusion --for 30m --reason 'server moved, ticket 4711'"
    )]
    BreakGlass(BreakGlass),
    /// Cut a device off, at once
    #[command(
        after_help = "Example:\n  enforcerctl quarantine pump-7 --for 2h --reason 'scans its neighbours'"
    )]
    Quarantine(Quarantine),
    /// End a quarantine, or close a profile that was opened
    #[command(
        after_help = "Examples:\n  enforcerctl release pump-7\n  enforcerctl release --profile infusion"
    )]
    Release(Release),
    /// List devices in quarantine and opened profiles
    Exceptions,
    /// Show the time by which rules expire and exceptions end
    Clock {
        /// Set it back to the wall clock, which is behind
        #[arg(long)]
        accept: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Policies to go back
    #[arg(value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// Return to the present policy unless `confirm` comes within this time, as in 10m
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    confirm_within: Option<Duration>,
    /// Let running flows keep their judgement for this time
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    drain: Option<Duration>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BreakGlass {
    /// Whose devices
    #[arg(long)]
    profile: String,
    /// How long, as in 30m; at most 8h
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Duration,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Quarantine {
    /// Name or MAC address
    device: String,
    /// How long, as in 2h; until released if not given
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Release {
    /// Name or MAC address of a device in quarantine
    device: Option<String>,
    /// A profile that was opened
    #[arg(long)]
    profile: Option<String>,
}

pub(crate) async fn run(command: Command, client: &Client, output: &Output) -> Result<(), Stop> {
    match command {
        Command::Confirm => settle("confirm", "confirmed:", client, output).await,
        Command::Withdraw => settle("withdraw", "withdrawn:", client, output).await,
        Command::Promote => {
            let applied: Applied = client.post("/v1/promote", &json!({})).await?;
            policy::show_applied(&applied, output)
        }
        Command::Rollback(rollback) => {
            let request = RollbackRequest {
                steps: rollback.steps,
                confirm_within: rollback.confirm_within.map(|time| time.as_secs()),
                drain: rollback.drain.map(|time| time.as_secs()),
                note: rollback.reason,
            };
            let applied: Applied = client.post("/v1/rollback", &request).await?;
            policy::show_applied(&applied, output)
        }
        Command::History(asked) => history::run(asked, client, output).await,
        Command::BreakGlass(asked) => {
            let request = BreakGlassRequest {
                profile: asked.profile,
                seconds: asked.time.as_secs(),
                reason: asked.reason,
            };
            let exception: Exception = client.post("/v1/break-glass", &request).await?;
            tell("open:", Style::Doubtful, &exception, output)
        }
        Command::Quarantine(asked) => {
            let request = QuarantineRequest {
                device: asked.device,
                seconds: asked.time.map(|time| time.as_secs()),
                reason: asked.reason,
            };
            let exception: Exception = client.post("/v1/quarantine", &request).await?;
            tell("in quarantine:", Style::Bad, &exception, output)
        }
        Command::Release(Release { device, profile }) => {
            let request = ReleaseRequest { device, profile };
            let exception: Exception = client.post("/v1/release", &request).await?;
            if output.is_json() {
                return output.json(&exception);
            }
            output.line(&format!(
                "{} {}",
                output.style("released:", Style::Good),
                exception.name
            ))
        }
        Command::Exceptions => exceptions(client, output).await,
        Command::Clock { accept } => clock(accept, client, output).await,
    }
}

async fn settle(what: &str, word: &str, client: &Client, output: &Output) -> Result<(), Stop> {
    let settled: Settled = client.post(&format!("/v1/{what}"), &json!({})).await?;
    if output.is_json() {
        return output.json(&settled);
    }
    output.line(&format!(
        "{} epoch {} is in force, {}",
        output.style(word, Style::Good),
        settled.epoch,
        history::short(&settled.hash)
    ))
}

fn tell(word: &str, style: Style, exception: &Exception, output: &Output) -> Result<(), Stop> {
    if output.is_json() {
        return output.json(exception);
    }
    let until = match &exception.until {
        Some(until) => format!("until {}", time(until)),
        None => "until released".to_owned(),
    };
    output.line(&format!(
        "{} {}, {until}",
        output.style(word, style),
        exception.name
    ))?;
    output.hint("enforcerctl release ends it, enforcerctl exceptions lists all");
    Ok(())
}

async fn exceptions(client: &Client, output: &Output) -> Result<(), Stop> {
    let exceptions: Vec<Exception> = client.get("/v1/exceptions").await?;
    if output.is_json() {
        return output.json(&exceptions);
    }
    let mut table = Table::new(&["KIND", "NAME", "SINCE", "LEFT", "BY", "REASON"]);
    for exception in exceptions {
        let left = match exception.seconds_left {
            Some(seconds) => duration(seconds),
            None => "until released".to_owned(),
        };
        let name = if exception.in_effect {
            Styled::from(exception.name)
        } else {
            Styled::new(
                format!("{} (not in the policy in force)", exception.name),
                Style::Faint,
            )
        };
        table.row([
            exception.kind.into(),
            name,
            time(&exception.since).into(),
            left.into(),
            exception.user.into(),
            exception.reason.into(),
        ]);
    }
    output.table(table, "No device is in quarantine, and no profile is open.")
}

async fn clock(accept: bool, client: &Client, output: &Output) -> Result<(), Stop> {
    let clock: Clock = if accept {
        client.post("/v1/clock/accept", &json!({})).await?
    } else {
        client.get("/v1/clock").await?
    };
    if output.is_json() {
        return output.json(&clock);
    }
    output.line(&format!("policy time  {}", time(&clock.policy_time)))?;
    output.line(&format!("wall clock   {}", time(&clock.wall_clock)))?;
    if clock.behind_seconds > 0 {
        output.warn(&format!(
            "the wall clock is {} behind: correct it, or accept it with enforcerctl clock --accept",
            duration(clock.behind_seconds)
        ))?;
    }
    Ok(())
}
