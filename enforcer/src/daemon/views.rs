//! What the datapath holds, in the words of the control API.

mod signatures;

use std::net::IpAddr;
use std::time::SystemTime;

use anyhow::Result;
use enforcer_common::addr::Ip;
use enforcer_common::event::Event as Record;
use enforcer_common::flow::{FLAG_INITIATOR_HIGH, Flow as Entry, FlowKey, protocol, state};
use enforcer_common::packet::ethertype;
use enforcer_common::verdict::{Fate, Reason};

use super::engine::{Engine, Running, hex, monotonic_second, rfc3339_of};
use super::{forwarding, tags};
use crate::control::api::{
    Counters, Device, Event, Flow, FoundSignature, PolicyStatus, PortCount, PortStatus, Rule,
    RuleCount, Status, TrialStatus, VlanTags,
};
use crate::daemon::config::{Forwarding, OnNoPolicy};
use crate::datapath::control::monotonic_ns;
use crate::datapath::ports::pinned_links;
use crate::policy::describe;
use crate::policy::model::{Direction, Model};
pub(super) use signatures::signatures;

pub(super) fn status(engine: &Engine) -> Result<Status> {
    let datapath = engine.datapath();
    let statistics = datapath.statistics()?;
    let links = match &datapath.directory {
        Some(directory) => pinned_links(directory)?,
        None => Vec::new(),
    };
    let adopting_until = datapath.memory.adopting_until();
    let draining_until = datapath.memory.draining_until();
    let epoch = datapath.memory.epoch();
    let flows = datapath.count_flows()?;
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

pub(super) fn devices(running: &Running) -> Vec<Device> {
    let devices = running.model.devices.iter().map(|device| Device {
        name: device.name.clone(),
        mac: device.mac,
        vlan: device.vlan,
        addresses: device.addresses().collect(),
        profile: running.model.profiles[device.profile].name.clone(),
        mode: device.mode,
    });
    devices.collect()
}

/// The rules in force, each with its hits under the policy in force.
pub(super) fn rules(engine: &Engine, running: &Running) -> Result<Vec<Rule>> {
    let hits = engine
        .datapath()
        .rule_hits(running.epoch, running.compiled.rules.len())?;
    let rules = running
        .compiled
        .rules
        .iter()
        .zip(hits)
        .map(|(&(profile, rule), traffic)| {
            let profile = &running.model.profiles[profile];
            let rule = &profile.rules[rule];
            let direction = match rule.direction {
                Direction::To => "to",
                Direction::From => "from",
            };
            Rule {
                profile: profile.name.clone(),
                rule: rule.name.clone(),
                direction: direction.to_owned(),
                peers: describe::peers(&running.model, rule),
                services: describe::services(rule),
                packets: traffic.packets,
                bytes: traffic.bytes,
            }
        });
    Ok(rules.collect())
}

pub(super) fn flows(engine: &Engine, limit: usize) -> Result<Vec<Flow>> {
    let flows = engine.datapath().flows(limit)?;
    let running = engine.running();
    let second = monotonic_second();
    Ok(flows
        .iter()
        .map(|(key, entry)| flow(running.as_deref(), key, entry, second))
        .collect())
}

fn flow(running: Option<&Running>, key: &FlowKey, entry: &Entry, second: u32) -> Flow {
    let (low, high) = ((key.low, key.low_port), (key.high, key.high_port));
    let (initiator, responder) = if entry.flags & FLAG_INITIATOR_HIGH != 0 {
        (high, low)
    } else {
        (low, high)
    };
    // Numbers of an older policy mean nothing in the one in force.
    let current = running.filter(|running| running.epoch == entry.epoch);
    let denied = entry
        .reasons
        .iter()
        .filter_map(|reason| Reason::from_number(*reason))
        .any(|reason| !reason.allows());
    Flow {
        initiator: initiator.0.into(),
        initiator_port: initiator.1,
        responder: responder.0.into(),
        responder_port: responder.1,
        protocol: protocol_name(key.protocol),
        vlan: key.vlan,
        state: state_name(entry.state).to_owned(),
        fate: if denied { Fate::Audit } else { Fate::Allow }
            .label()
            .to_owned(),
        rules: current
            .map(|running| {
                entry
                    .rules
                    .iter()
                    .filter_map(|rule| running.rule_name(*rule))
                    .collect()
            })
            .unwrap_or_default(),
        devices: current
            .map(|running| {
                let devices = entry
                    .devices
                    .iter()
                    .filter_map(|number| running.device(*number));
                devices.map(|device| device.name.clone()).collect()
            })
            .unwrap_or_default(),
        idle_seconds: (second.wrapping_sub(entry.last_seen) as i32).max(0) as u32,
        age_seconds: (second.wrapping_sub(entry.created) as i32).max(0) as u32,
        packets: entry.packets,
        bytes: entry.bytes,
        current: current.is_some(),
    }
}

/// Counters of verdicts and rules; rules carry the hits of earlier policies too.
pub(super) fn counters(engine: &Engine) -> Result<Counters> {
    let ports = &engine.config.ports;
    let datapath = engine.datapath();
    let verdicts = datapath.verdicts(ports.len() as u32)?;
    let statistics = datapath.statistics()?;
    let running = engine.running();
    let mut totals = engine.totals().clone();
    if let Some(running) = &running {
        let hits = datapath.rule_hits(running.epoch, running.compiled.rules.len())?;
        for (name, traffic) in running.rule_names().zip(hits) {
            *totals.rules.entry(name).or_default() += traffic;
        }
    }
    drop(datapath);
    let verdicts = verdicts.into_iter().map(|count| PortCount {
        port: ports[count.port as usize].name.clone(),
        fate: count.fate.label().to_owned(),
        reason: count.reason.label().to_owned(),
        packets: count.traffic.packets,
        bytes: count.traffic.bytes,
    });
    let rules = totals
        .rules
        .into_iter()
        .map(|((profile, rule), traffic)| RuleCount {
            profile,
            rule,
            packets: traffic.packets,
            bytes: traffic.bytes,
        });
    Ok(Counters {
        ports: verdicts.collect(),
        rules: rules.collect(),
        flows_current: totals.flows_current,
        flows_created: statistics.flows_created,
        flows_expired: totals.flows_expired,
        flows_refused: statistics.flows_refused,
        events_sent: statistics.events_sent,
        events_lost: statistics.events_lost,
        events_suppressed: statistics.events_suppressed,
    })
}

pub(super) fn event(
    engine: &Engine,
    record: &Record,
    payload: Option<&[u8]>,
    time: SystemTime,
) -> Event {
    let running = engine
        .running()
        .filter(|running| running.epoch == record.epoch);
    let device = running
        .as_ref()
        .and_then(|running| running.device(record.device));
    let is_ip = matches!(record.ethertype, ethertype::IPV4 | ethertype::IPV6);
    let address = |ip: Ip| {
        (ip != Ip::UNSPECIFIED || record.ethertype == ethertype::IPV6).then(|| IpAddr::from(ip))
    };
    let has_ports = is_ip && matches!(record.protocol, protocol::TCP | protocol::UDP);
    let has_addresses = is_ip || record.ethertype == ethertype::ARP;
    let is_icmp = is_ip && matches!(record.protocol, protocol::ICMP | protocol::ICMPV6);
    let port = engine.config.ports.get(record.port as usize);
    Event {
        time: humantime::format_rfc3339_micros(time).to_string(),
        port: port.map(|port| port.name.clone()).unwrap_or_default(),
        fate: Fate::ALL
            .get(usize::from(record.fate))
            .map_or("deny", |fate| fate.label())
            .to_owned(),
        reason: Reason::from_number(record.reason)
            .map_or("unknown", Reason::label)
            .to_owned(),
        device: device.map(|device| device.name.clone()),
        profile: device
            .zip(running.as_ref())
            .map(|(device, running)| running.model.profiles[device.profile].name.clone()),
        vlan: record.vlan,
        source_mac: record.source_mac,
        destination_mac: record.destination_mac,
        ethertype: format!("0x{:04x}", record.ethertype),
        source: if has_addresses {
            address(record.source)
        } else {
            None
        },
        destination: if has_addresses {
            address(record.destination)
        } else {
            None
        },
        protocol: is_ip.then(|| protocol_name(record.protocol)),
        source_port: has_ports.then_some(record.source_port),
        destination_port: has_ports.then_some(record.destination_port),
        icmp_type: is_icmp.then_some(record.icmp_type),
        length: record.length,
        signature: running
            .as_ref()
            .and_then(|running| running.signature(record.signature.into()))
            .map(|signature| FoundSignature {
                name: signature.name.to_owned(),
                id: signature.id,
                severity: signature.severity,
                message: signature.message.to_owned(),
                payload: payload.map(hex),
            }),
        said: payload.filter(|_| record.signature == 0).map(hex),
    }
}

fn protocol_name(number: u8) -> String {
    match number {
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::ICMP => "icmp".to_owned(),
        protocol::ICMPV6 => "icmpv6".to_owned(),
        other => other.to_string(),
    }
}

const fn state_name(number: u8) -> &'static str {
    match number {
        state::OPENING => "opening",
        state::ANSWERED => "answered",
        state::ESTABLISHED => "established",
        state::CLOSING => "closing",
        _ => "closed",
    }
}
