//! Counters, read and summed over CPUs.

use anyhow::{Context as _, Result};
use aya::maps::{MapData, PerCpuArray};
use enforcer_common::counter::{
    self, Redirected, Statistic, Traffic, fast_index, signature_index, tagged_index, verdict_index,
};
use enforcer_common::limits;
use enforcer_common::verdict::{Fate, Reason};

use super::Datapath;

/// Frames with one verdict on one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictCount {
    /// Place of the port in the configuration.
    pub port: u32,
    pub fate: Fate,
    pub reason: Reason,
    pub traffic: Traffic,
}

/// What the enforcer counts of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    pub flows_created: u64,
    pub flows_refused: u64,
    /// Flows not, or not yet, known to both ends, or closed, which made room for new ones.
    pub flows_displaced: u64,
    /// Flows known to both ends that did.
    pub flows_evicted: u64,
    pub events_sent: u64,
    pub events_lost: u64,
    pub events_suppressed: u64,
    pub lessons_lost: u64,
    /// Frames for another port whose device was not known.
    pub ways_missing: u64,
}

impl Datapath {
    /// Frames by port, fate and reason; combinations that never occurred are left out.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub fn verdicts(&self, ports: u32) -> Result<Vec<VerdictCount>> {
        let map: PerCpuArray<&MapData, Traffic> = self.counters("VERDICTS")?;
        let mut counts = Vec::new();
        for port in 0..ports {
            for fate in Fate::ALL {
                for &reason in Reason::ALL {
                    let traffic = sum(&map, verdict_index(port, fate, reason))?;
                    if traffic.packets > 0 {
                        counts.push(VerdictCount {
                            port,
                            fate,
                            reason,
                            traffic,
                        });
                    }
                }
            }
        }
        Ok(counts)
    }

    /// Frames by rule number less one, of the policy with this epoch.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub fn rule_hits(&self, epoch: u32, rules: usize) -> Result<Vec<Traffic>> {
        let map: PerCpuArray<&MapData, Traffic> = self.counters("RULES")?;
        let first = half_of_rules(epoch) + 1;
        (first..)
            .take(rules)
            .map(|index| sum(&map, index))
            .collect()
    }

    /// Sets the rule counters of an epoch that is not in force back to zero.
    ///
    /// # Errors
    /// When a map cannot be written.
    pub fn clear_rule_hits(&mut self, epoch: u32, rules: usize) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("RULES")
            .context("the object holds no map RULES")?;
        let mut map: PerCpuArray<_, Traffic> = map.try_into()?;
        let zero = vec![Traffic::default(); aya::util::nr_cpus().map_err(|(_, error)| error)?];
        let first = half_of_rules(epoch) + 1;
        for index in (first..).take(rules) {
            map.set(index, zero.clone().try_into()?, 0)?;
        }
        Ok(())
    }

    /// Packets in which each of these signatures was found, by their numbers, of the policy
    /// with this epoch.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub fn signature_hits(&self, epoch: u32, numbers: &[u32]) -> Result<Vec<u64>> {
        let map: PerCpuArray<&MapData, u64> = self.counters("SIGNATURES")?;
        let of = |number: &u32| Ok(map.get(&signature_index(epoch, *number), 0)?.iter().sum());
        numbers.iter().map(of).collect()
    }

    /// Sets the counters of the signatures of an epoch that is not in force back to zero.
    ///
    /// # Errors
    /// When a map cannot be written.
    pub fn clear_signature_hits(&mut self, epoch: u32, numbers: &[u32]) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("SIGNATURES")
            .context("the object holds no map SIGNATURES")?;
        let mut map: PerCpuArray<_, u64> = map.try_into()?;
        let zero = vec![0; aya::util::nr_cpus().map_err(|(_, error)| error)?];
        for number in numbers {
            map.set(signature_index(epoch, *number), zero.clone().try_into()?, 0)?;
        }
        Ok(())
    }

    /// What the enforcer counts of itself.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub fn statistics(&self) -> Result<Statistics> {
        let map: PerCpuArray<&MapData, u64> = self.counters("STATISTICS")?;
        let read = |statistic: Statistic| -> Result<u64> {
            Ok(map.get(&(statistic as u32), 0)?.iter().sum())
        };
        Ok(Statistics {
            flows_created: read(Statistic::FlowsCreated)?,
            flows_refused: read(Statistic::FlowsRefused)?,
            flows_displaced: read(Statistic::FlowsDisplaced)?,
            flows_evicted: read(Statistic::FlowsEvicted)?,
            events_sent: read(Statistic::EventsSent)?,
            events_lost: read(Statistic::EventsLost)?,
            events_suppressed: read(Statistic::EventsSuppressed)?,
            lessons_lost: read(Statistic::LessonsLost)?,
            ways_missing: read(Statistic::WaysMissing)?,
        })
    }

    /// Frames of a port in which the program saw a VLAN tag.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub fn tagged(&self, port: u32) -> Result<u64> {
        let map: PerCpuArray<&MapData, u64> = self.counters("STATISTICS")?;
        Ok(map.get(&tagged_index(port), 0)?.iter().sum())
    }

    /// Frames of a port that went straight to another one.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub fn fast(&self, port: u32) -> Result<u64> {
        let map: PerCpuArray<&MapData, u64> = self.counters("STATISTICS")?;
        Ok(map.get(&fast_index(port), 0)?.iter().sum())
    }

    /// What became of frames that went straight to a port.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub fn redirected(&self, port: u32) -> Result<Redirected> {
        let map: PerCpuArray<&MapData, Redirected> = self.counters("REDIRECTED")?;
        let mut total = Redirected::default();
        for one in map.get(&port, 0)?.iter() {
            total.sent += one.sent;
            total.dropped += one.dropped;
            total.refused += one.refused;
        }
        Ok(total)
    }

    fn counters<V: aya::Pod>(&self, name: &str) -> Result<PerCpuArray<&MapData, V>> {
        let map = self
            .ebpf
            .map(name)
            .with_context(|| format!("the object holds no map {name}"))?;
        Ok(map.try_into()?)
    }
}

fn half_of_rules(epoch: u32) -> u32 {
    (epoch & 1) * (limits::RULES + 1)
}

fn sum(map: &PerCpuArray<&MapData, Traffic>, index: u32) -> Result<counter::Traffic> {
    let mut total = Traffic::default();
    for traffic in map.get(&index, 0)?.iter() {
        total += *traffic;
    }
    Ok(total)
}
