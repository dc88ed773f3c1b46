//! The filters of a group, over a text in the scratch: a piece in which they meet nothing
//! bears none of its patterns, and needs no walk.

use super::known;
use super::scratch::{Inspection, PIECE, START, load};
use crate::automata::{Automata, Table};
use crate::decide::Work;
use crate::signature::{
    FOLDED, GroupLine, HEAD_GRAM, PATTERN, RUN_GRAM, RUN_STRIDE, SHORT_GRAM, gram_bit, gram_hash,
    gram_index, gram_multiplier, gram_place, window_hash, window_length,
};
use crate::table::Control;
use crate::tables::Tables;

/// Grams that are looked at before anything is asked of them.
pub(super) const BATCH: usize = 16;
/// Such batches in one go of the filter.
pub(super) const BATCHES: usize = 8;
pub(super) const SIFTED: u32 = (BATCHES * BATCH) as u32;
/// Grams of which it is asked together whether they are in a window.
pub(super) const ASKED: usize = BATCH / 2;
/// Distances between grams.
pub(super) const STRIDE: usize = 4;
pub(super) const SHORT_STRIDE: usize = 3;
/// Bytes before these grams that windows of them may reach back to, and with these all
/// that are asked to be sure of what the filter has met.
pub(super) const BEFORE: usize = 4;
pub(super) const CONFIRMED: usize = BEFORE + (ASKED - 1) * STRIDE + 8;
const _: () = assert!(CONFIRMED.is_multiple_of(8));
/// Grams that the filter may know in one text without a window around them. Where there are more,
/// a walk takes less than to ask for the windows of all.
const VAIN: u32 = 32;
/// Goes of the filter for the longest piece, and for what it begins early by.
pub(super) const SIFTS: u32 = (PIECE + PATTERN).div_ceil(SIFTED as usize * SHORT_STRIDE) as u32;

#[inline(always)]
pub(super) fn is_clean<T: Tables>(tables: &T, work: &mut Work, length: u32) -> bool {
    let inspection = &work.inspection;
    if inspection.group.gram == HEAD_GRAM {
        let bytes = inspection.word_at(START as u64);
        return tables
            .automata(Control::epoch(work.moment.active))
            .is_some_and(|of| !known::may_begin(of, &inspection.group, inspection, bytes));
    }
    let stride = inspection.group.stride;
    for sift in 0..SIFTS {
        let from = (sift * SIFTED).wrapping_mul(stride);
        if from >= length {
            break;
        }
        if tables.sift(work, from) {
            return false;
        }
    }
    true
}

/// Whether a pattern may stand among the grams of the text from a distance on, as many as
/// one go looks at. The compiler takes a window of each pattern, of a gram and a stride less
/// one, and all grams in it: wherever a pattern begins, one of these is looked at.
#[inline(always)]
pub(in crate::decide) fn sift<T: Tables>(tables: &T, work: &mut Work, from: u32) -> bool {
    let group = &work.inspection.group;
    match (group.gram, group.stride as usize) {
        (RUN_GRAM, _) => sift_runs(tables, work, from),
        (8, _) => sift_grams::<T, u64, STRIDE>(tables, work, from),
        (SHORT_GRAM, _) => sift_grams::<T, u16, SHORT_STRIDE>(tables, work, from),
        (_, STRIDE) => sift_grams::<T, u32, STRIDE>(tables, work, from),
        _ => sift_grams::<T, u32, SHORT_STRIDE>(tables, work, from),
    }
}

/// As much of the text as a gram needs.
pub(super) trait Word: Copy {
    /// Its index in the filter.
    fn index(self, multiplier: u64, shift: u32) -> u64;
}

impl Word for u64 {
    #[inline(always)]
    fn index(self, multiplier: u64, shift: u32) -> u64 {
        gram_index(
            (Self::from_le(self) | FOLDED).wrapping_mul(multiplier),
            shift,
        )
    }
}

impl Word for u32 {
    #[inline(always)]
    fn index(self, multiplier: u64, shift: u32) -> u64 {
        let word = Self::from_le(self) | FOLDED as Self;
        gram_index(u64::from(word).wrapping_mul(multiplier), shift)
    }
}

impl Word for u16 {
    #[inline(always)]
    fn index(self, _multiplier: u64, _shift: u32) -> u64 {
        Self::from_le(self).into()
    }
}

#[inline(always)]
fn sift_grams<T: Tables, W: Word, const STRIDE: usize>(
    tables: &T,
    work: &mut Work,
    from: u32,
) -> bool {
    let Some(automata) = tables.automata(Control::epoch(work.moment.active)) else {
        return true;
    };
    let group = &work.inspection.group;
    let (filter, shift) = (automata.table(group.filter), group.filter_shift);
    let multiplier = gram_multiplier(group.gram);
    let first = (START as u64 + 1 + u64::from(from)).wrapping_sub(group.longest.into());
    let behind = START as u64 + u64::from(work.inspection.scanned);
    for batch in 0..BATCHES {
        let place = first.wrapping_add((batch * BATCH * STRIDE) as u64);
        if place >= behind {
            break;
        }
        // SAFETY: behind each index there is room for a tail, which is longer.
        let halves = unsafe {
            meets::<W, STRIDE>(
                work.inspection.text_from(place),
                filter,
                (multiplier, shift),
            )
        };
        if halves[0] | halves[1] != 0 {
            let other = place.wrapping_add((ASKED * STRIDE) as u64);
            // What is behind the text may be anything, and is not asked for.
            if halves[0] != 0 && tables.confirm(work, place as u32)
                || halves[1] != 0 && other < behind && tables.confirm(work, other as u32)
            {
                // What ends before holds none of the grams from here on.
                work.inspection.clean = (place as u32).saturating_sub(START as u32);
                return true;
            }
        }
    }
    false
}

/// As [`sift`], for three bytes in a row that are the same.
#[inline(always)]
fn sift_runs<T: Tables>(tables: &T, work: &mut Work, from: u32) -> bool {
    known::close(&mut work.inspection);
    const { assert!(known::BATCH * known::BATCHES == (SIFTED * RUN_STRIDE) as usize) };
    let longest = u64::from(work.inspection.group.longest);
    let first = (START as u64 + 1 + u64::from(from)).wrapping_sub(longest);
    let behind = START as u64 + u64::from(work.inspection.scanned);
    for batch in 0..known::BATCHES {
        let place = first.wrapping_add((batch * known::BATCH) as u64);
        if place >= behind {
            break;
        }
        let inspection = &work.inspection;
        // SAFETY: behind each index there is room for a tail, which is longer.
        let meets = unsafe { known::meets(inspection.text_from(place), &inspection.group) };
        if meets && tables.confirm(work, place as u32) {
            return true;
        }
    }
    false
}

/// Other than 0 for each half of a batch of grams of which the filter knows one.
///
/// # Safety
/// The last of them can be read.
#[inline(always)]
pub(super) unsafe fn meets<W: Word, const STRIDE: usize>(
    text: *const u8,
    filter: Table<'_>,
    (multiplier, shift): (u64, u32),
) -> [u8; 2] {
    let mut halves = [0; 2];
    for index in 0..BATCH {
        // SAFETY: as promised by the caller.
        let word: W = unsafe { load(text.add(index * STRIDE)) };
        halves[index / ASKED] |= filter.byte(word.index(multiplier, shift));
    }
    halves
}

/// Whether one of the grams from an index on, [`ASKED`] of them, is in a pattern's window, or
/// may be for all that is asked: the filter's bits tell most others apart, and the window almost
/// all.
#[inline(always)]
pub(in crate::decide) fn confirm<T: Tables>(tables: &T, work: &mut Work, from: u32) -> bool {
    if work.inspection.group.gram == RUN_GRAM {
        return known::is_in_batch(tables, work, from);
    }
    let Some(automata) = tables.automata(Control::epoch(work.moment.active)) else {
        return true;
    };
    let inspection = &work.inspection;
    let text = inspection.text_from(u64::from(from).wrapping_sub(BEFORE as u64));
    let end = (START as u32)
        .wrapping_add(inspection.scanned)
        .wrapping_sub(from);
    // SAFETY: behind each index there is room for a tail, which is longer.
    unsafe { has_window(automata, &mut work.inspection, text, end) }
}

/// Whether one of the grams that begin behind [`BEFORE`] bytes is in a pattern's window that
/// ends so many bytes behind the first of them, or before; that may be ahead of it, where the
/// text ends in the first half of a batch. Also where too many were in none.
///
/// # Safety
/// [`CONFIRMED`] bytes can be read.
#[inline(always)]
pub(super) unsafe fn has_window(
    automata: Automata<'_>,
    inspection: &mut Inspection,
    text: *const u8,
    end: u32,
) -> bool {
    let Inspection { group, vain, .. } = inspection;
    // SAFETY: as promised by the caller.
    let found = unsafe {
        if group.stride as usize == STRIDE {
            has_window_by::<STRIDE>(automata, group, text, (end, vain))
        } else {
            has_window_by::<SHORT_STRIDE>(automata, group, text, (end, vain))
        }
    };
    found || *vain > VAIN
}

#[inline(always)]
unsafe fn has_window_by<const STRIDE: usize>(
    automata: Automata<'_>,
    group: &GroupLine,
    text: *const u8,
    (end, vain): (u32, &mut u32),
) -> bool {
    let (filter, windows) = (automata.table(group.filter), automata.table(group.windows));
    let (gram, shift) = (group.gram, group.filter_shift);
    let length = window_length(gram, group.stride);
    // Behind the last window that is wholly there.
    let behind = i64::from(end as i32) + 1 + BEFORE as i64 - i64::from(length);
    for index in 0..ASKED {
        let place = BEFORE + index * STRIDE;
        // SAFETY: as promised by the caller: the last word of the last gram ends there.
        let word_at = |place: usize| u64::from_le(unsafe { load(text.add(place)) });
        let hash = gram_hash(word_at(place), gram);
        if filter.byte(gram_index(hash, shift)) & gram_bit(hash) != 0 {
            // Without a branch for each, which the verifier would follow.
            let mut found = 0;
            for before in 0..STRIDE {
                let start = place - before;
                let hash = window_hash(word_at(start), length);
                let is_there = (start as i64 - behind) as u64 >> 63;
                let bits = u64::from(windows.byte(gram_index(hash, shift)));
                found |= bits >> gram_place(hash) & is_there;
            }
            if found != 0 {
                return true;
            }
            *vain = vain.wrapping_add(1);
        }
    }
    false
}
