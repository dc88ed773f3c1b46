//! Signatures as the decision reads them: lines of the compiled policy, and what is
//! kept of a stream between its packets. Looking for them is `decide/inspect`.

/// Bytes from the first to the last one that a signature speaks of.
pub const SPAN: usize = 256;
/// Bytes that one part of a signature compares.
pub const PATTERN: usize = 40;
/// Parts of one signature.
pub const PARTS: usize = 8;

/// What a policy inspects.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InspectionLine {
    /// [`crate::table::Row`]s: of each service class two groups, for what the client
    /// sends and what the server does; 0 is none.
    pub of_services: u32,
    /// A [`GroupLine`] a group, by number less one.
    pub groups: u32,
    /// A [`SignatureLine`] a signature, by number less one.
    pub signatures: u32,
    /// A [`crate::application::ApplicationLine`] each, by number less one.
    pub applications: u32,
    /// Key of the hashes by which bytes of a stream that come again are known. The daemon
    /// draws it.
    pub key: u64,
    pub more: [u64; 5],
}

/// Signatures that are looked for together.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupLine {
    /// [`ByteClasses`], four lines of them.
    pub classes: u32,
    /// [`Transitions`] of all states, the root's first.
    pub states: u32,
    /// [`crate::table::Row`]s: signatures that a state tells of, each list ended by 0.
    pub outputs: u32,
    /// Column of a state's transitions in which the place of its list stands.
    pub output_column: u32,
    /// Lines of 512 bits: grams that occur in the patterns; 0 where there is no filter.
    pub filter: u32,
    /// By how much a gram's hash is shifted to be a place in the filter.
    pub filter_shift: u32,
    /// Bytes in a gram, 4 or 8, and bits of a word that it leaves unused.
    pub gram: u32,
    pub gram_shift: u32,
    /// Bytes in the longest pattern.
    pub longest: u32,
    /// Line of the [`Profiles`] that some signature of the group is for; 0: all.
    pub profiles: u32,
    pub reserved: [u32; 6],
}

/// Class of each byte in an automaton, letters of either case being one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteClasses(pub [u8; 64]);

/// A piece of a state's row: by byte class the state that follows, as the first line of
/// its row, counted from [`GroupLine::states`]; with [`TELLS`] where a pattern ends.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transitions(pub [u32; 16]);

/// A pattern ends in this state.
pub const TELLS: u32 = 1 << 31;

/// One signature.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignatureLine {
    /// Number by which people know it.
    pub id: u32,
    /// First of its [`PartLine`]s.
    pub parts: u32,
    /// How many these are.
    pub count: u32,
    /// Which of them the automaton finds.
    pub fast: u32,
    /// Line of the [`Profiles`] that it is for; 0: all.
    pub profiles: u32,
    /// One of `ACTION_…`.
    pub action: u32,
    /// 1 where places count from the sender's turn, else 0.
    pub turns: u32,
    /// First of the lines of a bit for each group of devices that it is for; 0: all.
    pub groups: u32,
    /// Parts behind the others that must not be there.
    pub absent: u32,
    /// Bytes that a datagram has, at least and at most; a most of 0 asks for nothing.
    pub shortest: u32,
    pub longest: u32,
    /// 1 where the last part ends the datagram, else 0.
    pub ends: u32,
    pub reserved: [u32; 4],
}

pub const ACTION_ALERT: u32 = 1;
pub const ACTION_DROP: u32 = 2;
/// The rest of the flow as well.
pub const ACTION_CUT: u32 = 3;

/// A condition on a place of the text. Distances count from the end of the part
/// before, or from the beginning of the text.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLine {
    /// Distances at which it may begin, the first and the last.
    pub first: i32,
    pub last: i32,
    /// A sum of `PART_…`.
    pub flags: u8,
    /// Bytes that it covers.
    pub length: u8,
    /// Of a number: one of `COMPARE_…`.
    pub compare: u8,
    /// Of a part that must not be there: the number of the part that it counts from the
    /// end of.
    pub behind: u8,
    /// Of a number: the bits that count, and what they are compared with. Of bytes: a bit
    /// for each that is a letter of either case, the first 32 here and the others below.
    pub mask: u32,
    pub value: u32,
    pub bytes: [u8; PATTERN],
    pub unused: u32,
}

impl Default for PartLine {
    fn default() -> Self {
        Self {
            first: 0,
            last: 0,
            flags: 0,
            length: 0,
            compare: 0,
            behind: 0,
            mask: 0,
            value: 0,
            bytes: [0; PATTERN],
            unused: 0,
        }
    }
}

/// Distances count from the end of the part before.
pub const PART_RELATIVE: u8 = 1;
pub const PART_NUMBER: u8 = 4;
pub const PART_LITTLE_ENDIAN: u8 = 8;

pub const COMPARE_EQUAL: u8 = 0;
pub const COMPARE_UNEQUAL: u8 = 1;
pub const COMPARE_BELOW: u8 = 2;
pub const COMPARE_ABOVE: u8 = 3;
pub const COMPARE_ANY: u8 = 4;

/// A bit for each profile number, over [`PROFILE_LINES`] lines.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profiles(pub [u64; 8]);

pub const PROFILE_LINES: u32 = 8;

/// Place of a gram in a filter. `unused` is how many of the word's last bits are none of
/// its. Bit 5 is set in every byte, which makes letters of either case one.
#[inline(always)]
pub const fn gram_hash(word: u64, unused: u32, shift: u32) -> u64 {
    let folded = (word | 0x2020_2020_2020_2020) << (unused & 63);
    // A multiplier without structure: the fractional part of the golden ratio.
    folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (shift & 63)
}

/// Distance between the grams of a text that are looked at.
pub const STRIDE: usize = 4;
