//! Flows: the key that both directions share, what is remembered of a flow, and
//! its life. Deciding what a flow may do is `decide/flow`.

use core::mem::size_of;

use crate::addr::{Ip, Vlan};
use crate::shared::shared;
use crate::table::Settings;

/// Both directions of a flow, normalised: the lower endpoint comes first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    pub low: Ip,
    pub high: Ip,
    pub low_port: u16,
    pub high_port: u16,
    pub vlan: Vlan,
    pub protocol: u8,
    /// Which query an ICMP flow is of and which end asks
    /// ([`crate::packet::icmp::query_of`]); 0 for any other flow.
    pub query: u8,
    pub reserved: [u8; 6],
}

const _: () = assert!(size_of::<FlowKey>() == 48);

impl FlowKey {
    pub const EMPTY: Self = Self {
        low: Ip::UNSPECIFIED,
        high: Ip::UNSPECIFIED,
        low_port: 0,
        high_port: 0,
        vlan: Vlan::UNTAGGED,
        protocol: 0,
        query: 0,
        reserved: [0; 6],
    };

    /// Fills the key for a packet, all but the query; true when the packet's source is the high end.
    #[inline(always)]
    pub fn set(
        &mut self,
        vlan: Vlan,
        protocol: u8,
        source: (Ip, u16),
        destination: (Ip, u16),
    ) -> bool {
        let source_is_high = is_above(source, destination);
        let (low, high) = if source_is_high {
            (destination, source)
        } else {
            (source, destination)
        };
        *self = Self {
            low: low.0,
            high: high.0,
            low_port: low.1,
            high_port: high.1,
            vlan,
            protocol,
            query: 0,
            reserved: [0; 6],
        };
        source_is_high
    }
}

#[inline(always)]
fn is_above(a: (Ip, u16), b: (Ip, u16)) -> bool {
    if a.0.high != b.0.high {
        return a.0.high > b.0.high;
    }
    if a.0.low != b.0.low {
        return a.0.low > b.0.low;
    }
    a.1 > b.1
}

/// Where a flow stands in its life. Other protocols than TCP are `Established` at once.
pub mod state {
    /// TCP: the first SYN was seen.
    pub const OPENING: u8 = 0;
    /// TCP: the SYN was answered.
    pub const ANSWERED: u8 = 1;
    pub const ESTABLISHED: u8 = 2;
    /// TCP: one end has sent FIN; which one, is in the flags.
    pub const CLOSING: u8 = 3;
    /// TCP: both have, or one has sent RST.
    pub const CLOSED: u8 = 4;
}

/// The initiator is the high end of the key.
pub const FLAG_INITIATOR_HIGH: u8 = 1;
/// FIN was seen from the initiator, or the responder.
pub const FLAG_FIN_INITIATOR: u8 = 2;
pub const FLAG_FIN_RESPONDER: u8 = 4;
/// The session was live when enforcement began.
pub const FLAG_ADOPTED: u8 = 8;
/// The profile for broadcast from the core side has judged it.
pub const FLAG_BROADCAST: u8 = 16;
/// A rule that allowed it grants a limited rate.
pub const FLAG_LIMITED: u8 = 32;

/// A signature was found that cuts it.
pub const FLAG_CUT: u8 = 64;

/// What is remembered of a flow. Arrays hold the initiator first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Policy that judged it; of another epoch it is judged again.
    pub epoch: u32,
    /// One of [`state`].
    pub state: u8,
    /// A sum of `FLAG_…`.
    pub flags: u8,
    /// True verdict of each party, a [`crate::verdict::Reason`]; a denial here passes in audit mode.
    pub reasons: [u8; 2],
    /// Numbers of the devices judged, 0 where none is.
    pub devices: [u32; 2],
    /// Rules that allowed it, 0 where none did.
    pub rules: [u16; 2],
    /// Monotonic clock, whole seconds.
    pub created: u32,
    pub last_seen: u32,
    /// Monotonic clock, whole seconds: from then on it is judged again, because a
    /// rule ends or a name's address is forgotten; 0 never.
    pub valid_until: u32,
    /// Each written by one direction alone; approximate where a direction uses several CPUs,
    /// or a flow has begun again within a second of the last one under its key.
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    /// Groups of signatures that are looked for in what each end sends; 0 for none.
    pub groups: [u16; 2],
    /// What the rules of both ends let be said, by number; 0 for anything.
    pub applications: [u16; 2],
    /// Which flow under its key this is, while an earlier one is remembered.
    pub incarnation: u32,
    /// Where it stands in the kernel's flow table; 0 elsewhere.
    pub place: u32,
}

const _: () = assert!(size_of::<Flow>() == 80 && core::mem::offset_of!(Flow, incarnation) == 72);

impl Flow {
    pub const EMPTY: Self = Self {
        epoch: 0,
        state: 0,
        flags: 0,
        reasons: [0; 2],
        devices: [0; 2],
        rules: [0; 2],
        created: 0,
        last_seen: 0,
        valid_until: 0,
        packets: [0; 2],
        bytes: [0; 2],
        groups: [0; 2],
        applications: [0; 2],
        incarnation: 0,
        place: 0,
    };
}

/// IP protocol numbers (IANA) that have a meaning to the parser.
pub mod protocol {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ICMP: u8 = 1;
    pub const IGMP: u8 = 2;
    pub const IPV4: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const IPV6: u8 = 41;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const AUTHENTICATION: u8 = 51;
    pub const ICMPV6: u8 = 58;
    pub const DESTINATION_OPTIONS: u8 = 60;
}

/// Idle seconds after which a flow in this state is forgotten.
#[inline(always)]
pub const fn idle_timeout(settings: &Settings, protocol: u8, state: u8) -> u32 {
    match protocol {
        protocol::TCP => match state {
            state::OPENING | state::ANSWERED => settings.tcp_opening,
            state::ESTABLISHED => settings.tcp_established,
            _ => settings.tcp_closing,
        },
        protocol::UDP => settings.udp,
        protocol::ICMP | protocol::ICMPV6 => settings.icmp,
        _ => settings.other,
    }
}

shared! {
    /// A flow in shared memory.
    LiveFlow of Flow {
        epoch set_epoch: u32;
        state set_state: u8;
        flags set_flags: u8;
        reasons set_reasons: [u8; 2];
        devices set_devices: [u32; 2];
        rules set_rules: [u16; 2];
        created set_created: u32;
        last_seen set_last_seen: u32;
        valid_until set_valid_until: u32;
        groups set_groups: [u16; 2];
        applications set_applications: [u16; 2];
        incarnation set_incarnation: u32;
        place set_place: u32;
    }
}

impl LiveFlow {
    /// Whether the responder has sent a packet that was judged.
    #[inline(always)]
    pub fn is_answered(&self) -> bool {
        // SAFETY: as for the fields' accessors.
        unsafe { (&raw const (*self.0.get()).packets[1]).read_volatile() != 0 }
    }

    /// Writes all of it, word by word, and where it stands in the table.
    #[inline(always)]
    pub fn write(&self, flow: &Flow, place: u32) {
        const WORDS: usize = size_of::<Flow>() / size_of::<u64>();
        let from = core::ptr::from_ref(flow).cast::<u64>();
        let to = self.0.get().cast::<u64>();
        let mut index = 0;
        while index < WORDS - 1 {
            // SAFETY: both are as many words, aligned so, without padding; see the fields'
            // accessors for the rest.
            unsafe { to.add(index).write_volatile(from.add(index).read()) };
            index += 1;
        }
        self.set_incarnation(flow.incarnation);
        self.set_place(place);
    }

    /// Counts packets of one direction: 0 from the initiator, 1 from the responder.
    #[inline(always)]
    pub fn count(&self, direction: usize, count: u32, bytes: u64) {
        let index = direction & 1;
        // SAFETY: the index is 0 or 1; see the fields' accessors for the rest.
        unsafe {
            let flow = self.0.get();
            let packets = (&raw mut (*flow).packets).cast::<u64>().add(index);
            packets.write_volatile(packets.read_volatile().wrapping_add(u64::from(count)));
            let total = (&raw mut (*flow).bytes).cast::<u64>().add(index);
            total.write_volatile(total.read_volatile().wrapping_add(bytes));
        }
    }
}
