//! What is learned from answers that a device receives: the addresses of DNS
//! names, and the address that a DHCP server gave it. User space learns; the
//! decision looks up.

use core::mem::size_of;

use crate::addr::Ip;

/// An address that a device was given, for a name or for itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LearnedKey {
    pub address: Ip,
    /// Hash of the name as the policy writes it; 0: the device's own address.
    pub name: u64,
    /// [`crate::table::device_key`].
    pub device: u64,
    pub inner_vlan: u32,
    pub reserved: u32,
}

const _: () = assert!(size_of::<LearnedKey>() == 40);

impl LearnedKey {
    pub const EMPTY: Self = Self {
        address: Ip::UNSPECIFIED,
        name: 0,
        device: 0,
        inner_vlan: 0,
        reserved: 0,
    };
}

/// Hash of a DNS name in lower case, without the final dot; never 0 (FNV-1a, 64 bits).
pub const fn name_hash(name: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < name.len() {
        hash = (hash ^ name[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    if hash == 0 { 1 } else { hash }
}

/// Bytes of a frame that user space is shown.
pub const LESSON_BYTES: usize = 1536;

/// A frame that may teach something, as it leaves the kernel half.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// Monotonic clock, ns.
    pub time: u64,
    /// Numbers of the devices that the frame is from and to, 0 where one is not declared.
    pub source: u32,
    pub destination: u32,
    /// Policy that judged.
    pub epoch: u32,
    /// Bytes of the frame; what lies beyond [`LESSON_BYTES`] is not shown.
    pub length: u32,
    /// Offset of the UDP payload in the frame.
    pub payload: u32,
    pub reserved: u32,
    pub bytes: [u8; LESSON_BYTES],
}
