//! Records that leave the kernel half through the ring buffer.

use core::mem::size_of;

use crate::addr::{Ip, Mac, Vlan};

/// A denial, real or audited, or a signature that was found. Addresses and ports are zero where the frame had none.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Monotonic clock, ns.
    pub time: u64,
    pub source: Ip,
    pub destination: Ip,
    /// Policy that judged.
    pub epoch: u32,
    /// Number of the device that the verdict is about, 0 where there is none.
    pub device: u32,
    /// Bytes in the frame.
    pub length: u32,
    /// Place of the ingress port in the counters.
    pub port: u32,
    pub vlan: Vlan,
    pub source_port: u16,
    pub destination_port: u16,
    pub ethertype: u16,
    pub rule: u16,
    pub source_mac: Mac,
    pub destination_mac: Mac,
    /// IP protocol number.
    pub protocol: u8,
    /// A [`crate::verdict::Reason`].
    pub reason: u8,
    /// A [`crate::verdict::Fate`].
    pub fate: u8,
    pub icmp_type: u8,
    /// Number of the signature that was found, 0 for none.
    pub signature: u16,
    /// Bytes of the payload that a [`Hit`] shows.
    pub shown: u16,
}

const _: () = assert!(size_of::<Event>() == 88);

/// Bytes of a payload that are shown with a signature.
pub const SHOWN: usize = 64;

/// An event about a signature, with the beginning of the payload in which it was found; of
/// the headers from IP on, where it is a predicate about them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub event: Event,
    pub payload: [u8; SHOWN],
}
