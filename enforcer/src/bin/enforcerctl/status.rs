//! `status`: the daemon, its ports, the policy in force.

use enforcer::control::api::{Path, PolicyStatus, Status, VlanTags};
use enforcer::control::client::Client;
use enforcer::policy::describe;
use enforcer_common::port::Side;

use crate::exit::Stop;
use crate::render::{Output, Style, Styled, Table, count, duration, time};

/// Digits of a hash that people compare.
const HASH: usize = 12;

pub(crate) async fn status(client: &Client, output: &Output) -> Result<(), Stop> {
    let status: Status = client.get("/v1/status").await?;
    if output.is_json() {
        return output.json(&status);
    }
    let mut facts = Table::new(&["", ""]);
    let mut fact =
        |name: &str, text: String| facts.row([Styled::new(name, Style::Faint), text.into()]);
    fact(
        "daemon",
        format!(
            "enforcerd {}, process {}, up {}",
            status.version,
            status.pid,
            duration(status.uptime_seconds)
        ),
    );
    fact("bridge", status.bridge.clone());
    fact(
        "policy",
        status
            .policy
            .as_ref()
            .map_or_else(|| "none".to_owned(), policy_text),
    );
    if let Some(trial) = &status.trial {
        fact(
            "on trial",
            format!(
                "until {}, for another {}",
                time(&trial.until),
                duration(trial.seconds_left)
            ),
        );
    }
    if let Some(canary) = &status.canary {
        fact(
            "canary",
            format!("{}, {} devices", canary.share, count(canary.devices as u64)),
        );
    }
    if status.draining_seconds > 0 {
        fact(
            "draining",
            format!("for another {}", duration(status.draining_seconds)),
        );
    }
    if status.exceptions > 0 {
        fact(
            "exceptions",
            format!(
                "{}; enforcerctl exceptions lists them",
                count(status.exceptions as u64)
            ),
        );
    }
    fact("flows", count(status.flows));
    let (sent, lost, suppressed) = (
        status.events_sent,
        status.events_lost,
        status.events_suppressed,
    );
    fact(
        "events",
        format!(
            "{} sent, {} lost, {} suppressed",
            count(sent),
            count(lost),
            count(suppressed)
        ),
    );
    fact(
        "program",
        format!(
            "{} instructions verified",
            count(status.verified_instructions.into())
        ),
    );
    output.table(facts, "")?;
    output.line("")?;
    output.table(ports(&status), "No ports are watched.")?;
    for port in &status.ports {
        if let Some(reason) = &port.forwarding_reason {
            output.line(&format!(" {}: the bridge forwards: {reason}", port.name))?;
        }
    }
    for warning in &status.warnings {
        output.warn(warning)?;
    }
    if status.policy.is_none() {
        output.hint("enforcerctl apply FILE puts a policy in force");
    }
    Ok(())
}

fn ports(status: &Status) -> Table {
    let mut table = Table::new(&[
        "PORT",
        "SIDE",
        "PROGRAM",
        "VLAN TAGS",
        "FORWARDING",
        "WITHOUT A POLICY",
    ]);
    for port in &status.ports {
        let side = match port.side {
            Side::Device => "device",
            Side::Core => "core",
        };
        let program = if port.attached {
            Styled::new("attached", Style::Good)
        } else {
            Styled::new("not attached", Style::Bad)
        };
        let tags = match port.vlan_tags {
            VlanTags::Unproven => Style::Faint,
            VlanTags::Seen => Style::Good,
            VlanTags::Hidden => Style::Bad,
        };
        let forwarding = match port.forwarding {
            Path::Fast => Style::Good,
            Path::Bridge => Style::Faint,
        };
        let otherwise = if port.pass_without_policy {
            "passes"
        } else {
            "drops"
        };
        table.row([
            port.name.clone().into(),
            side.to_owned().into(),
            program,
            Styled::new(port.vlan_tags.label(), tags),
            Styled::new(port.forwarding.label(), forwarding),
            otherwise.to_owned().into(),
        ]);
    }
    table
}

fn policy_text(policy: &PolicyStatus) -> String {
    let hash = policy.hash.get(..HASH).unwrap_or(&policy.hash);
    let mut text = format!(
        "{}, {}, epoch {}, {hash}, since {}\n{} devices, {} profiles, {} rules",
        policy.source,
        describe::mode(policy.mode),
        policy.epoch,
        time(&policy.applied_at),
        count(policy.devices as u64),
        count(policy.profiles as u64),
        count(policy.rules as u64),
    );
    if policy.adopting_seconds > 0 {
        text += &format!(
            "\nlive sessions are adopted for another {}",
            duration(policy.adopting_seconds)
        );
    }
    text
}
