//! The control line in map memory: which policy is in force, and until when.

use std::os::fd::AsFd;

use anyhow::Result;
use enforcer_common::table::Control;
use nix::time::{ClockId, clock_gettime};

use super::memory::SharedWords;

/// Words of the control line.
pub(super) const ACTIVE: usize = 0;
pub(super) const FALLBACK: usize = 1;
pub(super) const FALLBACK_AT: usize = 2;
pub(super) const ADOPT_UNTIL: usize = 3;
pub(super) const DRAIN_UNTIL: usize = 4;
/// First epoch that drains in the lower half, distance of policy time in the upper.
pub(super) const DRAIN_FROM_AND_CLOCK: usize = 5;
pub(super) const ISSUED: usize = 6;
pub(super) const CLOCK: usize = 7;
const WORDS: usize = 8;

/// The control line, written word by word, each as one store.
#[derive(Debug)]
pub(super) struct ControlWords(SharedWords);

impl ControlWords {
    pub(super) fn map(map: impl AsFd) -> Result<Self> {
        SharedWords::map(map, WORDS).map(Self)
    }

    pub(super) fn read(&self) -> Control {
        let both = self.0.load(DRAIN_FROM_AND_CLOCK);
        Control {
            active: self.0.load(ACTIVE),
            fallback: self.0.load(FALLBACK),
            fallback_at: self.0.load(FALLBACK_AT),
            adopt_until: self.0.load(ADOPT_UNTIL),
            drain_until: self.0.load(DRAIN_UNTIL),
            drain_from: both as u32,
            clock_offset: (both >> 32) as u32,
            issued: self.0.load(ISSUED),
            clock: self.0.load(CLOCK),
        }
    }

    pub(super) fn store(&self, word: usize, value: u64) {
        self.0.store(word, value);
    }
}

/// The clock that the kernel half uses, ns.
pub fn monotonic_ns() -> u64 {
    match clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE) {
        Ok(time) => time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64,
        Err(_) => 0,
    }
}
