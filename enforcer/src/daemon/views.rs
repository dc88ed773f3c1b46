//! What the datapath holds, in the words of the control API.

mod event;
mod flow;
mod signatures;
mod status;

use anyhow::Result;
use enforcer_common::flow::protocol;

use super::engine::{Engine, Running};
use crate::control::api::{Counters, Device, PortCount, Rule, RuleCount};
use crate::policy::describe;
use crate::policy::model::Direction;
pub(super) use event::event;
pub(super) use flow::flows;
pub(super) use signatures::signatures;
pub(super) use status::status;

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
        flows_displaced: statistics.flows_displaced,
        flows_evicted: statistics.flows_evicted,
        events_sent: statistics.events_sent,
        events_lost: statistics.events_lost,
        events_suppressed: statistics.events_suppressed,
    })
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
