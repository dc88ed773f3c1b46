//! `/metrics`: what is counted, in Prometheus' text form. Label sets are bounded:
//! ports, reasons, profiles and rules; never devices.

use anyhow::Result;
use prometheus::{
    Encoder as _, Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use super::engine::Engine;
use super::views;
use crate::control::api::{Counters, Path, VlanTags};
use crate::learn::Refusal;
use crate::policy::describe;
use enforcer_common::limits;
use enforcer_common::verdict::Fate;

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
            "Flows refused for want of budget or room.",
            counters.flows_refused,
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
    render_tags(engine, &registry)?;
    render_forwarding(engine, &registry, &counters)?;
    render_policy(engine, &registry)?;
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

/// What the self-test of each port came to.
fn render_tags(engine: &Engine, registry: &Registry) -> Result<()> {
    let tags = gauge_vec(
        registry,
        "enforcer_port_vlan_tags",
        "1 for what is known of the VLAN tags of a port's frames.",
        &["port", "state"],
    )?;
    for (port, place) in engine.config.ports.iter().zip(0..) {
        let known = engine.tags.of(place);
        for state in VlanTags::ALL {
            tags.with_label_values(&[port.name.as_str(), state.label()])
                .set((state == known).into());
        }
    }
    Ok(())
}

/// The ways that frames take, and what became of those past the bridge.
fn render_forwarding(engine: &Engine, registry: &Registry, counters: &Counters) -> Result<()> {
    let fast = gauge_vec(
        registry,
        "enforcer_port_fast",
        "1 where frames that pass go straight from port to port, 0 where the bridge forwards.",
        &["port"],
    )?;
    let forwarded = counter_vec(
        registry,
        "enforcer_forwarded_total",
        "Frames that passed, by the way that they took.",
        &["port", "path"],
    )?;
    let redirected = counter_vec(
        registry,
        "enforcer_redirected_total",
        "Frames past the bridge, by the port that they were to leave by.",
        &["port", "outcome"],
    )?;
    for (port, place) in engine.config.ports.iter().zip(0..) {
        let name = port.name.as_str();
        let (path, _) = engine.forwarding.of(place);
        fast.with_label_values(&[name])
            .set((path == Path::Fast).into());
        let datapath = engine.datapath();
        let (straight, ways) = (datapath.fast(place)?, datapath.redirected(place)?);
        drop(datapath);
        let passed = counters
            .ports
            .iter()
            .filter(|count| count.port == port.name && count.fate != Fate::Deny.label());
        let passed: u64 = passed.map(|count| count.packets).sum();
        for (path, frames) in [
            (Path::Fast, straight),
            // Counted later than the sum.
            (Path::Bridge, passed.saturating_sub(straight)),
        ] {
            forwarded
                .with_label_values(&[name, path.label()])
                .inc_by(frames);
        }
        for (outcome, frames) in [
            ("sent", ways.sent),
            ("dropped", ways.dropped),
            ("refused", ways.refused),
        ] {
            redirected
                .with_label_values(&[name, outcome])
                .inc_by(frames);
        }
    }
    let missing = engine.datapath().statistics()?.ways_missing;
    counter(
        registry,
        "enforcer_ways_missing_total",
        "Frames for another port whose device was not known; the bridge got them.",
        missing,
    )
}

fn render_policy(engine: &Engine, registry: &Registry) -> Result<()> {
    let epoch = engine.datapath().memory.epoch();
    gauge(
        registry,
        "enforcer_policy_epoch",
        "Epoch of the policy in force, 0 for none.",
        u64::from(epoch),
    )?;
    if let Some(running) = engine.running() {
        let info = gauge_vec(
            registry,
            "enforcer_policy_info",
            "The policy in force.",
            &["hash"],
        )?;
        info.with_label_values(&[&running.hash]).set(1);
        let count =
            |name: &str, help: &str, value: usize| gauge(registry, name, help, value as u64);
        count(
            "enforcer_policy_devices",
            "Devices in the policy in force.",
            running.model.devices.len(),
        )?;
        count(
            "enforcer_policy_profiles",
            "Profiles in the policy in force.",
            running.model.profiles.len(),
        )?;
        count(
            "enforcer_policy_rules",
            "Rules in the policy in force.",
            running.compiled.rules.len(),
        )?;
    }
    gauge(
        registry,
        "enforcer_clock_behind_seconds",
        "Seconds that the wall clock is behind policy time.",
        engine.clock_behind().into(),
    )?;
    gauge(
        registry,
        "enforcer_exceptions",
        "Devices in quarantine and profiles opened by break-glass.",
        engine.exceptions()?.len() as u64,
    )?;
    gauge(
        registry,
        "enforcer_policy_on_trial",
        "1 while the policy in force awaits confirmation.",
        engine.trial_status().is_some().into(),
    )?;
    render_observed(engine, registry)?;
    render_learned(engine, registry)?;
    let totals = engine.totals();
    let applies = counter_vec(
        registry,
        "enforcer_policy_applies_total",
        "Policies received.",
        &["result"],
    )?;
    applies
        .with_label_values(&["applied"])
        .inc_by(totals.applied);
    applies
        .with_label_values(&["refused"])
        .inc_by(totals.refused);
    let duration = Gauge::new(
        "enforcer_policy_apply_seconds",
        "Time that the last apply took.",
    )?;
    duration.set(totals.last_apply_seconds);
    registry.register(Box::new(duration))?;
    Ok(())
}

/// What the record of flows costs.
fn render_observed(engine: &Engine, registry: &Registry) -> Result<()> {
    let observed = engine.totals().observed;
    for (name, help, value) in [
        (
            "enforcer_observations_written_total",
            "Rows of the record of flows made or changed.",
            observed.rows,
        ),
        (
            "enforcer_observations_overflow_total",
            "Flows that found no room in the record.",
            observed.overflow,
        ),
        (
            "enforcer_observations_failures_total",
            "Looks at the flow table that could not be recorded.",
            observed.failures,
        ),
    ] {
        counter(registry, name, help, value)?;
    }
    for (name, help, value) in [
        (
            "enforcer_observations_seconds",
            "Time that the last look at the flow table took.",
            observed.seconds,
        ),
        (
            "enforcer_observations_writing_seconds",
            "Time of it in which the record was written, and no table was held.",
            observed.writing_seconds,
        ),
    ] {
        let duration = Gauge::new(name, help)?;
        duration.set(value);
        registry.register(Box::new(duration))?;
    }
    Ok(())
}

/// What is learned from DNS and DHCP answers.
fn render_learned(engine: &Engine, registry: &Registry) -> Result<()> {
    let counts = engine.learning.counts();
    let lost = engine.datapath().statistics()?.lessons_lost;
    for (name, help, value) in [
        (
            "enforcer_lessons_total",
            "DNS and DHCP frames that were looked at to learn from.",
            counts.lessons,
        ),
        (
            "enforcer_lessons_lost_total",
            "Such frames that were lost because the buffer was full.",
            lost,
        ),
        (
            "enforcer_lessons_taught_total",
            "Such frames that taught an address.",
            counts.taught,
        ),
        (
            "enforcer_lessons_outdated_total",
            "Such frames that a policy judged which is no longer known.",
            counts.outdated,
        ),
    ] {
        counter(registry, name, help, value)?;
    }
    gauge(
        registry,
        "enforcer_learned",
        "Addresses of names and of devices that hold now.",
        counts.known,
    )?;
    let refused = counter_vec(
        registry,
        "enforcer_lessons_refused_total",
        "Such frames that taught nothing, by reason.",
        &["reason"],
    )?;
    for refusal in Refusal::ALL {
        let count = counts.refused.get(&refusal).copied().unwrap_or_default();
        refused.with_label_values(&[refusal.label()]).inc_by(count);
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
        ("flows", flows as i64, capacity.flows),
    ] {
        used.with_label_values(&[map]).set(entries);
        room.with_label_values(&[map]).set(i64::from(limit));
    }
    Ok(())
}

fn counter(registry: &Registry, name: &str, help: &str, value: u64) -> Result<()> {
    let counter = IntCounter::new(name, help)?;
    counter.inc_by(value);
    Ok(registry.register(Box::new(counter))?)
}

fn gauge(registry: &Registry, name: &str, help: &str, value: u64) -> Result<()> {
    let gauge = IntGauge::new(name, help)?;
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    Ok(registry.register(Box::new(gauge))?)
}

fn counter_vec(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec> {
    let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(counters.clone()))?;
    Ok(counters)
}

fn gauge_vec(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
    let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}
