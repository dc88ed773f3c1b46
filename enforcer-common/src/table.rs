//! The compiled policy as the decision reads it: one run of 64-byte lines, made
//! by the compiler, copied into map memory as it is. Each typed line here is one
//! cache line; line 0 says where the tables stand. Zero means *unset*, never
//! *allow*: a line that is not there reads as a denial.

use core::mem::{align_of, size_of};

use crate::application::{ApplicationLine, Said};
pub use crate::control::Control;
pub use crate::device::{
    DEVICE_BOUND, DEVICE_DHCP_ADDRESS, DEVICE_ENFORCE, DEVICE_HELD, DEVICE_LIMITED, DEVICE_MARKED,
    DeviceEntry, DeviceLine, device_key,
};
use crate::signature::{GroupLine, InspectionLine, PartLine, Profiles, SignatureLine};
use crate::verdict::{Mode, Tolerance};

/// Changes whenever the meaning of a line or of a map changes.
pub const LAYOUT_VERSION: u32 = 11;

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
    DeviceLine,
    Names,
    TrieNode,
    Row,
    RuleLine,
    Windows,
    Alternatives,
    PortPlaces,
    PortLine,
    InspectionLine,
    GroupLine,
    SignatureLine,
    PartLine,
    Profiles,
    ApplicationLine,
    Said,
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
    pub seed: u32,
    /// [`Bucket`]s of devices; as many as the mask plus one.
    pub devices: u32,
    pub devices_mask: u32,
    /// A [`DeviceLine`] a device, by number less one.
    pub device_lines: u32,
    /// A [`ProfileLine`] a profile, by number; profile 0 is unset.
    pub profiles: u32,
    /// [`TrieNode`]s: the first is the root of IPv4, the second that of IPv6.
    pub trie: u32,
    /// [`Row`]s that map a service index to its service class.
    pub services: u32,
    /// [`Bucket`]s from (profile, direction, peer class) to a row of cells.
    pub rows: u32,
    pub rows_mask: u32,
    /// Rows of cells: service class to a rule, or above the last rule to [`Alternatives`].
    pub cells: u32,
    /// Lines in one row of cells.
    pub cell_lines: u16,
    /// Rules; the number after the last stands for what guards let through.
    pub rule_count: u16,
    /// [`Alternatives`], in order of the cells' numbers above the guards'.
    pub alternatives: u32,
    /// A [`RuleLine`] a rule, by number; rule 0 is unset.
    pub rule_lines: u32,
    /// [`PortPlaces`], then [`PORT_LINES`] a port; 0 where the policy says nothing of ports.
    pub ports: u32,
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
    /// A [`Tolerance`], for frames that no device answers for.
    pub tolerance: u32,
    /// Profiles that break-glass may have opened; 0 spares the look at their lines.
    pub opened: u32,
    /// A sum of `LEARN_…`: what some device of the policy depends on.
    pub learning: u32,
    /// Line of the [`InspectionLine`]; 0: nothing is inspected.
    pub inspection: u32,
}

/// User space is shown DHCP answers.
pub const LEARN_ADDRESSES: u32 = 1;
/// User space is shown DNS queries and answers of devices whose rules name peers so.
pub const LEARN_NAMES: u32 = 2;

/// Place of [`Settings::tcp_opening`] among the numbers of the line.
const FIRST_TIMEOUT: usize = core::mem::offset_of!(Settings, tcp_opening) / 4;

impl Settings {
    /// The idle timeouts by number, from [`Self::tcp_opening`] on, in seconds.
    #[inline(always)]
    pub(crate) const fn idle_timeout(&self, number: u32) -> u32 {
        // SAFETY: the line is sixteen such numbers.
        let words: &[u32; 16] = unsafe { &*core::ptr::from_ref(self).cast() };
        words[(FIRST_TIMEOUT + number as usize) & 15]
    }

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
pub const fn bucket_pair(key: u64, tag: u16, seed: u32, mask: u32) -> (u32, u32) {
    // Two rounds of multiply and fold (the finaliser of MurmurHash3, public domain).
    let mut hash = key ^ seed as u64 ^ (tag as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    (hash as u32 & mask, (hash >> 32) as u32 & mask)
}

/// What holds for all devices of a profile.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfileLine {
    /// A sum of `PROFILE_…`.
    pub flags: u32,
    /// Row of cells for peers of no class of their own, by [`Direction`].
    pub default_rows: [u32; 2],
    /// Break-glass: until then denials pass. Policy time; 0 never.
    pub open_until: u32,
    /// For each device by itself, a second; 0 is unlimited.
    pub packets: u32,
    pub bytes: u32,
    pub flows: u32,
    /// Seconds for which a hardware address is held to the port it was seen on.
    pub hold_port: u32,
    /// EtherTypes that pass; unused places are zero.
    pub ethertypes: [u16; 8],
    /// Bytes that each end of a connection sends in which signatures are looked for; 0:
    /// all.
    pub inspect_first: u32,
    /// What follows where a sanity predicate is met, two bits a set: see [`crate::sanity`].
    pub sanity: u32,
    /// Column of the groups of signatures that are looked for: see
    /// [`InspectionLine::of_services`].
    pub signatures: u32,
    pub reserved: u32,
}

pub const PROFILE_ENFORCE: u32 = 1;
pub const PROFILE_ARP: u32 = 2;
pub const PROFILE_NEIGHBOUR_DISCOVERY: u32 = 4;
pub const PROFILE_DHCP: u32 = 8;
/// DHCP answers from servers that a guard names alone.
pub const PROFILE_DHCP_SERVERS: u32 = 16;
/// Router advertisements from routers that a guard names alone.
pub const PROFILE_ROUTERS: u32 = 32;
/// Fragments follow their first one.
pub const PROFILE_TRACK_FRAGMENTS: u32 = 64;
pub const PROFILE_PASS_BAD_FRAME: u32 = 128;
pub const PROFILE_PASS_FLOW_TABLE_FULL: u32 = 256;
/// A rule of the profile names a peer by DNS.
pub const PROFILE_NAMES: u32 = 512;
pub const PROFILE_PASS_STREAM_LOST: u32 = 1024;

impl ProfileLine {
    #[inline(always)]
    pub const fn mode(&self) -> Mode {
        if self.flags & PROFILE_ENFORCE != 0 {
            Mode::Enforce
        } else {
            Mode::Audit
        }
    }

    /// Failures that pass.
    #[inline(always)]
    pub const fn tolerance(&self) -> Tolerance {
        let mut tolerance = Tolerance::NONE;
        if self.flags & PROFILE_PASS_BAD_FRAME != 0 {
            tolerance.0 |= Tolerance::BAD_FRAME.0;
        }
        if self.flags & PROFILE_PASS_FLOW_TABLE_FULL != 0 {
            tolerance.0 |= Tolerance::FLOW_TABLE_FULL.0;
        }
        if self.flags & PROFILE_PASS_STREAM_LOST != 0 {
            tolerance.0 |= Tolerance::STREAM_LOST.0;
        }
        tolerance
    }
}

/// What restricts a rule besides peers and services.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleLine {
    /// Line of its [`Windows`] in the compiled policy; 0: it holds always.
    pub windows: u32,
    /// Line of its [`Names`] in the compiled policy; 0: it names none.
    pub names: u32,
    /// For each device by itself, a second; 0 is unlimited.
    pub packets: u32,
    pub bytes: u32,
    pub flows: u32,
    /// Number of its [`ApplicationLine`]; 0: anything may be said.
    pub application: u32,
    pub reserved: [u32; 10],
}

impl RuleLine {
    #[inline(always)]
    pub const fn is_limited(&self) -> bool {
        self.packets | self.bytes | self.flows != 0
    }
}

/// When a rule holds: from the first to before the second, in policy time. Unused
/// places are zero. The daemon keeps them filled from the rule's calendar.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows(pub [[u32; 2]; 8]);

/// Hashes of DNS names ([`crate::learned::name_hash`]); unused places are zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names(pub [u64; 8]);

/// Rules that allow the same under conditions, in the order in which they are
/// tried; 0 ends them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alternatives(pub [u32; 16]);

/// The peer must have been given to the device for one of the rule's names.
pub const BY_NAME: u32 = 1 << 16;

/// Number in the policy of each port, by the port's place in the counters; 0
/// where the policy says nothing of it. The daemon fills it, who knows the ports.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortPlaces(pub [u8; 64]);

/// What a port may carry.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortLine {
    /// A sum of `PORT_…`.
    pub flags: u32,
    pub reserved: [u32; 15],
}

/// The port's tags are restricted, to those of the bitmap.
pub const PORT_VLANS: u32 = 1;
pub const PORT_DOUBLE_TAGS: u32 = 2;
pub const PORT_PRIORITY_TAGS: u32 = 4;
/// Lines of one port: a [`PortLine`], and a bit for each outer VLAN, untagged first.
pub const PORT_LINES: u32 = 9;

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

/// Class of the devices of a group, where the peer is known by its hardware address.
pub const fn group_class(group: u32) -> u32 {
    1 << 30 | group
}

/// Key of a row of cells; never 0.
#[inline(always)]
pub const fn row_key(profile: u32, direction: Direction, class: u32) -> u64 {
    1 << 63 | (profile as u64) << 36 | (direction as u64) << 32 | class as u64
}

/// Places in the service table, by protocol: TCP and UDP ports, ICMP and ICMPv6
/// types, all IP protocols by number, and what guards ask of a peer.
pub const SERVICE_TCP: u32 = 0;
pub const SERVICE_UDP: u32 = 65_536;
pub const SERVICE_ICMP: u32 = 131_072;
pub const SERVICE_ICMPV6: u32 = SERVICE_ICMP + 256;
pub const SERVICE_PROTOCOL: u32 = SERVICE_ICMPV6 + 256;
pub const SERVICE_DHCP_SERVER: u32 = SERVICE_PROTOCOL + 256;
pub const SERVICE_ROUTER: u32 = SERVICE_DHCP_SERVER + 1;
pub const SERVICES: u32 = SERVICE_ROUTER + 1;
