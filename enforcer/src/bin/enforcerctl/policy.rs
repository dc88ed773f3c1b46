//! `apply`, `check` and `diff`: policies before and as they come into force.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use enforcer::control::api::{Action, Applied, ApplyRequest, Change, Changes};
use enforcer::control::client::Client;
use enforcer::policy;
use enforcer::policy::canary::Share;
use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::diagnostic::Diagnostics;
use enforcer::policy::model::Model;
use enforcer::policy::source::Bundle;
use serde::Serialize;

use crate::exit::Stop;
use crate::rehearse::{Tests, rehearse};
use crate::render::{Output, Style, Styled, Table, count, time};

/// Changes listed one by one; a first policy has very many.
const LISTED: usize = 50;

/// What `check` found of a policy without errors.
#[derive(Debug, Serialize)]
struct Checked {
    hash: String,
    devices: usize,
    profiles: usize,
    rules: usize,
    /// Bytes of the compiled policy.
    bytes: usize,
    warnings: Diagnostics,
    /// The policy's own tests, all of which passed.
    tests: Tests,
}

/// How a policy is put in force.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Return to the policy before unless `confirm` comes within this time, as in 10m
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    confirm_within: Option<Duration>,
    /// Let running flows keep their judgement for this time
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    drain: Option<Duration>,
    /// For these devices only at first: PROFILE=5% or tag:NAME
    #[arg(long, value_name = "SHARE")]
    canary: Option<Share>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(crate) async fn apply(
    file: &Path,
    how: How,
    client: &Client,
    output: &Output,
) -> Result<(), Stop> {
    let request = ApplyRequest {
        bundle: policy::load(file)?,
        confirm_within: how.confirm_within.map(|time| time.as_secs()),
        drain: how.drain.map(|time| time.as_secs()),
        canary: how.canary,
        note: how.reason,
    };
    let applied: Applied = client.post("/v1/apply", &request).await?;
    show_applied(&applied, output)
}

/// Says what came in force, and what is left to do.
pub(crate) fn show_applied(applied: &Applied, output: &Output) -> Result<(), Stop> {
    if output.is_json() {
        return output.json(applied);
    }
    show(&applied.changes, &applied.warnings, output)?;
    let Applied {
        epoch,
        devices,
        profiles,
        rules,
        milliseconds,
        ..
    } = applied;
    output.line(&format!(
        "{} epoch {epoch} is in force after {milliseconds} ms: {}",
        output.style("applied:", Style::Good),
        amounts(*devices, *profiles, *rules)
    ))?;
    if !applied.failed_tests.is_empty() {
        output.line(&applied.failed_tests.to_string())?;
        output.warn("tests of this policy fail now; see above")?;
    }
    if let Some(canary) = &applied.canary {
        output.line(&format!(
            "{} {} devices, {}: enforcerctl promote takes all, enforcerctl withdraw takes it back",
            output.style("canary:", Style::Doubtful),
            count(canary.devices as u64),
            canary.share
        ))?;
    }
    if let Some(trial) = &applied.trial {
        output.line(&format!(
            "{} until {}: enforcerctl confirm keeps it, else the policy before returns",
            output.style("on trial:", Style::Doubtful),
            time(&trial.until)
        ))?;
    }
    output.hint("enforcerctl events --follow shows what it denies");
    Ok(())
}

pub(crate) async fn diff(file: &Path, client: &Client, output: &Output) -> Result<(), Stop> {
    let request = ApplyRequest::of(policy::load(file)?);
    let changes: Changes = client.post("/v1/diff", &request).await?;
    if output.is_json() {
        return output.json(&changes);
    }
    show(&changes.changes, &changes.warnings, output)?;
    if !changes.changes.is_empty() {
        output.hint(&format!("enforcerctl apply {} makes it so", file.display()));
    }
    Ok(())
}

/// `strict` takes warnings for errors.
pub(crate) fn check(file: &Path, strict: bool, output: &Output) -> Result<(), Stop> {
    let bundle = policy::load(file)?;
    let (model, compiled, warnings) = compiled(&bundle)?;
    if strict && !warnings.is_empty() {
        return Err(Stop::Policy(warnings));
    }
    let tests = rehearse(&bundle, &model, &compiled)?;
    let checked = Checked {
        hash: compiled
            .digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        devices: model.devices.len(),
        profiles: model.profiles.len(),
        rules: compiled.rules.len(),
        bytes: compiled.bytes(),
        warnings,
        tests,
    };
    if output.is_json() {
        return output.json(&checked);
    }
    if !checked.warnings.is_empty() {
        output.line(&checked.warnings.to_string())?;
    }
    output.line(&format!(
        "{} {}: {}; {} compiled",
        output.style("valid:", Style::Good),
        file.display(),
        amounts(checked.devices, checked.profiles, checked.rules),
        crate::render::bytes(checked.bytes as u64)
    ))?;
    if let Some(tests) = checked.tests.text() {
        output.line(&tests)?;
    }
    output.hint(&format!(
        "enforcerctl apply {} puts it in force",
        file.display()
    ));
    Ok(())
}

/// Loads, judges and compiles a policy, without the daemon.
pub(crate) fn read(file: &Path) -> Result<(Model, Compiled, Diagnostics), Stop> {
    compiled(&policy::load(file)?)
}

/// Judges and compiles a policy, without the daemon.
pub(crate) fn compiled(bundle: &Bundle) -> Result<(Model, Compiled, Diagnostics), Stop> {
    let (model, warnings) = policy::parse(bundle)?;
    let compiled = compile(&model).map_err(|error| Stop::Unfit(error.to_string()))?;
    Ok((model, compiled, warnings))
}

fn amounts(devices: usize, profiles: usize, rules: usize) -> String {
    let of = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{} {what}s", count(number as u64)),
    };
    format!(
        "{}, {}, {}",
        of(devices, "device"),
        of(profiles, "profile"),
        of(rules, "rule")
    )
}

fn show(changes: &[Change], warnings: &Diagnostics, output: &Output) -> Result<(), Stop> {
    if !warnings.is_empty() {
        output.line(&warnings.to_string())?;
    }
    show_changes(
        changes,
        "Nothing would change: this policy is in force.",
        output,
    )
}

/// Lists changes; says `otherwise` where there are none.
pub(crate) fn show_changes(
    changes: &[Change],
    otherwise: &str,
    output: &Output,
) -> Result<(), Stop> {
    let mut table = Table::new(&["", "WHAT", "BEFORE", "AFTER"]);
    for change in changes.iter().take(LISTED) {
        let (sign, style) = match change.action {
            Action::Add => ("+", Style::Good),
            Action::Remove => ("-", Style::Bad),
            Action::Change => ("~", Style::Doubtful),
        };
        let text = |text: &String| Styled::from(text.clone());
        table.row([
            Styled::new(sign, style),
            text(&change.subject),
            text(&change.before),
            text(&change.after),
        ]);
    }
    output.table(table, otherwise)?;
    let more = changes.len().saturating_sub(LISTED);
    if more > 0 {
        output.line(&format!(
            "and {} more changes; all of them with -o json",
            count(more as u64)
        ))?;
    }
    Ok(())
}
