//! Application protocols as rules restrict them: lines of the compiled policy, and the
//! hash by which names that are spoken are found in them. Following the messages is
//! `decide/inspect/hear`.

/// What a rule lets be said.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplicationLine {
    /// One of `SPEAKS_…`.
    pub kind: u32,
    /// First [`Said`] of each list; 0: anything may be said. DICOM: called and calling
    /// titles. HL7: applications, facilities and messages.
    pub lists: [u32; 3],
    /// Lines of each list, at most [`LIST_LINES`].
    pub lines: [u32; 3],
    pub reserved: u32,
    /// Modbus: a bit for each function. BACnet: a bit for each confirmed service, for
    /// each unconfirmed one, for each function of the virtual link; and 1 for messages of
    /// the network layer.
    pub bits: [u64; 4],
}

/// The numbers are also those of [`crate::stream::Head::spoken`]; 0 is none.
pub const SPEAKS_DICOM: u32 = 1;
pub const SPEAKS_HL7: u32 = 2;
pub const SPEAKS_MODBUS: u32 = 3;
pub const SPEAKS_BACNET: u32 = 4;

/// Hashes of names, by [`said_hash`]; unused places are zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said(pub [u64; 8]);

/// Lines of one list at most.
pub const LIST_LINES: u32 = 8;

/// Beginning of a hash (FNV-1a, 64 bits).
pub const HASH: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash with one byte more.
#[inline(always)]
pub const fn hash_on(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Hash of a name; never 0, which is no name.
pub const fn said_hash(name: &[u8]) -> u64 {
    let mut hash = HASH;
    let mut index = 0;
    while index < name.len() {
        hash = hash_on(hash, name[index]);
        index += 1;
    }
    some(hash)
}

/// A hash that is not that of no name.
#[inline(always)]
pub const fn some(hash: u64) -> u64 {
    if hash == 0 { 1 } else { hash }
}
