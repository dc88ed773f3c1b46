//! The compiled kernel half, embedded, and how it is brought into the kernel.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use aya::{Ebpf, EbpfLoader};
use nix::time::{ClockId, clock_getres};

use super::Capacity;

/// Name of the program in the object.
pub const PROGRAM: &str = "enforcer";

/// Maps that are pinned: all but the scratch of the decision and of a port's trial.
pub const PINNED_MAPS: [&str; 28] = [
    "POLICY",
    "AUTOMATA",
    "CONTROL",
    "PORTS",
    "FLOWS",
    "FLOW_SEED",
    "CACHE",
    "FRAGMENTS",
    "LEARNED",
    "RATES",
    "THRESHOLDS",
    "SEEN",
    "STREAMS",
    "SIGNATURES",
    "LESSONS",
    "VERDICTS",
    "RULES",
    "STATISTICS",
    "BUDGETS",
    "EVENTS",
    "ADDRESSES",
    "EXITS",
    "DEVICES",
    "RESERVED",
    "REDIRECTED",
    "KNOWN_DEVICES",
    "TRIED",
    "TRIALS",
];

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/enforcer"));

/// What a map is, as far as taking one over goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub kind: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
}

pub(super) fn load(capacity: Capacity, pins: Option<&Path>) -> Result<Ebpf> {
    let mut loader = EbpfLoader::new();
    for (map, entries) in capacities(capacity) {
        loader.map_max_entries(map, entries);
    }
    let mask = capacity.cache_per_cpu() - 1;
    loader.override_global("CACHE_MASK", &mask, true);
    let tick = tick()?;
    loader.override_global("TICK", &tick, true);
    if let Some(directory) = pins {
        for map in PINNED_MAPS {
            loader.map_pin_path(map, directory.join(map));
        }
    }
    loader.load(OBJECT).context("the kernel refused the maps")
}

/// The shapes of the maps that [`load`] makes.
pub(super) fn shapes(capacity: Capacity) -> Result<BTreeMap<String, Shape>> {
    let object = aya_obj::Object::parse(OBJECT).context("cannot read the embedded object")?;
    let sized: BTreeMap<&str, u32> = capacities(capacity).into();
    let shapes = object.maps.iter().map(|(name, map)| {
        let max_entries = sized
            .get(name.as_str())
            .copied()
            .unwrap_or_else(|| map.max_entries());
        let shape = Shape {
            kind: map.map_type(),
            key_size: map.key_size(),
            value_size: map.value_size(),
            max_entries,
        };
        (name.clone(), shape)
    });
    Ok(shapes.collect())
}

fn capacities(capacity: Capacity) -> [(&'static str, u32); 4] {
    [
        ("CACHE", capacity.cache_per_cpu() * cpus()),
        ("POLICY", 2 * capacity.policy_lines),
        ("FLOWS", capacity.flow_sets()),
        ("STREAMS", capacity.streams),
    ]
}

/// CPUs that there may be, so that each has entries of its own.
pub(super) fn cpus() -> u32 {
    aya::util::nr_cpus().map_or(1, |cpus| cpus as u32)
}

/// Nanoseconds in a tick of the kernel's clock, by which its coarse clocks move on.
fn tick() -> Result<u32> {
    let resolution = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE)
        .context("the kernel does not tell how often its clock ticks")?;
    u32::try_from(resolution.tv_nsec())
        .ok()
        .filter(|tick| *tick != 0)
        .context("the kernel's clock has a tick of no length")
}
