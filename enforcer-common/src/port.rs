//! Bridge ports as the kernel half knows them, by interface index.

use crate::addr::Mac;

/// Which side of the enforcer a port faces.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "user", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "user", serde(rename_all = "lowercase"))]
pub enum Side {
    /// Managed devices are behind this port.
    Device = 0,
    /// The rest of the hospital is.
    Core = 1,
}

/// What the program knows of the port a frame came in by. Zero is a device-side
/// port that drops everything until a policy is loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Place of the port in the counters, from 0.
    pub index: u32,
    /// A [`Side`].
    pub side: u8,
    /// Frames pass while no policy is loaded: 1, else 0.
    pub pass_without_policy: u8,
    /// Hardware address of the bridge itself, zero where it is not known.
    pub bridge: Mac,
    pub reserved: u32,
}

impl Port {
    #[inline(always)]
    pub const fn is_core(&self) -> bool {
        self.side == Side::Core as u8
    }
}
