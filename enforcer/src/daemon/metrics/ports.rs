//! Metrics of the ports: what is known of their tags, and the ways that frames take.

use anyhow::Result;
use enforcer_common::verdict::Fate;
use prometheus::Registry;

use super::register::{counter, counter_vec, gauge_vec};
use crate::control::api::{Counters, Path, VlanTags};
use crate::daemon::engine::Engine;

/// What the self-test of each port came to.
pub(super) fn render_tags(engine: &Engine, registry: &Registry) -> Result<()> {
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
pub(super) fn render_forwarding(
    engine: &Engine,
    registry: &Registry,
    counters: &Counters,
) -> Result<()> {
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
