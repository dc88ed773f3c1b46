//! What a set's head says of one of its flows: enough to choose which one makes room.

use core::mem::offset_of;

use crate::flow::{LiveFlow, protocol, state};
use crate::table::Settings;

/// One word of a set's head; 0: nothing stands there.
///
/// | bits | |
/// |---|---|
/// | 32–63 | tag of the key |
/// | 28–31 | how the flow stands: a `KIND_…`, and [`SETTLED`] |
/// | 0–27 | when it was seen last, in units of 2^26 ns |
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark(pub(super) u64);

/// Which of the idle timeouts holds, by their order in [`Settings`].
const KIND_TCP_OPENING: u32 = 1;
const KIND_TCP_ESTABLISHED: u32 = 2;
const KIND_TCP_CLOSING: u32 = 3;
const KIND_UDP: u32 = 4;
const KIND_ICMP: u32 = 5;
const KIND_OTHER: u32 = 6;
/// A CPU is writing the entry. The highest kind, which [`Mark::score`] rests on.
const KIND_CLAIMED: u32 = 7;
/// Both ends take part in it, or it lasts: not one that a flood leaves behind.
const SETTLED: u32 = 8;

const fn timeout_of(kind: u32) -> usize {
    offset_of!(Settings, tcp_opening) + 4 * (kind - KIND_TCP_OPENING) as usize
}
const _: () = assert!(
    timeout_of(KIND_TCP_ESTABLISHED) == offset_of!(Settings, tcp_established)
        && timeout_of(KIND_TCP_CLOSING) == offset_of!(Settings, tcp_closing)
        && timeout_of(KIND_UDP) == offset_of!(Settings, udp)
        && timeout_of(KIND_ICMP) == offset_of!(Settings, icmp)
        && timeout_of(KIND_OTHER) == offset_of!(Settings, other)
);

const TIME_BITS: u32 = 28;
const TIME: u32 = (1 << TIME_BITS) - 1;
/// Bits of nanoseconds that a unit has.
const UNIT: u32 = 26;
/// Units in a second, rounded up.
const PER_SECOND: u64 = 15;
/// Bits of how far a clock may be ahead of another one's, in units: an hour.
const AHEAD: u32 = 16;
/// Seconds in which a flow of one end's packets alone has lasted.
const LASTING: i32 = 2;

/// How willingly a flow makes room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rank(u32);

impl Rank {
    /// Not at all: a CPU is at it.
    pub(super) const CLAIMED: Self = Self(0);
    pub(super) const SETTLED: Self = Self(1);
    /// Not, or not yet, known to both ends, or closed.
    pub(super) const LOOSE: Self = Self(2);
    /// Idle for too long.
    pub(super) const IDLE: Self = Self(3);
    /// Nothing stands there.
    pub(super) const FREE: Self = Self(4);
    /// The flow itself does.
    pub(super) const OWN: Self = Self(5);

    /// The score of one that has most time left.
    #[inline(always)]
    pub(super) const fn least_score(self) -> u32 {
        self.0 << TIME_BITS
    }

    #[inline(always)]
    pub(super) const fn of_score(score: u32) -> Self {
        Self(score >> TIME_BITS)
    }
}

/// A moment of the monotonic clock, in ns, as marks hold it.
#[inline(always)]
pub(super) const fn moment(now: u64) -> u32 {
    (now >> UNIT) as u32 & TIME
}

/// How a flow stands, in the four bits of a mark.
#[inline(always)]
pub(super) fn standing(number: u8, flow: &LiveFlow) -> u32 {
    let kind = match number {
        protocol::TCP => {
            return match flow.state() {
                state::OPENING | state::ANSWERED => KIND_TCP_OPENING,
                state::ESTABLISHED => KIND_TCP_ESTABLISHED | SETTLED,
                state::CLOSING => KIND_TCP_CLOSING | SETTLED,
                _ => KIND_TCP_CLOSING,
            };
        }
        protocol::UDP => KIND_UDP,
        protocol::ICMP | protocol::ICMPV6 => KIND_ICMP,
        _ => KIND_OTHER,
    };
    let lasts = flow.last_seen().wrapping_sub(flow.created()) as i32 >= LASTING;
    if flow.is_answered() || lasts {
        kind | SETTLED
    } else {
        kind
    }
}

impl Mark {
    #[inline(always)]
    pub(super) const fn new(tag: u32, standing: u32, moment: u32) -> Self {
        Self((tag as u64) << 32 | (standing << TIME_BITS | moment & TIME) as u64)
    }

    /// Of an entry that is being written.
    #[inline(always)]
    pub(super) const fn claimed(tag: u32, moment: u32) -> Self {
        Self::new(tag, KIND_CLAIMED, moment)
    }

    #[inline(always)]
    pub(super) const fn tag(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whether a flow stands there and nobody is writing it.
    #[inline(always)]
    pub(super) const fn is_written(self) -> bool {
        self.kind().wrapping_sub(1) < KIND_CLAIMED - 1
    }

    #[inline(always)]
    const fn kind(self) -> u32 {
        (self.0 as u32 >> TIME_BITS) & (SETTLED - 1)
    }

    /// How willingly what stands there makes room for who would claim it: a [`Rank`], above
    /// how little time is left until it is idle. The higher the sooner.
    #[inline(always)]
    pub(super) fn score(self, settings: &Settings, claim: Self) -> u32 {
        if self.0 == 0 {
            return Rank::FREE.least_score();
        }
        // Without a branch, for each one is another way for the verifier to follow.
        let age = (claim.0 as u32).wrapping_sub(self.0 as u32) & TIME;
        // Another CPU's clock may be ahead: a small negative age is none.
        let is_ahead = ((age >> AHEAD) + 1) >> (TIME_BITS - AHEAD);
        let age = age & is_ahead.wrapping_sub(1);
        let kind = self.kind();
        // Of what is claimed this is another number of the settings, of no consequence.
        let timeout = u64::from(settings.idle_timeout(kind.wrapping_sub(KIND_TCP_OPENING)));
        // Flows count whole seconds: up to one more.
        let left = ((timeout + 1) * PER_SECOND).wrapping_sub(age.into());
        let is_idle = (left >> 63) as u32;
        let is_settled = self.0 as u32 >> (TIME_BITS + 3) & 1;
        let rank = (Rank::LOOSE.0 - is_settled) | (is_idle * Rank::IDLE.0);
        let is_claimed = (kind + 1) >> 3;
        let haste = TIME.wrapping_sub(left as u32) & TIME;
        (rank << TIME_BITS | haste) & is_claimed.wrapping_sub(1)
    }
}
