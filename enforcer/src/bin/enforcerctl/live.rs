//! `simulate --live`: what a policy would make of what the daemon has recorded.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use enforcer::control::api::Told;
use enforcer::control::client::Client;
use enforcer::simulate::live::Live;
use enforcer::simulate::live::report::{Coverage, Finding, Report};
use enforcer::simulate::ports;

use crate::exit::Stop;
use crate::policy;
use crate::render::{Output, Style, Styled, Table, count, duration, time};

/// Gaps, devices and names listed one by one.
const LISTED: usize = 20;
/// A gap that is worth a line of its own, in seconds; all are in the JSON.
const NOTABLE_GAP: u32 = 60;

#[derive(Debug, Args)]
pub(crate) struct Recorded {
    /// Judge what the daemon has recorded, instead of captures
    #[arg(long, conflicts_with_all = ["pcap", "engine", "first", "adopt", "unknown_side", "side", "fail_on"])]
    pub(crate) live: bool,
    /// From then on: a time before now, as `14d`, or RFC 3339, as `2026-03-01T08:00:00Z`
    #[arg(long, value_name = "TIME", requires = "live", default_value = "14d", value_parser = moment)]
    since: SystemTime,
    /// This device alone, with the rules of its profile that it never used
    #[arg(long, value_name = "NAME", requires = "live")]
    device: Option<String>,
}

pub(crate) async fn simulate(
    file: &Path,
    recorded: &Recorded,
    client: &Client,
    output: &Output,
) -> Result<(), Stop> {
    let (model, mut compiled, _) = policy::read(file)?;
    ports::place(&mut compiled);
    let failed = |error: anyhow::Error| Stop::Failed(format!("{error:#}"));
    let mut live = Live::new(&model, &compiled, recorded.device.as_deref()).map_err(failed)?;
    let since = recorded
        .since
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let path = format!("/v1/observations?since={}", since.as_secs());
    let mut lines = client.lines(&path).await?;
    while let Some(told) = lines.next::<Told>().await? {
        live.take(told).map_err(failed)?;
    }
    let report = live.report().map_err(failed)?;
    if output.is_json() {
        return output.json(&report);
    }
    tell(&report, output)
}

fn tell(report: &Report, output: &Output) -> Result<(), Stop> {
    let mut table = Table::new(&[
        "DEVICE",
        "WOULD BE",
        "FROM",
        "TO",
        "SERVICE",
        "WHY",
        ">FLOWS",
        "LAST SEEN",
    ]);
    for device in &report.devices {
        let kinds: [(&[Finding], &str, Style); 5] = [
            (&device.would_deny, "denied", Style::Bad),
            (
                &device.would_deny_if_enforced,
                "denied, but for audit",
                Style::Doubtful,
            ),
            (&device.would_allow, "allowed", Style::Good),
            (&device.depends_on_name, "unknown: a name", Style::Doubtful),
            (&device.not_judged, "unknown", Style::Faint),
        ];
        for (findings, what, style) in kinds {
            for finding in findings {
                table.row(row(&device.device, finding, what, style));
            }
        }
    }
    output.table(
        table,
        "Nothing that was recorded would be judged otherwise.",
    )?;
    let totals = &report.totals;
    output.line(&format!(
        "\n{} kinds of flow: {} unchanged, {} would be denied, {} more once enforced, {} would be allowed, {} depend on \
         a name, {} not judged",
        count(totals.observations),
        count(totals.unchanged),
        count(totals.would_deny),
        count(totals.would_deny_if_enforced),
        count(totals.would_allow),
        count(totals.depends_on_name),
        count(totals.not_judged),
    ))?;
    tell_coverage(&report.coverage, output)?;
    tell_devices(report, output)
}

fn row(device: &str, finding: &Finding, what: &str, style: Style) -> [Styled; 8] {
    let end = |address: &str, device: &Option<String>| match device {
        Some(device) => format!("{device} ({address})"),
        None => address.to_owned(),
    };
    let why = match (&finding.note, &finding.reason) {
        (Some(note), _) => note.clone(),
        (None, Some(reason)) if finding.rules.is_empty() => reason.clone(),
        (None, Some(reason)) => format!("{reason} ({})", finding.rules.join(", ")),
        (None, None) => String::new(),
    };
    [
        Styled::from(device.to_owned()),
        Styled::new(what, style),
        Styled::from(end(&finding.from, &finding.from_device)),
        Styled::from(end(&finding.to, &finding.to_device)),
        Styled::from(finding.service.clone()),
        Styled::from(why),
        Styled::from(count(finding.flows)),
        Styled::from(time(&finding.last_seen)),
    ]
}

fn tell_coverage(coverage: &Coverage, output: &Output) -> Result<(), Stop> {
    let watched = match coverage.period_seconds {
        0 => 0,
        period => coverage.watched_seconds * 100 / period,
    };
    output.line(&format!(
        "\nWatched {} of {} ({watched} %), from {} to {}; recording since {}.",
        duration(coverage.watched_seconds),
        duration(coverage.period_seconds),
        time(&coverage.since),
        time(&coverage.until),
        coverage
            .recording_since
            .as_deref()
            .map_or_else(|| "never".to_owned(), time),
    ))?;
    let hours = coverage.hours;
    output.line(&format!(
        "Hours of the clock: {} watched in full, {} in part, {} not at all.",
        count(hours.whole.into()),
        count(hours.partly.into()),
        count(hours.unseen.into()),
    ))?;
    let notable: Vec<_> = coverage
        .gaps
        .iter()
        .filter(|gap| gap.seconds >= NOTABLE_GAP)
        .collect();
    for gap in notable.iter().rev().take(LISTED).rev() {
        output.line(&format!(
            "  not watched: {} to {} ({})",
            time(&gap.from),
            time(&gap.until),
            duration(gap.seconds.into())
        ))?;
    }
    let more = coverage.gaps.len() - notable.len().min(LISTED);
    if more > 0 {
        output.line(&format!(
            "  and {more} shorter or earlier gaps; all of them with -o json"
        ))?;
    }
    for statement in &coverage.statements {
        output.line(&format!("- {statement}"))?;
    }
    Ok(())
}

fn tell_devices(report: &Report, output: &Output) -> Result<(), Stop> {
    if !report.never_seen.is_empty() {
        let listed: Vec<&str> = report
            .never_seen
            .iter()
            .map(String::as_str)
            .take(LISTED)
            .collect();
        let more = report.never_seen.len() - listed.len();
        let more = if more > 0 {
            format!(" and {} more", count(more as u64))
        } else {
            String::new()
        };
        output.line(&format!(
            "\nNever seen in this time: {}{more}.",
            listed.join(", ")
        ))?;
    }
    let mut asked = report
        .devices
        .iter()
        .filter_map(|device| Some((device, device.unmatched_rules.as_ref()?)));
    if let Some((device, rules)) = asked.next() {
        output.line(&format!(
            "\n{}: watched for {}, seen in {} hours, last {}.",
            device.device,
            duration(device.watched_seconds),
            device.hours_seen,
            device
                .last_seen
                .as_deref()
                .map_or_else(|| "never".to_owned(), time),
        ))?;
        if !rules.is_empty() {
            output.line(&format!(
                "Rules that nothing of it matched: {}.",
                rules.join(", ")
            ))?;
        }
        return Ok(());
    }
    if !report.unmatched_rules.is_empty() {
        output.line("\nRules that nothing matched:")?;
    }
    for unmatched in &report.unmatched_rules {
        output.line(&format!(
            "  {} ({} devices seen): {}",
            unmatched.profile,
            count(unmatched.devices_seen as u64),
            unmatched.rules.join(", ")
        ))?;
    }
    Ok(())
}

fn moment(text: &str) -> Result<SystemTime, String> {
    if let Ok(before) = humantime::parse_duration(text) {
        let before: Duration = before;
        return SystemTime::now()
            .checked_sub(before)
            .ok_or_else(|| "that is before all time".to_owned());
    }
    humantime::parse_rfc3339_weak(text).map_err(|_| {
        "expected a time before now, as `14d`, or RFC 3339, as `2026-03-01T08:00:00Z`".to_owned()
    })
}
