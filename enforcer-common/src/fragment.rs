//! Fragments: what is remembered of a packet that comes in parts. Deciding what
//! they may do is `decide/fragment.rs`.

use core::mem::size_of;

use crate::addr::{Ip, Vlan};
use crate::shared::shared;

/// Seconds after which an unfinished packet is forgotten (RFC 8200, 4.5, grants 60
/// for reassembly; half of that bounds the reuse of identifications).
pub const TIMEOUT: u32 = 30;

/// What the parts of one packet have in common.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FragmentKey {
    pub source: Ip,
    pub destination: Ip,
    pub vlan: Vlan,
    pub id: u32,
    /// IPv4 protocol number; 0 for IPv6, whose later fragments need not tell.
    pub protocol: u32,
    pub reserved: u32,
}

const _: () = assert!(size_of::<FragmentKey>() == 48);

impl FragmentKey {
    pub const EMPTY: Self = Self {
        source: Ip::UNSPECIFIED,
        destination: Ip::UNSPECIFIED,
        vlan: Vlan::UNTAGGED,
        id: 0,
        protocol: 0,
        reserved: 0,
    };
}

/// What the first fragment said, for those that follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// Monotonic clock, whole seconds.
    pub begun: u32,
    /// Where the next fragment must begin, in units of 8 bytes; [`COMPLETE`] or
    /// [`POISONED`] when none may come.
    pub next: u32,
    pub source_port: u16,
    pub destination_port: u16,
    pub protocol: u8,
    pub icmp_type: u8,
    pub reserved: [u8; 2],
}

/// The packet is complete.
pub const COMPLETE: u32 = u32::MAX;
/// Fragments overlapped, or came out of order: nothing more of it passes
/// (RFC 5722, 3).
pub const POISONED: u32 = u32::MAX - 1;

const _: () = assert!(size_of::<Fragment>() == 16);

impl Fragment {
    pub const EMPTY: Self = Self {
        begun: 0,
        next: 0,
        source_port: 0,
        destination_port: 0,
        protocol: 0,
        icmp_type: 0,
        reserved: [0; 2],
    };
}

shared! {
    /// A packet in parts, in shared memory.
    LiveFragment of Fragment {
        begun set_begun: u32;
        next set_next: u32;
        source_port set_source_port: u16;
        destination_port set_destination_port: u16;
        protocol set_protocol: u8;
        icmp_type set_icmp_type: u8;
    }
}
