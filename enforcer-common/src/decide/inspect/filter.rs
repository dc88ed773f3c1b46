//! The filters of a group, over a text in the scratch: a piece in which they meet nothing
//! bears none of its patterns, and needs no walk.

use super::known;
use super::scratch::{Inspection, PIECE, START, load};
use crate::automata::{Automata, Table};
use crate::decide::Work;
use crate::signature::{
    FOLDED, GroupLine, HEAD_GRAM, PATTERN, RUN_GRAM, SHORT_GRAM, gram_bit, gram_folded, gram_index,
    gram_multiplier, gram_place, window_hash, window_length,
};
use crate::table::Control;
use crate::tables::Tables;

/// Distances between grams.
pub(super) const LONG_STRIDE: usize = 8;
pub(super) const STRIDE: usize = 4;
pub(super) const SHORT_STRIDE: usize = 3;
/// Parts of a batch: grams are looked at together before anything is asked of those in a part.
pub(super) const PARTS: usize = 4;
/// Bytes of the longest batches.
pub(super) const BATCH: usize = batch(STRIDE);
/// Batches in one go of the filter over the scratch, where most texts are short.
const BATCHES: usize = 2;
/// Goes for the longest piece and what it begins early by: each looks at a batch at least, and
/// those of words are the shortest.
const GOES: usize = (PIECE + PATTERN).div_ceil(known::BATCH);
const _: () = assert!(known::BATCH <= batch(SHORT_STRIDE) && batch(LONG_STRIDE) <= BATCH);
/// Bytes before grams that windows of them may reach back to, and with these all that are asked
/// to be sure of what the filter has met in a part.
pub(super) const BEFORE: usize = 8;
pub(super) const CONFIRMED: usize = BEFORE + 40;
const _: () = assert!(LONG_STRIDE <= BEFORE && CONFIRMED.is_multiple_of(8));
const _: () = assert!(BEFORE + (asked(LONG_STRIDE) - 1) * LONG_STRIDE + 8 <= CONFIRMED);
const _: () = assert!(BEFORE + (asked(STRIDE) - 1) * STRIDE + 8 <= CONFIRMED);
/// Grams that the filter may know in one text without a window around them. Where there are more,
/// a walk takes less than to ask for the windows of all.
const VAIN: u32 = 32;
/// What a go says of a text that may bear a pattern.
pub const MET: u32 = 0;

/// Grams in a part, of which it is asked together whether they are in a window.
pub(super) const fn asked(stride: usize) -> usize {
    if stride == LONG_STRIDE { 4 } else { 8 }
}

/// Bytes from a part to the next one.
pub(super) const fn part(stride: usize) -> usize {
    asked(stride) * stride
}

/// Bytes of a batch.
pub(super) const fn batch(stride: usize) -> usize {
    PARTS * part(stride)
}

#[inline(always)]
pub(super) fn is_clean<T: Tables>(tables: &T, work: &mut Work, length: u32) -> bool {
    let inspection = &work.inspection;
    if inspection.group.gram == HEAD_GRAM {
        let bytes = inspection.word_at(START as u64);
        return tables
            .automata(Control::epoch(work.moment.active))
            .is_some_and(|of| !known::may_begin(of, &inspection.group, inspection, bytes));
    }
    let mut from = 0;
    for _ in 0..GOES {
        if from >= length {
            return true;
        }
        from = tables.sift(work, from);
        if from == MET {
            return false;
        }
    }
    from >= length
}

/// Whether a pattern may stand among the grams of the text from a distance on: [`MET`], or from
/// where on the next go is to look. It ends where something was met in vain, for the verifier
/// would follow what comes then as often as that may be.
///
/// The compiler takes a window of each pattern, of a gram and a stride less one, and all grams
/// in it: wherever a pattern begins, one of these is looked at.
#[inline(always)]
pub(in crate::decide) fn sift<T: Tables>(tables: &T, work: &mut Work, from: u32) -> u32 {
    let group = &work.inspection.group;
    match (group.gram, group.stride as usize) {
        (RUN_GRAM, _) => sift_runs(tables, work, from),
        (8, _) => sift_grams::<T, u64, LONG_STRIDE>(tables, work, from),
        (SHORT_GRAM, _) => sift_grams::<T, u16, SHORT_STRIDE>(tables, work, from),
        (_, LONG_STRIDE) => sift_grams::<T, u32, LONG_STRIDE>(tables, work, from),
        _ => sift_grams::<T, u32, STRIDE>(tables, work, from),
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
) -> u32 {
    let Some(automata) = tables.automata(Control::epoch(work.moment.active)) else {
        return MET;
    };
    let group = &work.inspection.group;
    let (filter, shift) = (automata.table(group.filter), group.filter_shift);
    let multiplier = gram_multiplier(group.gram);
    let first = (START as u32 + 1).wrapping_sub(group.longest);
    let behind = (START as u32).wrapping_add(work.inspection.scanned);
    let mut next = from;
    for _ in 0..BATCHES {
        let place = first.wrapping_add(next);
        if place >= behind {
            break;
        }
        next = next.wrapping_add(batch(STRIDE) as u32);
        let text = work.inspection.text_from(place.into());
        // SAFETY: behind each index there is room for a tail, which is longer.
        let met = unsafe { meets::<W, STRIDE>(text, filter, (multiplier, shift)) };
        if any(met) {
            for (index, met) in met.into_iter().enumerate() {
                let asked = place.wrapping_add((index * part(STRIDE)) as u32);
                // What is behind the text may be anything, and is not asked for.
                if met != 0 && asked < behind && tables.confirm(work, asked) {
                    // What ends before holds none of the grams from here on.
                    work.inspection.clean = place.saturating_sub(START as u32);
                    return MET;
                }
            }
            break;
        }
    }
    next
}

/// As [`sift`], for three bytes in a row that are the same.
#[inline(always)]
fn sift_runs<T: Tables>(tables: &T, work: &mut Work, from: u32) -> u32 {
    known::close(&mut work.inspection);
    let first = (START as u32 + 1).wrapping_sub(work.inspection.group.longest);
    let behind = (START as u32).wrapping_add(work.inspection.scanned);
    let mut next = from;
    for _ in 0..known::batches(BATCHES) {
        let place = first.wrapping_add(next);
        if place >= behind {
            break;
        }
        next = next.wrapping_add(known::BATCH as u32);
        let inspection = &work.inspection;
        // SAFETY: behind each index there is room for a tail, which is longer.
        let meets = unsafe { known::meets(inspection.text_from(place.into()), &inspection.group) };
        if meets {
            if known::is_in_batch(tables, work, place) {
                return MET;
            }
            break;
        }
    }
    next
}

/// Other than 0 for each part of a batch of grams of which the filter knows one.
///
/// # Safety
/// The last of them can be read.
#[inline(always)]
pub(super) unsafe fn meets<W: Word, const STRIDE: usize>(
    text: *const u8,
    filter: Table<'_>,
    (multiplier, shift): (u64, u32),
) -> [u8; PARTS] {
    // A call for each, as a loop of so many steps would stay one.
    let part = |part: usize| {
        let mut met = 0;
        for index in part * asked(STRIDE)..(part + 1) * asked(STRIDE) {
            // SAFETY: as promised by the caller.
            let word: W = unsafe { load(text.add(index * STRIDE)) };
            met |= filter.byte(word.index(multiplier, shift));
        }
        met
    };
    const { assert!(PARTS == 4) };
    [part(0), part(1), part(2), part(3)]
}

/// Whether the filter knows one of a batch.
#[inline(always)]
pub(super) fn any(met: [u8; PARTS]) -> bool {
    let mut all = 0;
    for part in met {
        all |= part;
    }
    all != 0
}

/// Whether one of the grams of the part at an index is in a pattern's window, or may be for all
/// that is asked: the filter's bits tell most others apart, and the window almost
/// all.
#[inline(always)]
pub(in crate::decide) fn confirm<T: Tables>(tables: &T, work: &mut Work, from: u32) -> bool {
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
/// text ends in an earlier part of a batch. Also where too many were in none.
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
        match group.stride as usize {
            LONG_STRIDE => has_window_by::<LONG_STRIDE>(automata, group, text, (end, vain)),
            STRIDE => has_window_by::<STRIDE>(automata, group, text, (end, vain)),
            _ => has_window_by::<SHORT_STRIDE>(automata, group, text, (end, vain)),
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
    // Where nothing must be asked, the verifier follows one way.
    let (folded, multiplier) = if STRIDE == SHORT_STRIDE {
        (gram_folded(SHORT_GRAM), gram_multiplier(SHORT_GRAM))
    } else {
        (FOLDED, gram_multiplier(group.gram))
    };
    let shift = group.filter_shift;
    let length = window_length(group.gram, group.stride);
    // Behind the last window that is wholly there.
    let behind = i64::from(end as i32) + 1 + BEFORE as i64 - i64::from(length);
    for index in 0..asked(STRIDE) {
        let place = BEFORE + index * STRIDE;
        // SAFETY: as promised by the caller: the last word of the last gram ends there.
        let word_at = |place: usize| u64::from_le(unsafe { load(text.add(place)) });
        let hash = (word_at(place) | folded).wrapping_mul(multiplier);
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
