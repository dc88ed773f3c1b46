//! Adds flows and denials up into rows: what has come since the flow table was
//! looked at last. A flow that is met twice is counted once. Pure.

use std::collections::HashMap;

use enforcer_common::flow::{Flow, FlowKey};

use super::entry::{Entry, Key, of_flow};
use super::epochs::Epochs;

/// What is added to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Addition {
    pub(super) entry: Entry,
    /// Unix time.
    pub(super) first_seen: u32,
    pub(super) last_seen: u32,
    pub(super) flows: u64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// Of flows that an earlier daemon may have counted: added only where there is
    /// no row yet.
    pub(super) carried: [u64; 3],
}

/// Rows to be written.
#[derive(Debug, Default)]
pub(super) struct Additions {
    pub(super) rows: HashMap<Key, Addition>,
    pub(super) unattributed: u64,
}

impl Additions {
    pub(super) fn add(&mut self, addition: Addition) {
        self.rows
            .entry(addition.entry.key)
            .and_modify(|row| {
                // The newer judgement is the one to tell of.
                if addition.last_seen >= row.last_seen {
                    row.entry = addition.entry;
                }
                row.first_seen = row.first_seen.min(addition.first_seen);
                row.last_seen = row.last_seen.max(addition.last_seen);
                row.flows += addition.flows;
                row.packets += addition.packets;
                row.bytes += addition.bytes;
                for (sum, carried) in row.carried.iter_mut().zip(addition.carried) {
                    *sum += carried;
                }
            })
            .or_insert(addition);
    }
}

/// What is known of a flow that was met before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    created: u32,
    packets: u64,
    bytes: u64,
    entry: Option<Entry>,
}

/// The clocks when the flow table was looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Seconds of the monotonic clock, by which flows are dated.
    pub(super) monotonic: u32,
    /// Unix time.
    pub(super) unix: u32,
}

impl Moment {
    /// Unix time of a second of the monotonic clock.
    pub(super) fn unix_of(self, second: u32) -> u32 {
        let age = (self.monotonic.wrapping_sub(second) as i32).max(0) as u32;
        self.unix.saturating_sub(age)
    }
}

/// Adds what flows have carried since they were met last, and returns what is to be
/// remembered of them. Flows that were begun at `carried_until` or before, and that
/// were not met yet, may have been counted by an earlier daemon.
pub(super) fn gather(
    flows: &[(FlowKey, Flow)],
    met: &HashMap<FlowKey, Met>,
    epochs: &Epochs,
    moment: Moment,
    carried_until: Option<u32>,
    additions: &mut Additions,
) -> HashMap<FlowKey, Met> {
    let mut now = HashMap::with_capacity(flows.len());
    for (key, flow) in flows {
        let before = met.get(key).filter(|before| before.created == flow.created);
        let (packets, bytes) = (flow.packets.iter().sum(), flow.bytes.iter().sum());
        let entry = match epochs.get(flow.epoch) {
            Some(epoch) => of_flow(epoch, key, flow),
            // Whoever judged it is forgotten; it goes on where it was.
            None => before.and_then(|before| before.entry),
        };
        now.insert(
            *key,
            Met {
                created: flow.created,
                packets,
                bytes,
                entry,
            },
        );
        let moved =
            before.is_some_and(|before| before.entry.map(|of| of.key) != entry.map(|of| of.key));
        if before.is_some_and(|before| before.packets == packets) && !moved {
            continue;
        }
        let Some(entry) = entry else {
            let forgotten = epochs.get(flow.epoch).is_none();
            additions.unattributed += u64::from(before.is_none() && forgotten);
            continue;
        };
        let carried = before.is_none()
            && carried_until.is_some_and(|until| until.wrapping_sub(flow.created) as i32 >= 0);
        let (known_packets, known_bytes) =
            before.map_or((0, 0), |before| (before.packets, before.bytes));
        let new = [
            // Under another judgement it is a flow of another row.
            u64::from(before.is_none() || moved),
            packets.saturating_sub(known_packets),
            bytes.saturating_sub(known_bytes),
        ];
        let first = if before.is_none() {
            flow.created
        } else {
            flow.last_seen
        };
        let [flows, packets, bytes] = if carried { [0; 3] } else { new };
        additions.add(Addition {
            entry,
            first_seen: moment.unix_of(first),
            last_seen: moment.unix_of(flow.last_seen),
            flows,
            packets,
            bytes,
            carried: if carried { new } else { [0; 3] },
        });
    }
    now
}

#[cfg(test)]
mod tests;
