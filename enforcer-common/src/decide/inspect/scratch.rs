//! Scratch of the inspection: the piece of the text that is looked at, with what came
//! before it, and what was found so far.

use super::hash::{KEYED, Keys};
use super::hear::{Reading, Saying};
use crate::signature::{GroupLine, PARTS, PATTERN, SPAN};
use crate::stream::Head;
use crate::threshold::HitsKey;

/// Bytes that are looked at in one go.
pub const PIECE: usize = 2048;
/// Where a piece stands: behind the bytes that came before it.
pub(super) const START: usize = SPAN;
/// A power of two, so that a mask keeps every index inside; there is room for a tail
/// at the last one.
pub(in crate::decide) const TEXT: usize = 2 * PIECE;
/// Bytes behind it: a tail, or what all lanes walk over in one go where they are far apart.
pub(in crate::decide) const ROOM: usize = (LANES - 1) * WIDE + GO;
const _: () = assert!(ROOM >= SPAN);
pub(super) const MASK: usize = TEXT - 1;

/// A word from any place.
///
/// # Safety
/// As many bytes can be read there, and any bytes are such a word.
#[inline(always)]
pub(super) unsafe fn load<W: Copy>(place: *const u8) -> W {
    // SAFETY: as promised by the caller.
    #[cfg(not(target_arch = "bpf"))]
    unsafe {
        place.cast::<W>().read_unaligned()
    }
    // What Rust calls unaligned is read byte by byte on this target, though every machine
    // that it runs on reads a word from anywhere.
    // SAFETY: as promised by the caller.
    #[cfg(target_arch = "bpf")]
    unsafe {
        place.cast::<W>().read_volatile()
    }
}

/// Writes a word to any place.
///
/// # Safety
/// Eight bytes can be written there.
#[inline(always)]
unsafe fn store(place: *mut u8, word: u64) {
    // SAFETY: as promised by the caller.
    #[cfg(not(target_arch = "bpf"))]
    unsafe {
        place.cast::<u64>().write_unaligned(word);
    }
    // SAFETY: as promised by the caller; see above.
    #[cfg(target_arch = "bpf")]
    unsafe {
        place.cast::<u64>().write_volatile(word);
    }
}

/// Copies as many bytes as a tail has, to a place before or apart from where they are.
///
/// # Safety
/// Both places have that many bytes.
#[inline(always)]
pub(super) unsafe fn copy_tail(from: *const u8, to: *mut u8) {
    // SAFETY: as promised by the caller.
    unsafe { copy_words::<{ SPAN / 8 }>(from, to) };
}

/// Copies where a stream stands.
///
/// # Safety
/// Both places have room for a head.
#[inline(always)]
pub(super) unsafe fn copy_head(from: *const Head, to: *mut Head) {
    // SAFETY: as promised by the caller; a head is that many words.
    unsafe { copy_words::<{ size_of::<Head>() / 8 }>(from.cast(), to.cast()) };
}

const _: () = assert!(SPAN.is_multiple_of(8) && size_of::<Head>().is_multiple_of(8));

/// Copies words, which on the BPF target takes an eighth of the time that bytes take: what
/// Rust copies as a whole it copies byte by byte there.
///
/// # Safety
/// Both places have that many words.
#[inline(always)]
unsafe fn copy_words<const WORDS: usize>(from: *const u8, to: *mut u8) {
    for word in 0..WORDS {
        // SAFETY: as promised by the caller.
        unsafe { store(to.add(word * 8), load::<u64>(from.add(word * 8))) };
    }
}

/// Parts of a piece that are walked over at once.
pub(super) const LANES: usize = 5;
/// Bytes in each of them where there is much to walk through: lanes that are as far apart as
/// the program is told beforehand take less time than others. Together they hold what a frame
/// of 1,514 bytes carries.
pub(super) const WIDE: usize = 296;
/// Bytes that a lane walks over in one go.
pub(super) const GO: usize = 64;

/// Signatures with a threshold that are counted in one packet; a power of two.
pub(super) const COUNTED: usize = 8;

/// Places that patterns were found at, in one piece.
pub(super) const HITS: usize = 32;

/// A place where a pattern ends.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hit {
    /// Index in the text of the first byte after it.
    pub(super) end: u32,
    /// Place of the automaton's state.
    pub(super) state: u32,
}

/// No checkpoint.
pub const UNKNOWN: u32 = u32::MAX;

/// How the bytes of a packet follow those before.
pub(super) mod course {
    /// They stand alone, or are next: what is kept of a stream moves on with them.
    pub(in crate::decide) const ONWARD: u32 = 0;
    /// They were let through before, and must be the same.
    pub(in crate::decide) const AGAIN: u32 = 1;
    /// They are looked at by themselves: what is kept of a stream stays as it is.
    pub(in crate::decide) const APART: u32 = 2;
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Inspection {
    /// Signature that was found, 0 for none, and one of `ACTION_…`.
    pub signature: u32,
    pub action: u32,
    /// Groups that are looked for in what each end of the flow sends, who began first.
    pub groups: [u32; 2],
    /// Groups and applications of a flow that is judged anew.
    pub(in crate::decide) sought: [[u16; 2]; 2],
    /// What the rules of both ends let be said, by number; 0 for anything.
    pub applications: [u32; 2],
    /// Which end sent the packet: 0 who began the flow.
    pub sender: u32,
    /// Whether the flow was judged just now, so that its stream may begin anywhere.
    pub fresh: u32,
    /// Offset in the frame of the next byte to be looked at, and how many are left.
    pub(super) offset: u32,
    pub(super) left: u32,
    /// Bytes in the piece, and those of them that a pattern may end in.
    pub(super) piece: u32,
    pub(super) scanned: u32,
    /// One of [`course`].
    pub(super) course: u32,
    /// Bytes that are left of the packet, or of the segment that they were when they come
    /// again.
    pub(super) again: u32,
    /// And what that segment hashed to.
    pub(super) expected: u32,
    /// Sequence number of the next byte of the packet.
    pub(super) place: u32,
    /// Hash of the bytes of the segment so far, and the key for those that follow.
    pub(super) hash: u64,
    pub(super) key: u64,
    /// Key of which those of all words were made, and these, by blocks.
    pub(super) keys_of: u64,
    pub(super) keys: [Keys; KEYED],
    /// Sequence number of the first byte that moves the stream on.
    pub(super) sequence: u32,
    /// Whether what cannot be followed is denied.
    pub(in crate::decide) strict: u32,
    /// Bytes of the stream that are looked at; 0 is all.
    pub(super) limit: u32,
    /// Whether something of the text was missed.
    pub(super) lost: u32,
    /// Whether the state is that of another policy's automaton.
    pub(super) outdated: u32,
    /// Places where patterns end; how many there were may be above [`HITS`].
    pub(super) hit_count: u32,
    /// Bytes of the payload that a glance has walked through because patterns end in them, 0
    /// where it has not: the hits are there. And the same of the packet that is judged.
    pub(super) walked: u32,
    pub(super) suspected: u32,
    /// Bytes of the piece in which no pattern ends, as far as they have been looked through.
    pub(super) clean: u32,
    /// Grams that a filter has met in the piece without a window around them.
    pub(super) vain: u32,
    /// 1 where a pattern was met in the packet, or is waited for, else 0.
    pub(in crate::decide) bears: u32,
    /// Whether the connection turned out to be encrypted.
    pub(super) encrypted: u32,
    /// Why what was said does not pass, a [`crate::verdict::Reason`]; 0 where it does.
    pub(super) heard: u32,
    /// What is read of a message, and the name that is looked up, by its hash.
    pub(super) reading: Reading,
    pub(super) saying: Saying,
    pub(super) name: u64,
    /// Where the parts of a signature end, by their place in it.
    pub(super) ends: [u32; PARTS],
    /// Signatures with a threshold whose hit in this packet is counted, and how many.
    pub(super) counted_hits: u32,
    pub(super) counted: [u32; COUNTED],
    /// Whose hits are counted.
    pub(super) hits_key: HitsKey,
    /// Index of the first byte that parts of the signature may stand at.
    pub(super) floor: i32,
    /// Index of the first byte that a signature speaks of, and behind the last one.
    pub(super) reach: [i32; 2],
    /// Signatures looked for in the piece.
    pub(super) looks: u32,
    /// The group whose patterns are looked for.
    pub(super) group: GroupLine,
    /// States of the automaton in each lane, and how far apart these are.
    pub(super) lanes: [u64; LANES],
    pub(super) share: u32,
    /// Steps that each lane takes, the first of them before its share.
    pub(super) steps: u32,
    pub(super) early: u32,
    /// Where the sender's stream stands; a datagram is one of its own.
    pub(super) head: Head,
    pub(super) hits: [Hit; HITS],
    pub(in crate::decide) text: [u8; TEXT + ROOM],
}

impl Inspection {
    pub const EMPTY: Self = Self {
        signature: 0,
        action: 0,
        groups: [0; 2],
        sought: [[0; 2]; 2],
        applications: [0; 2],
        sender: 0,
        fresh: 0,
        offset: 0,
        left: 0,
        piece: 0,
        scanned: 0,
        course: 0,
        again: 0,
        expected: 0,
        place: 0,
        hash: 0,
        key: 0,
        keys_of: 0,
        keys: [[0; 8]; KEYED],
        sequence: 0,
        strict: 0,
        limit: 0,
        lost: 0,
        outdated: 0,
        hit_count: 0,
        walked: 0,
        suspected: 0,
        clean: 0,
        vain: 0,
        bears: 0,
        encrypted: 0,
        heard: 0,
        reading: Reading::EMPTY,
        saying: Saying::EMPTY,
        name: 0,
        ends: [0; PARTS],
        counted_hits: 0,
        counted: [0; COUNTED],
        hits_key: HitsKey::EMPTY,
        floor: 0,
        reach: [0; 2],
        looks: 0,
        group: GroupLine {
            columns: 0,
            root: 0,
            outputs: 0,
            output_column: 0,
            filter: 0,
            windows: 0,
            filter_shift: 0,
            gram: 0,
            stride: 0,
            longest: 0,
            reach: 0,
            turn_reach: 0,
            mask: 0,
            known: 0,
            run: 0,
        },
        lanes: [0; LANES],
        share: 0,
        steps: 0,
        early: 0,
        head: Head {
            epoch: 0,
            next: 0,
            spoken: 0,
            length: 0,
            from_start: 0,
            known: 0,
            floor: 0,
            message: 0,
            checkpoint: 0,
            oldest: 0,
            pending: [crate::stream::Pending {
                signature: 0,
                end: 0,
            }; crate::stream::PENDING],
            said: [0; 2],
            turn: 0,
            answered: 0,
            limit: 0,
            reserved: 0,
        },
        hits: [Hit { end: 0, state: 0 }; HITS],
        text: [0; TEXT + ROOM],
    };

    /// A byte of the text, by its index.
    #[inline(always)]
    pub(in crate::decide) fn byte(&self, index: u32) -> u8 {
        // SAFETY: the mask keeps the index inside.
        unsafe { *self.text.as_ptr().add(index as usize & MASK) }
    }

    /// Eight bytes of the text from an index on.
    #[inline(always)]
    pub(super) fn word_at(&self, index: u64) -> u64 {
        // SAFETY: the mask keeps the index inside, and there is room for a word behind
        // the last one; any bytes are a valid word.
        unsafe { u64::from_le(load(self.text.as_ptr().add(index as usize & MASK))) }
    }

    /// Writes eight bytes of the text, from a known index on.
    #[inline(always)]
    pub(super) fn put_word(&mut self, index: usize, word: u64) {
        // SAFETY: the mask keeps the index inside, as for reading.
        unsafe { store(self.text.as_mut_ptr().add(index & MASK), word) }
    }

    /// A word of the text, at a distance from an index on.
    #[inline(always)]
    pub(super) fn word<W: Copy>(&self, index: u64, distance: usize) -> W {
        // SAFETY: there is room for a tail behind every index that the mask leaves, and
        // distances are shorter than one; any bytes are a word.
        unsafe { load(self.text_from(index).add(distance)) }
    }

    /// The text from an index on, with room for a piece of it behind.
    #[inline(always)]
    pub(super) fn text_from(&self, index: u64) -> *const u8 {
        // SAFETY: the mask keeps the place inside.
        unsafe { self.text.as_ptr().add(index as usize & MASK) }
    }

    /// Takes the group whose patterns are looked for.
    #[inline(always)]
    pub(super) fn take_group(&mut self, group: &GroupLine) {
        const WORDS: usize = size_of::<GroupLine>() / 8;
        // SAFETY: both are that many words long, and any bytes are a valid group.
        unsafe {
            copy_words::<WORDS>((&raw const *group).cast(), (&raw mut self.group).cast());
        }
    }

    /// Puts the last bytes of a tail before the text, as many as a pattern may reach back.
    ///
    /// # Safety
    /// There is a tail at the place.
    #[inline(always)]
    pub(super) unsafe fn put_before(&mut self, tail: *const u8) {
        const BACK: usize = PATTERN.next_multiple_of(8);
        // SAFETY: as promised by the caller; both places have so many bytes.
        unsafe {
            let from = tail.add(SPAN - BACK);
            copy_words::<{ BACK / 8 }>(from, self.text.as_mut_ptr().add(START - BACK));
        }
    }

    /// The last bytes of the text.
    #[inline(always)]
    pub(super) fn tail(&self) -> *const u8 {
        self.text_from(self.piece.into())
    }

    /// Index of the first byte that is known.
    #[inline(always)]
    pub(super) const fn begin(&self) -> i32 {
        START as i32 - self.head.known as i32
    }

    /// Index behind the last byte.
    #[inline(always)]
    pub(super) const fn end(&self) -> i32 {
        START as i32 + self.piece as i32
    }
}
