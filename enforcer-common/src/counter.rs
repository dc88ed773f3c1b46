//! Counters, all per CPU: how their places are numbered.

use crate::sanity::{FIRST_PREDICATE, PREDICATES};
use crate::verdict::{Fate, REASONS, Reason};

/// Packets and bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub packets: u64,
    pub bytes: u64,
}

impl core::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

const FATES: u32 = Fate::ALL.len() as u32;

/// Places for one port.
pub const VERDICTS_PER_PORT: u32 = FATES * REASONS;

/// Place of a verdict's counter.
#[inline(always)]
pub const fn verdict_index(port: u32, fate: Fate, reason: Reason) -> u32 {
    (port * FATES + fate as u32) * REASONS + reason as u32
}

/// Counters of the enforcer itself.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    FlowsCreated = 0,
    /// Refused because the device's budget was spent, or other CPUs were at all places.
    FlowsRefused = 1,
    EventsSent = 2,
    /// Not sent because the ring buffer was full.
    EventsLost = 3,
    /// Not sent because the device's budget was spent.
    EventsSuppressed = 4,
    /// Frames to learn from that found the ring buffer full.
    LessonsLost = 5,
    /// Frames whose way to another port was missing, and that the bridge got instead.
    WaysMissing = 6,
    /// Flows known to both ends that made room for new ones.
    FlowsEvicted = 7,
    /// Flows not, or not yet, known to both ends, or closed, which made room.
    FlowsDisplaced = 8,
}

/// Place of the frames of a port in which a VLAN tag was seen.
#[inline(always)]
pub const fn tagged_index(port: u32) -> u32 {
    OWN_STATISTICS + port
}

/// Place of the frames of a port that went straight to another one.
#[inline(always)]
pub const fn fast_index(port: u32) -> u32 {
    OWN_STATISTICS + crate::limits::PORTS + port
}

/// Frames that were handed to a port's device without the bridge, as the kernel told.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redirected {
    /// Taken by the device.
    pub sent: u64,
    /// Not taken for want of room in the device's queue.
    pub dropped: u64,
    /// Refused by the device, or on the way to it.
    pub refused: u64,
}

/// What became of the frames that a port was tried with.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Monotonic clock, ns, when the frames were made.
    pub began: u64,
    /// Place of the port plus one until user space has read this; 0 otherwise.
    pub port: u32,
    pub sent: u32,
    pub dropped: u32,
    /// An error number, negative as the kernel has it; 0 for none.
    pub error: i32,
}

/// Place of a signature's counter, in the half that goes with the epoch.
#[inline(always)]
pub const fn signature_index(epoch: u32, number: u32) -> u32 {
    (epoch & 1) * (SIGNATURES / 2) + number
}

/// Places of signatures' counters: number 0, a policy's own, and the sanity predicates, for
/// either half.
pub const SIGNATURES: u32 = 2 * (FIRST_PREDICATE + PREDICATES);

/// Places for [`Statistic`]s; room to append.
const OWN_STATISTICS: u32 = 16;

/// Places in all: [`Statistic`]s, then [`tagged_index`] and [`fast_index`] of each port.
pub const STATISTICS: u32 = OWN_STATISTICS + 2 * crate::limits::PORTS;

/// What a device has spent in the current second, on one CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Monotonic clock, whole seconds.
    pub second: u32,
    pub flows: u32,
    pub events: u32,
    pub reserved: u32,
}

impl Budget {
    /// Takes one new flow; false when this second's are spent. No limit when 0.
    #[inline(always)]
    pub fn spend_flow(&mut self, per_second: u32, now: u64) -> bool {
        self.turn(now);
        self.flows = self.flows.saturating_add(1);
        per_second == 0 || self.flows <= per_second
    }

    /// Takes one event; false when this second's are spent.
    #[inline(always)]
    pub fn spend_event(&mut self, per_second: u32, now: u64) -> bool {
        self.turn(now);
        self.events = self.events.saturating_add(1);
        self.events <= per_second
    }

    #[inline(always)]
    fn turn(&mut self, now: u64) {
        let second = seconds(now);
        if self.second != second {
            *self = Self {
                second,
                flows: 0,
                events: 0,
                reserved: 0,
            };
        }
    }
}

/// Whole seconds of a monotonic time in nanoseconds.
#[inline(always)]
pub const fn seconds(now: u64) -> u32 {
    (now / 1_000_000_000) as u32
}
