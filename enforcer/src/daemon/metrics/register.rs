//! Metrics of one value or of several labels, made known to the page's registry.

use anyhow::Result;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

pub(super) fn counter(registry: &Registry, name: &str, help: &str, value: u64) -> Result<()> {
    let counter = IntCounter::new(name, help)?;
    counter.inc_by(value);
    Ok(registry.register(Box::new(counter))?)
}

pub(super) fn gauge(registry: &Registry, name: &str, help: &str, value: u64) -> Result<()> {
    let gauge = IntGauge::new(name, help)?;
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    Ok(registry.register(Box::new(gauge))?)
}

pub(super) fn seconds(registry: &Registry, name: &str, help: &str, value: f64) -> Result<()> {
    let gauge = Gauge::new(name, help)?;
    gauge.set(value);
    Ok(registry.register(Box::new(gauge))?)
}

pub(super) fn counter_vec(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec> {
    let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(counters.clone()))?;
    Ok(counters)
}

pub(super) fn gauge_vec(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec> {
    let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}
