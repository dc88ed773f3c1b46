//! Metrics of the policy in force, of what stands beside it, and of how it came.

use anyhow::Result;
use prometheus::Registry;

use super::register::{counter_vec, gauge, gauge_vec, seconds};
use crate::daemon::engine::Engine;

pub(super) fn render_policy(engine: &Engine, registry: &Registry) -> Result<()> {
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
    seconds(
        registry,
        "enforcer_policy_apply_seconds",
        "Time that the last apply took.",
        totals.last_apply_seconds,
    )
}
