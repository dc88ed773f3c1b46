//! A table in ordinary memory.

use std::sync::atomic::{AtomicU64, Ordering};

use enforcer_common::addr::{Ip, Vlan};
use enforcer_common::flow::{Flow, FlowKey, LiveFlow, protocol, state};
use enforcer_common::flow_table::{
    self, Memory, NOWHERE, Outcome, Seed, Set, Stored, WAYS, find, forget, insert, note,
};
use enforcer_common::shared::Word;
use enforcer_common::table::Settings;

pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const SETTINGS: Settings = Settings {
    tcp_opening: 10,
    tcp_established: 7500,
    tcp_closing: 20,
    udp: 60,
    icmp: 5,
    other: 30,
    unknown_profile: 0,
    broadcast_profile: 0,
    mode: 0,
    control_frames: 0,
    new_flows_per_second: 0,
    events_per_second: 0,
    tolerance: 0,
    opened: 0,
    learning: 0,
    inspection: 0,
};

pub(crate) struct Table {
    pub(crate) seed: Seed,
    sets: Vec<Set>,
}

impl Table {
    pub(crate) fn new(sets: usize, salt: u64) -> Self {
        Self {
            seed: seed(sets, salt),
            sets: std::iter::repeat_with(Set::default).take(sets).collect(),
        }
    }

    pub(crate) fn put(&self, key: &FlowKey, flow: &Flow, now: u64) -> Outcome {
        insert(self, &SETTINGS, key, flow, now, &Word::default())
    }

    pub(crate) fn flow(&self, key: &FlowKey) -> Option<&LiveFlow> {
        flow_table::at(self, find(self, key))
    }

    pub(crate) fn set_of(&self, key: &FlowKey) -> Option<u32> {
        let place = find(self, key);
        (place != NOWHERE).then_some(place / WAYS as u32)
    }

    pub(crate) fn note(&self, key: &FlowKey, now: u64) {
        if let Some(flow) = self.flow(key) {
            note(self, key.protocol, flow, now);
        }
    }

    pub(crate) fn stored(&self) -> Vec<Stored> {
        let ways = |set: &'_ Set| -> Vec<_> { (0..WAYS).filter_map(|way| set.read(way)).collect() };
        self.sets.iter().flat_map(ways).collect()
    }

    pub(crate) fn forget(&self, stored: &Stored) -> bool {
        forget(self, stored)
    }

    pub(crate) fn loads(&self) -> impl Iterator<Item = usize> {
        self.sets.iter().map(Set::count)
    }
}

impl Memory for Table {
    fn seed(&self) -> Option<&Seed> {
        Some(&self.seed)
    }

    fn set(&self, number: u32) -> Option<&Set> {
        self.sets.get(number as usize)
    }

    fn exchange(&self, word: &Word, before: u64, after: u64) -> u64 {
        // SAFETY: the word is valid and aligned, and is written by whole words alone.
        let word = unsafe { AtomicU64::from_ptr(word.as_ptr()) };
        let result = word.compare_exchange(before, after, Ordering::SeqCst, Ordering::SeqCst);
        result.unwrap_or_else(|found| found)
    }
}

/// Numbers that look drawn (splitmix64).
pub(crate) fn seed(sets: usize, salt: u64) -> Seed {
    let mut state = salt;
    let mut seed = Seed {
        sets: sets as u64,
        ..Seed::default()
    };
    for number in &mut seed.numbers {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        *number = mixed ^ (mixed >> 31);
    }
    seed
}

/// The key of a client's flow to a server, by number.
pub(crate) fn key(number: u32, protocol: u8) -> FlowKey {
    let mut key = FlowKey::EMPTY;
    let client = Ip::v4((0x0a00_0000 + number / 1000).to_be_bytes());
    let port = 40_000 + (number % 1000) as u16;
    let server = (Ip::v4([10, 255, 0, 1]), 443);
    key.set(Vlan::UNTAGGED, protocol, (client, port), server);
    key
}

/// A flow that has been there since a second.
pub(crate) fn flow(state: u8, second: u32) -> Flow {
    Flow {
        state,
        created: second,
        last_seen: second,
        packets: [1, 0],
        ..Flow::EMPTY
    }
}

pub(crate) fn half_open(second: u32) -> Flow {
    flow(state::OPENING, second)
}

pub(crate) fn established(second: u32) -> Flow {
    flow(state::ESTABLISHED, second)
}

pub(crate) const TCP: u8 = protocol::TCP;
pub(crate) const UDP: u8 = protocol::UDP;
