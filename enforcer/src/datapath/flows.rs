//! The flow table: listing it, and forgetting what has been idle for too long.
//! The kernel half ignores idle flows by itself; sweeping frees their places.

use anyhow::{Context as _, Result};
use aya::maps::{HashMap, MapData};
use enforcer_common::flow::{Flow, FlowKey, idle_timeout};
use enforcer_common::stream::Stream;
use enforcer_common::table::Settings;

use super::Datapath;

/// Seconds that an idle flow is kept beyond its timeout, for clocks that differ.
const SLACK: u32 = 10;

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    pub current: u64,
    pub expired: u64,
}

impl Datapath {
    /// The flows, in no particular order; at most `limit`.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn flows(&self, limit: usize) -> Result<Vec<(FlowKey, Flow)>> {
        let map: HashMap<&MapData, FlowKey, Flow> = self
            .ebpf
            .map("FLOWS")
            .context("the object holds no map FLOWS")?
            .try_into()?;
        // A flow that ends while the table is walked is left out.
        let mut flows: Vec<_> = map.iter().take(limit).filter_map(Result::ok).collect();
        self.cache.complete_all(&mut flows);
        Ok(flows)
    }

    /// How many flows are remembered now.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn count_flows(&self) -> Result<u64> {
        let map: HashMap<&MapData, FlowKey, Flow> = self
            .ebpf
            .map("FLOWS")
            .context("the object holds no map FLOWS")?
            .try_into()?;
        // Half the work of `flows`: no entry is read. Keys that come and go meanwhile
        // could make the walk begin anew without end.
        let most = 2 * self.capacity.flows as usize;
        Ok(map.keys().take(most).filter(Result::is_ok).count() as u64)
    }

    /// Forgets flows that have been idle for too long at `second` of the monotonic clock.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn sweep(&mut self, settings: &Settings, second: u32) -> Result<Sweep> {
        self.sweep_and_list(settings, second)
            .map(|(sweep, _)| sweep)
    }

    /// The same; the flows as they were before any was forgotten.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn sweep_and_list(
        &mut self,
        settings: &Settings,
        second: u32,
    ) -> Result<(Sweep, Vec<(FlowKey, Flow)>)> {
        let flows = self.flows(2 * self.capacity.flows as usize)?;
        let interfaces = self.interfaces()?;
        let map = self
            .ebpf
            .map_mut("FLOWS")
            .context("the object holds no map FLOWS")?;
        let mut map: HashMap<_, FlowKey, Flow> = map.try_into()?;
        let mut sweep = Sweep::default();
        for (key, flow) in &flows {
            let timeout = idle_timeout(settings, key.protocol, flow.state).saturating_add(SLACK);
            let idle = second.wrapping_sub(flow.last_seen) as i32;
            // A packet may have begun the flow anew since the table was read.
            let unchanged =
                || matches!(map.get(key, 0), Ok(now) if now.last_seen == flow.last_seen);
            if idle > timeout as i32 && unchanged() && map.remove(key).is_ok() {
                self.cache.forget(key, &interfaces);
                sweep.expired += 1;
            } else {
                sweep.current += 1;
            }
        }
        if sweep.expired != 0 {
            self.memory.touch();
        }
        Ok((sweep, flows))
    }

    /// Writes a flow; for tests of ageing, whose clock cannot be moved.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn put_flow(&mut self, key: &FlowKey, flow: &Flow) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("FLOWS")
            .context("the object holds no map FLOWS")?;
        let mut map: HashMap<_, FlowKey, Flow> = map.try_into()?;
        map.insert(key, flow, 0)?;
        self.memory.touch();
        Ok(())
    }

    /// The flow under a key.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn flow(&self, key: &FlowKey) -> Result<Option<Flow>> {
        let map: HashMap<&MapData, FlowKey, Flow> = self
            .ebpf
            .map("FLOWS")
            .context("the object holds no map FLOWS")?
            .try_into()?;
        match map.get(key, 0) {
            Ok(mut flow) => {
                self.cache.complete(key, &mut flow, &self.interfaces()?);
                Ok(Some(flow))
            }
            Err(aya::maps::MapError::KeyNotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
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
