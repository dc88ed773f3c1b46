//! Flows, as people read them.

use anyhow::Result;
use enforcer_common::flow::{FLAG_INITIATOR_HIGH, Flow as Entry, FlowKey, state};
use enforcer_common::verdict::{Fate, Reason};

use super::protocol_name;
use crate::control::api::Flow;
use crate::daemon::engine::{Engine, Running, monotonic_second};

pub(in crate::daemon) fn flows(engine: &Engine, limit: usize) -> Result<Vec<Flow>> {
    let flows = engine.datapath().flows(limit);
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

const fn state_name(number: u8) -> &'static str {
    match number {
        state::OPENING => "opening",
        state::ANSWERED => "answered",
        state::ESTABLISHED => "established",
        state::CLOSING => "closing",
        _ => "closed",
    }
}
