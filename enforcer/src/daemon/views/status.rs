//! How the daemon does, and what the operator should know.

use anyhow::Result;
use enforcer_common::verdict::Fate;

use crate::control::api::{PolicyStatus, PortStatus, Status, TrialStatus, VlanTags};
use crate::daemon::config::{Forwarding, OnNoPolicy};
use crate::daemon::engine::{Engine, Running, rfc3339_of};
use crate::daemon::{forwarding, tags};
use crate::datapath::control::monotonic_ns;
use crate::datapath::ports::pinned_links;
use crate::policy::model::Model;

pub(in crate::daemon) fn status(engine: &Engine) -> Result<Status> {
    let datapath = engine.datapath();
    let statistics = datapath.statistics()?;
    let links = match &datapath.directory {
        Some(directory) => pinned_links(directory)?,
        None => Vec::new(),
    };
    let adopting_until = datapath.memory.adopting_until();
    let draining_until = datapath.memory.draining_until();
    let epoch = datapath.memory.epoch();
    let flows = datapath.count_flows();
    let counts = datapath.verdicts(engine.config.ports.len() as u32)?;
    let ways = (0..engine.config.ports.len() as u32)
        .map(|place| Ok((datapath.fast(place)?, datapath.redirected(place)?)))
        .collect::<Result<Vec<_>>>()?;
    drop(datapath);
    let running = engine.running();
    let trial = engine.trial_status();
    let exceptions = engine.exceptions()?.len();
    let mut warnings = Vec::new();
    if epoch == 0 {
        warnings.push("no policy is loaded; `enforcerctl apply FILE` loads one".to_owned());
    } else if running.is_none() {
        warnings.push("the text of the policy in force is not known; apply it again".to_owned());
    }
    let ports = engine.config.ports.iter().zip(0..).zip(&ways);
    let ports = ports.map(|((port, place), (fast_frames, redirected))| PortStatus {
        forwarding: engine.forwarding.of(place).0,
        forwarding_reason: engine.forwarding.of(place).1,
        fast_frames: *fast_frames,
        lost_frames: redirected.dropped + redirected.refused,
        vlan_tags: engine.tags.of(place),
        name: port.name.clone(),
        side: port.side,
        attached: links.iter().any(|(_, _, name)| *name == port.name),
        pass_without_policy: engine.config.on_no_policy == OnNoPolicy::Pass,
    });
    let ports: Vec<PortStatus> = ports.collect();
    for port in ports.iter().filter(|port| !port.attached) {
        warnings.push(format!(
            "{} is not attached: frames that enter there are not judged",
            port.name
        ));
    }
    for (port, place) in ports.iter().zip(0..) {
        if port.vlan_tags == VlanTags::Hidden {
            warnings.push(tags::hidden(&port.name));
        } else if let Some(device) = engine.tags.bare(place) {
            warnings.push(tags::bare(&port.name, &device));
        }
    }
    for (port, configured) in ports.iter().zip(&engine.config.ports) {
        if let Some(reason) = &port.forwarding_reason
            && configured.forwarding == Forwarding::Fast
        {
            warnings.push(forwarding::refused(&port.name, reason));
        }
    }
    warnings.extend(change_warnings(engine, trial.as_ref()));
    let failed_open = counts.iter().filter(|count| count.fate == Fate::FailOpen);
    let failed_open: u64 = failed_open.map(|count| count.traffic.packets).sum();
    if failed_open > 0 {
        warnings.push(format!(
            "{failed_open} frames could not be judged and passed, because `on_error` says so: `enforcerctl counters` \
             says why"
        ));
    }
    if let Some(running) = &running {
        warnings.extend(ending_rules(&running.model, engine.policy_time()));
    }
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        uptime_seconds: engine.started.elapsed().as_secs(),
        bridge: engine.config.bridge.clone(),
        ports,
        canary: running
            .as_ref()
            .and_then(|running| running.twin.as_ref().map(|twin| twin.status())),
        policy: running.map(|running| policy_status(&running, adopting_until)),
        flows,
        events_sent: statistics.events_sent,
        events_lost: statistics.events_lost,
        events_suppressed: statistics.events_suppressed,
        verified_instructions: engine.verified_instructions,
        trial,
        draining_seconds: draining_until.saturating_sub(monotonic_ns()) / 1_000_000_000,
        exceptions,
        clock_behind_seconds: engine.clock_behind().into(),
        warnings,
    })
}

/// Rules that have expired or will within two weeks.
fn ending_rules(model: &Model, time: u32) -> Vec<String> {
    const SOON: u32 = 14 * 86_400;
    let rules = model
        .profiles
        .iter()
        .flat_map(|profile| profile.rules.iter().map(move |rule| (profile, rule)));
    rules
        .filter(|(_, rule)| rule.expires != 0 && rule.expires.saturating_sub(time) <= SOON)
        .map(|(profile, rule)| {
            let what = if rule.expires <= time {
                "has expired"
            } else {
                "expires"
            };
            let end = rfc3339_of(rule.expires.into());
            format!("rule {}/{} {what}: {end}", profile.name, rule.name)
        })
        .collect()
}

/// What the operator should know of changes that are not done with, of the clock
/// and of the state directory.
fn change_warnings(engine: &Engine, trial: Option<&TrialStatus>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(trial) = trial {
        warnings.push(format!(
            "the policy in force awaits confirmation until {}: `enforcerctl confirm` keeps it, else the one before \
             returns",
            trial.until
        ));
    }
    if let Some(path) = engine.differing_file() {
        warnings.push(format!(
            "{} is no longer what was applied: `enforcerctl diff` says what applying it would change",
            path.display()
        ));
    }
    let behind = engine.clock_behind();
    if behind > 0 {
        warnings.push(format!(
            "the wall clock is {behind} s behind the time by which rules expire: correct it, or accept it with \
             `enforcerctl clock --accept`"
        ));
    }
    warnings.extend(engine.state().damage().map(str::to_owned));
    warnings
}

fn policy_status(running: &Running, adopting_until: u64) -> PolicyStatus {
    PolicyStatus {
        epoch: running.epoch,
        hash: running.hash.clone(),
        source: running.source.clone(),
        applied_at: running.applied_at.clone(),
        mode: running.model.defaults.mode,
        devices: running.model.devices.len(),
        profiles: running.model.profiles.len(),
        rules: running.compiled.rules.len(),
        adopting_seconds: adopting_until
            .saturating_sub(monotonic_ns())
            .div_ceil(1_000_000_000),
    }
}
