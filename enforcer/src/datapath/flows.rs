//! The flow table: listing it, and forgetting what has been idle for too long.
//! The kernel half ignores idle flows by itself, and gives their places away; sweeping counts
//! them, and keeps the listing short.

use anyhow::{Context as _, Result, ensure};
use aya::maps::{HashMap, MapData};
use enforcer_common::flow::{Flow, FlowKey, idle_timeout};
use enforcer_common::flow_table::Outcome;
use enforcer_common::stream::Stream;
use enforcer_common::table::Settings;

use super::Datapath;

/// Seconds that an idle flow is kept beyond its timeout, for clocks that differ.
const SLACK: u32 = 10;

/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    pub current: u64,
    pub expired: u64,
}

impl Datapath {
    /// The flows, in no particular order; at most `limit`.
    pub fn flows(&self, limit: usize) -> Vec<(FlowKey, Flow)> {
        let stored = self.flow_table.iter().take(limit);
        let mut flows: Vec<_> = stored.map(|stored| (stored.key, stored.flow)).collect();
        self.cache.complete_all(&mut flows);
        flows
    }

    /// How many flows are remembered now.
    pub fn count_flows(&self) -> u64 {
        self.flow_table.count()
    }

    /// Forgets flows that have been idle for too long at `second` of the monotonic clock.
    ///
    /// # Errors
    /// When the ports cannot be read.
    pub fn sweep(&mut self, settings: &Settings, second: u32) -> Result<Sweep> {
        self.sweep_and_list(settings, second)
            .map(|(sweep, _)| sweep)
    }

    /// The same; the flows as they were before any was forgotten.
    ///
    /// # Errors
    /// When the ports cannot be read.
    pub fn sweep_and_list(
        &mut self,
        settings: &Settings,
        second: u32,
    ) -> Result<(Sweep, Vec<(FlowKey, Flow)>)> {
        let interfaces = self.interfaces()?;
        let (mut flows, mut expired) = (Vec::new(), Vec::new());
        for stored in self.flow_table.iter() {
            let (key, flow) = (stored.key, stored.flow);
            let timeout = idle_timeout(settings, key.protocol, flow.state).saturating_add(SLACK);
            let idle = second.wrapping_sub(flow.last_seen) as i32;
            // One that was begun anew since it was read stays.
            if idle > timeout as i32 && self.flow_table.forget(&stored) {
                expired.push(key);
            }
            flows.push((key, flow));
        }
        self.cache.complete_all(&mut flows);
        for key in &expired {
            self.cache.forget(key, &interfaces);
        }
        if !expired.is_empty() {
            self.memory.touch();
        }
        let sweep = Sweep {
            current: (flows.len() - expired.len()) as u64,
            expired: expired.len() as u64,
        };
        Ok((sweep, flows))
    }

    /// Writes a flow; for tests of ageing, whose clock cannot be moved.
    ///
    /// # Errors
    /// When the table takes it not.
    pub fn put_flow(&mut self, key: &FlowKey, flow: &Flow) -> Result<()> {
        let settings = self.memory.settings().unwrap_or_default();
        let seen = u64::from(flow.last_seen) * SECOND;
        let outcome = self.flow_table.put(&settings, key, flow, seen);
        ensure!(outcome != Outcome::Refused, "the flow table takes no flow");
        self.memory.touch();
        Ok(())
    }

    /// The flow under a key.
    ///
    /// # Errors
    /// When the ports cannot be read.
    pub fn flow(&self, key: &FlowKey) -> Result<Option<Flow>> {
        let Some(mut flow) = self.flow_table.get(key) else {
            return Ok(None);
        };
        self.cache.complete(key, &mut flow, &self.interfaces()?);
        Ok(Some(flow))
    }

    /// What is kept of a connection whose bytes are looked at.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn stream(&self, key: &FlowKey) -> Result<Option<Stream>> {
        let map: HashMap<&MapData, FlowKey, Stream> = self
            .ebpf
            .map("STREAMS")
            .context("the object holds no map STREAMS")?
            .try_into()?;
        match map.get(key, 0) {
            Ok(stream) => Ok(Some(stream)),
            Err(aya::maps::MapError::KeyNotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
