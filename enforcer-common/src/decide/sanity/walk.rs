//! Scratch of the predicates: header bytes at hand, and where a walk over them stands. Each
//! step of a walk and each walk is a stage of its own: the verifier follows every step of
//! a loop, but a call costs it one.

use super::super::Work;
use super::super::inspect::PIECE;
use crate::sanity::Predicate;
use crate::tables::Frame;

/// Where a walk stands. Places are indices of the text that the inspection's scratch holds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// What is looked at next.
    pub at: u32,
    /// Behind the last byte.
    pub end: u32,
    /// Whether the message goes on behind the bytes that are at hand: 1, else 0.
    pub cut: u32,
    /// Of IPv6, the number of the header that is looked at next, and its offset in the
    /// frame.
    pub header: u32,
    pub offset: u32,
    /// Of a DNS name: bytes so far, where its present run of labels began, and where what
    /// follows the name begins, 0 before the first pointer.
    pub length: u32,
    pub run: u32,
    pub behind: u32,
    /// Questions and records of a DNS message that are left.
    pub questions: u32,
    pub records: u32,
}

impl Walk {
    pub const EMPTY: Self = Self {
        at: 0,
        end: 0,
        cut: 0,
        header: 0,
        offset: 0,
        length: 0,
        run: 0,
        behind: 0,
        questions: 0,
        records: 0,
    };
}

/// Bytes that can be at hand.
pub(super) const ROOM: u32 = 2 * PIECE as u32;

/// What a step of a walk says: there is more, there is not, or a predicate is met, whose
/// number is added to [`MET`].
pub(super) const GO_ON: u32 = 0;
pub const END: u32 = 1;
pub(super) const MET: u32 = 256;

#[inline(always)]
pub(super) const fn met(predicate: Predicate) -> u32 {
    MET + predicate as u32
}

/// Copies bytes of the frame to the beginning of the text; as many as there is room for.
/// False where they cannot be had.
#[inline(always)]
pub(in crate::decide) fn load<F: Frame + ?Sized>(
    frame: &F,
    work: &mut Work,
    offset: u32,
    length: u32,
) -> bool {
    let text = work.inspection.text.as_mut_ptr();
    let first = at_most_a_piece(length);
    // SAFETY: the text is longer than two pieces.
    let (front, back) = unsafe {
        (
            &mut *text.cast::<[u8; PIECE]>(),
            &mut *text.add(PIECE).cast::<[u8; PIECE]>(),
        )
    };
    if !frame.copy(offset, first, front) {
        return false;
    }
    let rest = at_most_a_piece(length - first);
    if rest != 0 && !frame.copy(offset + PIECE as u32, rest, back) {
        return false;
    }
    work.walk.at = 0;
    work.walk.end = first + rest;
    work.walk.cut = u32::from(length > ROOM);
    true
}

/// Notes that a message goes on in other fragments.
#[inline(always)]
pub(super) const fn goes_on(work: &mut Work) {
    if work.packet.is_fragment() {
        work.walk.cut = 1;
    }
}

/// Read from memory it is a number of 32 bits to the verifier, which it does not know of
/// one that was reckoned.
#[inline(always)]
fn at_most_a_piece(length: u32) -> u32 {
    let length = if length > PIECE as u32 {
        PIECE as u32
    } else {
        length
    };
    // SAFETY: a value of this function's own.
    unsafe { (&raw const length).read_volatile() }
}

/// The byte where the walk stands, or so far behind.
#[inline(always)]
pub(super) fn byte(work: &Work, behind: u32) -> u32 {
    work.inspection
        .byte(work.walk.at.wrapping_add(behind))
        .into()
}

/// Two bytes there, as a number.
#[inline(always)]
pub(super) fn short(work: &Work, behind: u32) -> u32 {
    byte(work, behind) << 8 | byte(work, behind + 1)
}

/// Bytes from where the walk stands to the end.
#[inline(always)]
pub(super) const fn left(work: &Work) -> u32 {
    work.walk.end.saturating_sub(work.walk.at)
}
