//! Metrics of what is recorded of flows, and of what is learned from DNS and DHCP answers.

use anyhow::Result;
use prometheus::Registry;

use super::register::{counter, counter_vec, gauge, seconds};
use crate::daemon::engine::Engine;
use crate::learn::Refusal;

/// What the record of flows costs.
pub(super) fn render_observed(engine: &Engine, registry: &Registry) -> Result<()> {
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
        seconds(registry, name, help, value)?;
    }
    Ok(())
}

/// What is learned from DNS and DHCP answers.
pub(super) fn render_learned(engine: &Engine, registry: &Registry) -> Result<()> {
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
