//! `/metrics`: what is counted, in Prometheus' text form. Label sets are bounded:
//! ports, reasons, profiles and rules; never devices.

mod learning;
mod policy;
mod ports;
mod register;

use anyhow::Result;
use enforcer_common::limits;
use prometheus::{Encoder as _, Registry, TextEncoder};

use self::register::{counter, counter_vec, gauge, gauge_vec};
use super::engine::Engine;
use super::views;
use crate::policy::describe;

/// The page that Prometheus scrapes. Made anew each time from the kernel's own
/// counters, so that a restart of the daemon loses nothing.
pub(super) fn render(engine: &Engine) -> Result<String> {
    let registry = Registry::new();
    let counters = views::counters(engine)?;

    let labels = ["port", "verdict", "reason"];
    let packets = counter_vec(
        &registry,
        "enforcer_packets_total",
        "Frames judged.",
        &labels,
    )?;
    let bytes = counter_vec(
        &registry,
        "enforcer_bytes_total",
        "Bytes of the frames judged.",
        &labels,
    )?;
    for count in &counters.ports {
        let labels = [
            count.port.as_str(),
            count.fate.as_str(),
            count.reason.as_str(),
        ];
        packets.with_label_values(&labels).inc_by(count.packets);
        bytes.with_label_values(&labels).inc_by(count.bytes);
    }
    let labels = ["profile", "rule"];
    let packets = counter_vec(
        &registry,
        "enforcer_rule_packets_total",
        "Frames that a rule allowed.",
        &labels,
    )?;
    let bytes = counter_vec(
        &registry,
        "enforcer_rule_bytes_total",
        "Bytes that a rule allowed.",
        &labels,
    )?;
    for count in &counters.rules {
        let labels = [count.profile.as_str(), count.rule.as_str()];
        packets.with_label_values(&labels).inc_by(count.packets);
        bytes.with_label_values(&labels).inc_by(count.bytes);
    }

    gauge(
        &registry,
        "enforcer_flows",
        "Flows remembered, at the last sweep.",
        counters.flows_current,
    )?;
    for (name, help, value) in [
        (
            "enforcer_flows_created_total",
            "Flows begun.",
            counters.flows_created,
        ),
        (
            "enforcer_flows_expired_total",
            "Flows forgotten because they were idle.",
            counters.flows_expired,
        ),
        (
            "enforcer_flows_refused_total",
            "Flows refused for want of budget, or of a place that no other CPU was at.",
            counters.flows_refused,
        ),
        (
            "enforcer_flows_displaced_total",
            "Flows not known to both ends, or closed, that made room for new ones.",
            counters.flows_displaced,
        ),
        (
            "enforcer_flows_evicted_total",
            "Flows known to both ends that made room for new ones.",
            counters.flows_evicted,
        ),
        (
            "enforcer_events_sent_total",
            "Events sent to the daemon.",
            counters.events_sent,
        ),
        (
            "enforcer_events_lost_total",
            "Events lost because the buffer was full.",
            counters.events_lost,
        ),
        (
            "enforcer_events_suppressed_total",
            "Events beyond their device's budget.",
            counters.events_suppressed,
        ),
    ] {
        counter(&registry, name, help, value)?;
    }
    render_signatures(engine, &registry)?;
    ports::render_tags(engine, &registry)?;
    ports::render_forwarding(engine, &registry, &counters)?;
    policy::render_policy(engine, &registry)?;
    learning::render_observed(engine, &registry)?;
    learning::render_learned(engine, &registry)?;
    render_maps(engine, &registry, counters.flows_current)?;
    let info = gauge_vec(
        &registry,
        "enforcer_build_info",
        "Version of the daemon.",
        &["version"],
    )?;
    info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);

    let mut page = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut page)?;
    Ok(String::from_utf8(page)?)
}

/// Signatures of the policy in force.
fn render_signatures(engine: &Engine, registry: &Registry) -> Result<()> {
    let Some(running) = engine.running() else {
        return Ok(());
    };
    let packets = counter_vec(
        registry,
        "enforcer_signature_packets_total",
        "Packets in which a signature was found.",
        &["signature", "id", "severity"],
    )?;
    for signature in views::signatures(engine, &running)?.signatures {
        let id = signature.id.to_string();
        let severity = describe::severity(signature.severity);
        packets
            .with_label_values(&[signature.name.as_str(), &id, severity])
            .inc_by(signature.packets);
    }
    Ok(())
}

/// How full the maps are.
fn render_maps(engine: &Engine, registry: &Registry, flows: u64) -> Result<()> {
    let used = gauge_vec(
        registry,
        "enforcer_map_entries",
        "Entries in use.",
        &["map"],
    )?;
    let room = gauge_vec(
        registry,
        "enforcer_map_capacity",
        "Entries that fit.",
        &["map"],
    )?;
    let capacity = engine.config.capacity();
    let (lines, devices, rules) = engine.running().map_or((0, 0, 0), |running| {
        (
            running.compiled.lines.len(),
            running.model.devices.len(),
            running.compiled.rules.len(),
        )
    });
    for (map, entries, limit) in [
        ("policy_lines", lines as i64, capacity.policy_lines),
        ("devices", devices as i64, limits::DEVICES),
        ("rules", rules as i64, limits::RULES),
        ("flows", flows as i64, capacity.flow_places()),
    ] {
        used.with_label_values(&[map]).set(entries);
        room.with_label_values(&[map]).set(i64::from(limit));
    }
    Ok(())
}
