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
    /// [`crate::table::Row`]s: of each service class, by columns, two groups, for what the
    /// client sends and what the server does; 0 is none. The first column is that of
    /// signatures for all profiles, the last one has those of any; between them each has
    /// what profiles that are named alike have.
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
    /// Of [`Self::of_services`].
    pub columns: u32,
    pub reserved: u32,
    pub more: [u64; 4],
}

/// Signatures that are looked for together. Places are those of [`crate::automata`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupLine {
    /// Place of a table that has the column of each byte, letters of either case being one, as
    /// a distance in bytes.
    pub columns: u32,
    /// Place of the root's row. The row of a state has a word in each column: the place of
    /// the row of the state that follows, with [`TELLS`] where a pattern ends.
    pub root: u32,
    /// [`crate::table::Row`]s: signatures that a state tells of, each list ended by 0.
    pub outputs: u32,
    /// Column of a state's row in which the place of its list stands, likewise.
    pub output_column: u32,
    /// Place of a table with a bit for each gram that a pattern may be known by; 0 where
    /// there is no filter. And of one that is as long, with a bit for the whole windows that
    /// these grams are taken from.
    pub filter: u32,
    pub windows: u32,
    /// By how much a gram's hash is shifted to be an index in the filter.
    pub filter_shift: u32,
    /// Bytes in a gram, and between the beginnings of those that are looked at.
    pub gram: u32,
    pub stride: u32,
    /// Bytes in the longest pattern.
    pub longest: u32,
    /// Bytes from the beginning of the text in which a pattern may end, by where the parts
    /// of its signature must stand; 0: anywhere.
    pub reach: u32,
    /// Bytes from the beginning of a turn, for signatures that count from there; 0: there
    /// are none.
    pub turn_reach: u32,
    /// Of [`RUN_GRAM`] and [`HEAD_GRAM`]: bits of eight bytes that all signatures of the group
    /// know, the rest of which is [`Self::windows`]'s; and in how many bytes these are.
    pub mask: u64,
    pub known: u32,
    /// Of [`RUN_GRAM`]: the byte that the eight begin with, three times.
    pub run: u32,
}

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
    /// What places count from, one of `BEGIN_…`.
    pub begin: u32,
    /// First of the lines of a bit for each group of devices that it is for; 0: all.
    pub groups: u32,
    /// Parts behind the others that must not be there.
    pub absent: u32,
    /// Bytes that a datagram has, at least and at most; a most of 0 asks for nothing.
    pub shortest: u32,
    pub longest: u32,
    /// 1 where the last part ends the datagram, else 0.
    pub ends: u32,
    /// TCP flags of the segment: those that are set in the lowest byte, those that are not in
    /// the next, and in the third those of which one is, if there are any.
    pub tcp_flags: u32,
    /// Whether a number says where a part is, one of `JUMPS_…`.
    pub jumps: u32,
    /// Hits that there must be before it acts; 0: it always does.
    pub hits: u32,
    /// Within how many seconds, and a sum of `THRESHOLD_…`.
    pub threshold: u32,
}

pub const JUMPS_NOWHERE: u32 = 0;
/// Parts before the first jump are looked for outward from the pattern, which is one of them.
pub const JUMPS_FROM_PATTERN: u32 = 1;
/// They have fixed places: all parts are looked for from the first one on, and the pattern may
/// be any.
pub const JUMPS_FROM_BEGINNING: u32 = 2;

/// Hits are counted by where packets go to, and not by where they come from.
pub const THRESHOLD_DESTINATION: u32 = 1 << 30;
/// It acts once for so many hits, and not at each behind them.
pub const THRESHOLD_EVERY: u32 = 1 << 31;

pub const BEGIN_CONNECTION: u32 = 0;
/// Where the sender began to speak after the other end.
pub const BEGIN_TURN: u32 = 1;
/// The segment, which all parts stand in.
pub const BEGIN_SEGMENT: u32 = 2;

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
/// Of a jump: its product is made a multiple of four.
pub const PART_ALIGN: u8 = 16;
/// Of a jump: it counts from the beginning, and not from its own end.
pub const PART_FROM_BEGINNING: u8 = 32;

pub const COMPARE_EQUAL: u8 = 0;
pub const COMPARE_UNEQUAL: u8 = 1;
pub const COMPARE_BELOW: u8 = 2;
pub const COMPARE_ABOVE: u8 = 3;
pub const COMPARE_ANY: u8 = 4;
/// It says where the next part counts from: multiplied by the mask, and the value, an `i32`,
/// added.
pub const COMPARE_JUMP: u8 = 5;

/// A bit for each profile number, over [`PROFILE_LINES`] lines.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profiles(pub [u64; 8]);

pub const PROFILE_LINES: u32 = 8;

/// Stands for the bytes of a gram where all signatures of a group know the same byte three
/// times in a row, and others behind it: two of it are looked for at every other place.
pub const RUN_GRAM: u32 = 1;
/// Bytes that there may be from the beginning of three in a row to the end of a pattern.
pub const RUN_REACH: usize = 8;
/// Stands for the bytes of a gram where all signatures of a group know bytes at the
/// beginning of the text, which are looked at alone.
pub const HEAD_GRAM: u32 = 0;

/// Hash of eight bytes, as far as a mask leaves them.
#[inline(always)]
pub const fn masked_hash(word: u64, mask: u64) -> u64 {
    (word & mask).wrapping_mul(0xd134_2543_de82_ef95)
}

/// What is folded into one in a gram: letters of either case, by bit 5.
pub const FOLDED: u64 = 0x2020_2020_2020_2020;

/// Bytes of the shortest gram, which is its own index in a filter.
pub const SHORT_GRAM: u32 = 2;
/// Length of such a filter, as a power of two: each gram there is has a place.
pub const SHORT_GRAMS: u32 = 8 * SHORT_GRAM;

/// Hash of a gram, from the word that begins with it.
#[inline(always)]
pub const fn gram_hash(word: u64, bytes: u32) -> u64 {
    (word | gram_folded(bytes)).wrapping_mul(gram_multiplier(bytes))
}

/// What is folded in a gram: of the shortest ones nothing, for two letters are somewhere.
#[inline(always)]
pub const fn gram_folded(bytes: u32) -> u64 {
    if bytes == SHORT_GRAM { 0 } else { FOLDED }
}

/// What a word is multiplied with, so that none but the first bytes of it count: the others
/// are shifted out by the factor's zeros.
#[inline(always)]
pub const fn gram_multiplier(bytes: u32) -> u64 {
    // A multiplier without structure: the fractional part of the golden ratio.
    let multiplier = if bytes == SHORT_GRAM {
        1
    } else {
        0x9e37_79b9_7f4a_7c15
    };
    multiplier << (64_u32.wrapping_sub(8 * bytes) & 63)
}

/// Another hash, of the window that a gram was taken from (the multiplier is that of Steele
/// and Vigna, 2021).
#[inline(always)]
pub const fn window_hash(word: u64, bytes: u32) -> u64 {
    first_bytes(word, bytes).wrapping_mul(0xd134_2543_de82_ef95)
}

/// Bytes of a window that are compared.
#[inline(always)]
pub const fn window_length(gram: u32, stride: u32) -> u32 {
    let length = gram + stride - 1;
    if length > 8 { 8 } else { length }
}

#[inline(always)]
const fn first_bytes(word: u64, bytes: u32) -> u64 {
    (word | FOLDED) << (64_u32.wrapping_sub(8 * bytes) & 63)
}

/// Index of a gram in a filter, by its hash.
#[inline(always)]
pub const fn gram_index(hash: u64, shift: u32) -> u64 {
    hash >> (shift & 63)
}

/// Place of a gram's bit in its byte of a filter.
#[inline(always)]
pub const fn gram_place(hash: u64) -> u64 {
    hash >> 40 & 7
}

/// The bit of a gram in its byte of a filter.
#[inline(always)]
pub const fn gram_bit(hash: u64) -> u8 {
    1 << gram_place(hash)
}
