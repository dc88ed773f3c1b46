//! Devices in the compiled policy: the key under which one is found, what the device
//! table says of it at once, and the line with what is seldom asked.

use crate::addr::{Mac, Vlan};
use crate::verdict::Mode;

/// Set in every key of a device, so that the zero address is not found in empty slots.
const DEVICE_KEY: u64 = 1 << 15;

/// Key of a device, never 0: hardware address and outer VLAN. The inner VLAN
/// stands in the value.
#[inline(always)]
pub const fn device_key(mac: Mac, vlan: Vlan) -> u64 {
    mac.to_u64() << 16 | DEVICE_KEY | vlan.outer as u64
}

/// What the device table says of one device, packed into a slot's value:
/// inner VLAN (12 bits), profile (12), flags (8), port (8), number (24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceEntry(pub u64);

/// Denials are carried out.
pub const DEVICE_ENFORCE: u8 = 1;
/// The device is bound to the addresses of its [`DeviceLine`].
pub const DEVICE_BOUND: u8 = 2;
/// The [`DeviceLine`] holds a deadline to look at: quarantine or adoption.
pub const DEVICE_MARKED: u8 = 4;
/// Bound, too, to the address that it was seen to get by DHCP.
pub const DEVICE_DHCP_ADDRESS: u8 = 8;
/// The profile grants a limited rate.
pub const DEVICE_LIMITED: u8 = 16;
/// The profile holds the device's address to the port that it is seen on.
pub const DEVICE_HELD: u8 = 32;

impl DeviceEntry {
    /// `port` is the number of a port in the policy, 0 where the device may be on any.
    pub const fn new(inner_vlan: u16, profile: u32, flags: u8, port: u8, number: u32) -> Self {
        Self(
            (inner_vlan as u64) << 52
                | (profile as u64 & 0xfff) << 40
                | (flags as u64) << 32
                | (port as u64) << 24
                | (number as u64 & 0xff_ffff),
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

    /// A sum of `DEVICE_…`.
    #[inline(always)]
    pub const fn flags(self) -> u8 {
        (self.0 >> 32) as u8
    }

    #[inline(always)]
    pub const fn mode(self) -> Mode {
        if self.flags() & DEVICE_ENFORCE != 0 {
            Mode::Enforce
        } else {
            Mode::Audit
        }
    }

    /// Number of the port that the device must be on, 0 for any.
    #[inline(always)]
    pub const fn port(self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// Number of the device, from 1.
    #[inline(always)]
    pub const fn number(self) -> u32 {
        self.0 as u32 & 0xff_ffff
    }
}

/// What is seldom asked of a device: the addresses that it may use, and its
/// deadlines. Times are policy time.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceLine {
    /// Upper and lower half of each; unused places are zero.
    pub ipv6: [[u64; 2]; 2],
    /// As numbers; unused places are zero.
    pub ipv4: [u32; 2],
    /// Class of peers that the device belongs to, where rules name devices.
    pub group: u32,
    /// Until then nothing passes; 0 never, the highest for ever.
    pub quarantine_until: u32,
    /// Until then sessions that are already running are adopted.
    pub adopt_until: u32,
    pub reserved: [u32; 3],
}
