//! What is known of a packet before its flow is looked up or judged: what it can
//! do to a flow, and what the steps tell each other.

use crate::decide::permit::Initiator;
use crate::flow::protocol;
use crate::packet::icmp::{self, Kind};
use crate::packet::transport::flags;
use crate::packet::{Packet, ethertype};

/// What a packet can do to a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decide) enum Role {
    /// Begins a flow, or repeats its first packet: a TCP SYN.
    Opens,
    /// May begin a flow, or follow one.
    Any,
    /// Begins a flow or belongs to its initiator, and never answers one: an ICMP query.
    Queries,
    /// Follows a flow only.
    Follows,
    /// Is about a flow of others: an ICMP error.
    Reports,
    /// Stands alone.
    Single,
}

/// What is known of a packet's flow before the policy is asked. Lives in the
/// scratch, so that the verifier sees one state between the steps and not the
/// product of them all.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Monotonic clock, ns.
    pub(super) now: u64,
    pub(super) role: Role,
    /// The end that starts: 0 the source, 1 the destination. A plain number,
    /// because the verifier does not know that an enum in memory is in range.
    pub(in crate::decide) initiator: u8,
    pub(super) source_is_high: bool,
    /// An older policy has judged the flow.
    pub(super) outdated: bool,
    /// The session may be a live one that enforcement found.
    pub(super) adopting: bool,
    /// Either end may have started it.
    pub(super) either: bool,
    /// A flow is to be remembered.
    pub(super) begins: bool,
    /// Of the flow that is begun under the key.
    pub(super) incarnation: u32,
    /// Class of the service that is asked for.
    pub(in crate::decide) service: u16,
    /// Second of the monotonic clock until which what was found holds; the highest for ever.
    pub(in crate::decide) valid_until: u32,
    /// What one end's profile says by the peer's address, and by its group.
    pub(in crate::decide) cells: [u16; 2],
}

impl Plan {
    pub const EMPTY: Self = Self {
        now: 0,
        role: Role::Single,
        initiator: 0,
        source_is_high: false,
        outdated: false,
        adopting: false,
        either: false,
        begins: false,
        incarnation: 0,
        service: 0,
        valid_until: u32::MAX,
        cells: [0; 2],
    };

    /// What was found holds no longer than until then.
    #[inline(always)]
    pub(in crate::decide) const fn hold_until(&mut self, second: u32) {
        if second < self.valid_until {
            self.valid_until = second;
        }
    }

    #[inline(always)]
    pub(in crate::decide) const fn initiator(&self) -> Initiator {
        if self.initiator == 0 {
            Initiator::Source
        } else {
            Initiator::Destination
        }
    }
}

#[inline(always)]
pub(super) fn role_of(packet: &Packet) -> Role {
    match (packet.protocol, packet.ethertype) {
        (protocol::TCP, _) if packet.tcp_flags & (flags::SYN | flags::ACK) == flags::SYN => {
            Role::Opens
        }
        (protocol::TCP, _) => Role::Follows,
        (protocol::ICMP, ethertype::IPV4) | (protocol::ICMPV6, ethertype::IPV6) => {
            match icmp::kind_of(packet) {
                Kind::Request => Role::Queries,
                Kind::Reply => Role::Follows,
                Kind::Error => Role::Reports,
                Kind::Neighbour | Kind::Other => Role::Single,
            }
        }
        _ => Role::Any,
    }
}

/// What the cache stage asks of the flow that a packet followed, or began.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Followed {
    /// [`crate::flow::Flow::incarnation`].
    pub(in crate::decide) incarnation: u32,
    /// 0, or [`crate::cache::FROM_RESPONDER`].
    pub(in crate::decide) end: u8,
    /// 1 if more packets like this one change nothing in it but times and counts.
    pub(in crate::decide) settled: u8,
    /// 1 if it takes the place of an earlier one.
    pub(in crate::decide) began_again: u8,
    reserved: u8,
}

impl Followed {
    /// Whether a flow took the place of an earlier one.
    pub const fn has_begun_again(&self) -> bool {
        self.began_again != 0
    }

    pub const NONE: Self = Self {
        incarnation: 0,
        end: 0,
        settled: 0,
        began_again: 0,
        reserved: 0,
    };
}
