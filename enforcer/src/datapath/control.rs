//! The control line in map memory: which policy is in force, and until when.

use std::os::fd::AsFd;
use std::sync::atomic::{Ordering, fence};

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
/// Highest epoch in the lower half; above it what tells entries of the cache apart.
const ISSUED: usize = 6;
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
        let issued = self.0.load(ISSUED);
        Control {
            active: self.0.load(ACTIVE),
            fallback: self.0.load(FALLBACK),
            fallback_at: self.0.load(FALLBACK_AT),
            adopt_until: self.0.load(ADOPT_UNTIL),
            drain_until: self.0.load(DRAIN_UNTIL),
            drain_from: both as u32,
            clock_offset: (both >> 32) as u32,
            issued: issued as u32,
            written: (issued >> 32) as u16,
            moved: (issued >> 48) as u16,
            clock: self.0.load(CLOCK),
        }
    }

    pub(super) fn store(&self, word: usize, value: u64) {
        self.0.store(word, value);
        self.touch();
    }

    /// Ends what packets were judged by so far: the next one of each kind is judged anew.
    /// Comes after what was written.
    pub(super) fn touch(&self) {
        self.move_on(self.read().issued);
    }

    pub(super) fn issue(&self, epoch: u32) {
        self.move_on(epoch);
    }

    /// What the kernel half writes to the same word meanwhile may be lost, which is as
    /// good: no entry of the cache outlives this.
    fn move_on(&self, issued: u32) {
        fence(Ordering::SeqCst);
        let Control { written, moved, .. } = self.read();
        let word =
            u64::from(issued) | u64::from(written.wrapping_add(1)) << 32 | u64::from(moved) << 48;
        self.0.store(ISSUED, word);
    }
}

/// The clock that the kernel half uses, ns.
pub fn monotonic_ns() -> u64 {
    match clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE) {
        Ok(time) => time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64,
        Err(_) => 0,
    }
}
