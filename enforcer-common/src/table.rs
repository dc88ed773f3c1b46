//! The compiled policy as the decision reads it: one run of 64-byte lines, made
//! by the compiler, copied into map memory as it is. Each typed line here is one
//! cache line; line 0 says where the tables stand. Zero means *unset*, never
//! *allow*: a line that is not there reads as a denial.

use core::mem::{align_of, size_of};

use crate::addr::{Ip, Mac, Vlan};
use crate::verdict::Mode;

/// Changes whenever the meaning of a line or of a map changes.
pub const LAYOUT_VERSION: u32 = 1;

/// A line of the compiled policy.
///
/// # Safety
/// An implementor is `repr(C)`, 64 bytes long, aligned to at most 8 bytes, has
/// no padding, and every bit pattern is a valid value of it.
pub unsafe trait Line: Copy + 'static {}

macro_rules! lines {
    ($($line:ty),* $(,)?) => {$(
        const _: () = assert!(size_of::<$line>() == 64 && align_of::<$line>() <= 8);
        // SAFETY: size and alignment are asserted above; the fields are plain
        // integers (or wrappers of them) whose sizes add up to the line.
        unsafe impl Line for $line {}
    )*};
}
lines!(
    [u64; 8],
    Layout,
    Settings,
    Digest,
    Bucket,
    ProfileLine,
    Binding,
    TrieNode,
    Row
);

/// Lines before the tables: [`Layout`], [`Settings`], [`Digest`].
pub const LAYOUT_LINE: u32 = 0;
pub const SETTINGS_LINE: u32 = 1;
pub const DIGEST_LINE: u32 = 2;
pub const FIXED_LINES: u32 = 3;

/// Where the tables stand, in lines from the start of the compiled policy.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub version: u32,
    /// Lines in all.
    pub lines: u32,
    /// Seed of [`bucket_pair`].
    pub seed: u64,
    /// [`Bucket`]s of devices; as many as the mask plus one.
    pub devices: u32,
    pub devices_mask: u32,
    /// A [`Binding`] a device, by number less one.
    pub bindings: u32,
    /// A [`ProfileLine`] a profile, by number; profile 0 is unset.
    pub profiles: u32,
    /// [`TrieNode`]s; the roots are relative to it.
    pub trie: u32,
    pub trie_root_v4: u32,
    pub trie_root_v6: u32,
    /// [`Row`]s that map a service index to its service class.
    pub services: u32,
    /// [`Bucket`]s from (profile, direction, peer class) to a row of cells.
    pub rows: u32,
    pub rows_mask: u32,
    /// Rows of cells: service class to rule.
    pub cells: u32,
    /// Lines in one row of cells.
    pub cell_lines: u32,
}

/// What holds for the policy as a whole. Times in seconds.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Profile of undeclared devices; 0 denies them.
    pub unknown_profile: u32,
    /// Profile that judges broadcast and multicast from the core side.
    pub broadcast_profile: u32,
    /// A [`Mode`], for frames that no device answers for.
    pub mode: u32,
    /// A sum of `CONTROL_…`.
    pub control_frames: u32,
    pub tcp_opening: u32,
    pub tcp_established: u32,
    pub tcp_closing: u32,
    pub udp: u32,
    pub icmp: u32,
    pub other: u32,
    /// New flows a second a device, on each CPU; 0 is unlimited.
    pub new_flows_per_second: u32,
    /// Events a second a device, on each CPU.
    pub events_per_second: u32,
    pub reserved: [u32; 4],
}

impl Settings {
    #[inline(always)]
    pub const fn default_mode(&self) -> Mode {
        if self.mode == Mode::Enforce as u32 {
            Mode::Enforce
        } else {
            Mode::Audit
        }
    }
}

pub const CONTROL_STP: u32 = 1;
pub const CONTROL_LLDP: u32 = 2;
pub const CONTROL_LACP: u32 = 4;
pub const CONTROL_EAPOL: u32 = 8;

/// Identity of the compiled policy, for people and for the daemon after a restart.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 over the policy it was compiled from.
    pub sha256: [u8; 32],
    pub devices: u32,
    pub profiles: u32,
    pub rules: u32,
    pub reserved: [u32; 5],
}

/// Four entries that share a cache line. A key lives in one of two buckets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket(pub [Slot; 4]);

/// An entry of a bucket; key 0 is empty.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    pub key: u64,
    pub value: u64,
}

/// The two buckets in which a key may live, from the layout's seed. The tag is
/// the upper 12 bits of the value, which tell apart slots of one key.
#[inline(always)]
pub const fn bucket_pair(key: u64, tag: u16, seed: u64, mask: u32) -> (u32, u32) {
    // Two rounds of multiply and fold (the finaliser of MurmurHash3, public domain).
    let mut hash = key ^ seed ^ (tag as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    (hash as u32 & mask, (hash >> 32) as u32 & mask)
}

/// Set in every key of a device, so that the zero address is not found in empty slots.
const DEVICE_KEY: u64 = 1 << 15;

/// Key of a device, never 0: hardware address and outer VLAN. The inner VLAN
/// stands in the value.
#[inline(always)]
pub const fn device_key(mac: Mac, vlan: Vlan) -> u64 {
    mac.to_u64() << 16 | DEVICE_KEY | vlan.outer as u64
}

/// What the device table says of one device, packed into a slot's value:
/// inner VLAN (12 bits), profile (12), flags (8), number (32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceEntry(pub u64);

impl DeviceEntry {
    pub const fn new(inner_vlan: u16, profile: u32, mode: Mode, bound: bool, number: u32) -> Self {
        let flags = mode as u64 | (bound as u64) << 1;
        Self(
            (inner_vlan as u64) << 52
                | (profile as u64 & 0xfff) << 40
                | flags << 32
                | number as u64,
        )
    }

    #[inline(always)]
    pub const fn inner_vlan(self) -> u16 {
        (self.0 >> 52) as u16
    }

    #[inline(always)]
    pub const fn profile(self) -> u32 {
        (self.0 >> 40) as u32 & 0xfff
    }

    #[inline(always)]
    pub const fn mode(self) -> Mode {
        if self.0 >> 32 & 1 != 0 {
            Mode::Enforce
        } else {
            Mode::Audit
        }
    }

    /// Whether the device has a [`Binding`].
    #[inline(always)]
    pub const fn is_bound(self) -> bool {
        self.0 >> 32 & 2 != 0
    }

    /// Number of the device, from 1.
    #[inline(always)]
    pub const fn number(self) -> u32 {
        self.0 as u32
    }
}

/// What holds for all devices of a profile.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfileLine {
    /// A sum of `PROFILE_…`.
    pub flags: u32,
    /// Row of cells for peers of no class of their own, by [`Direction`].
    pub default_rows: [u32; 2],
    pub reserved: [u32; 13],
}

pub const PROFILE_ENFORCE: u32 = 1;
pub const PROFILE_ARP: u32 = 2;
pub const PROFILE_NEIGHBOUR_DISCOVERY: u32 = 4;
pub const PROFILE_DHCP: u32 = 8;

impl ProfileLine {
    #[inline(always)]
    pub const fn mode(&self) -> Mode {
        if self.flags & PROFILE_ENFORCE != 0 {
            Mode::Enforce
        } else {
            Mode::Audit
        }
    }
}

/// The addresses that a device may use; unused places are zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binding(pub [Ip; 4]);

/// A node of the peer tries, one nibble of the address deep. An entry is a
/// class, or, with [`TRIE_CHILD`] set, the node to go on with.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrieNode(pub [u32; 16]);

pub const TRIE_CHILD: u32 = 1 << 31;

/// Thirty-two consecutive places of a table of 16-bit numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row(pub [u16; 32]);

/// Who starts a flow, seen from the device that is judged.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The device starts: rules with `to`.
    To = 0,
    /// The peer starts: rules with `from`.
    From = 1,
}

/// Class of the devices of a profile, where the peer is known by its hardware address.
pub const fn profile_class(profile: u32) -> u32 {
    1 << 30 | profile
}

/// Key of a row of cells; never 0.
#[inline(always)]
pub const fn row_key(profile: u32, direction: Direction, class: u32) -> u64 {
    1 << 63 | (profile as u64) << 36 | (direction as u64) << 32 | class as u64
}

/// Places in the service table, by protocol: TCP and UDP ports, ICMP and ICMPv6
/// types, and all IP protocols by number.
pub const SERVICE_TCP: u32 = 0;
pub const SERVICE_UDP: u32 = 65_536;
pub const SERVICE_ICMP: u32 = 131_072;
pub const SERVICE_ICMPV6: u32 = SERVICE_ICMP + 256;
pub const SERVICE_PROTOCOL: u32 = SERVICE_ICMPV6 + 256;
pub const SERVICES: u32 = SERVICE_PROTOCOL + 256;

/// Which compiled policy is in force; the one line that a change of policy writes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// Epoch in the upper half, first line of the policy in the lower; 0: no policy.
    pub active: u64,
    /// Until then (monotonic clock, ns) live sessions are adopted.
    pub adopt_until: u64,
    pub reserved: [u64; 6],
}

impl Control {
    pub const fn pack(epoch: u32, first_line: u32) -> u64 {
        (epoch as u64) << 32 | first_line as u64
    }

    pub const fn epoch(active: u64) -> u32 {
        (active >> 32) as u32
    }

    pub const fn first_line(active: u64) -> u32 {
        active as u32
    }
}
