//! What devices are told by the answers that they receive: the addresses of DNS
//! names, and the address that a DHCP server gave them. Pure: bytes of frames that
//! the policy allowed go in, lessons come out. Whoever holds the clock, the maps and
//! the files is elsewhere.

pub mod datagram;
pub mod dhcp;
pub mod dns;
pub mod guide;
pub mod learner;
pub mod leases;
pub mod names;

use std::fmt;

use enforcer_common::addr::{Ip, Mac, Vlan};
use enforcer_common::learned::LearnedKey;
use enforcer_common::table::device_key;

/// A device as frames show it, whatever its number in a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub mac: Mac,
    pub vlan: Vlan,
}

impl Identity {
    /// The place of an address in the map; `name` 0 is the device's own address.
    pub fn key(self, address: Ip, name: u64) -> LearnedKey {
        LearnedKey {
            address,
            name,
            device: device_key(self.mac, self.vlan),
            inner_vlan: u32::from(self.vlan.inner),
            reserved: 0,
        }
    }

    /// The device that a key in the map is about.
    pub fn of(key: &LearnedKey) -> Self {
        let [_, _, a, b, c, d, e, f] = (key.device >> 16).to_be_bytes();
        Self {
            mac: Mac([a, b, c, d, e, f]),
            vlan: Vlan {
                outer: key.device as u16 & 0x0fff,
                inner: key.inner_vlan as u16,
            },
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in VLAN {}", self.mac, self.vlan)
    }
}

/// Why a frame taught nothing. Also the label of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Longer than what user space is shown.
    CutShort,
    /// Not a well-formed message of its protocol.
    Malformed,
    /// Answers no question that the device asked, or not the first time.
    Unasked,
    /// The name asked for is none of the policy's.
    OtherName,
    /// The server reports an error, or that the answer does not fit a datagram.
    Failed,
    /// Holds no address that a peer or the device can have.
    NoAddress,
    /// No room for more questions, addresses or leases.
    NoRoom,
    /// From a DHCP server that the device's profile does not name.
    RogueServer,
    /// For none of the devices that get their address by DHCP.
    OtherDevice,
    /// The address is another device's.
    Taken,
}

impl Refusal {
    pub const ALL: [Self; 10] = [
        Self::CutShort,
        Self::Malformed,
        Self::Unasked,
        Self::OtherName,
        Self::Failed,
        Self::NoAddress,
        Self::NoRoom,
        Self::RogueServer,
        Self::OtherDevice,
        Self::Taken,
    ];

    pub const fn label(self) -> &'static str {
        match self {
            Self::CutShort => "cut-short",
            Self::Malformed => "malformed",
            Self::Unasked => "unasked",
            Self::OtherName => "other-name",
            Self::Failed => "failed",
            Self::NoAddress => "no-address",
            Self::NoRoom => "no-room",
            Self::RogueServer => "rogue-server",
            Self::OtherDevice => "other-device",
            Self::Taken => "taken",
        }
    }
}
