//! The filter of a group whose patterns are too short or too common for one of grams: eight
//! bytes of which all of its signatures know some. They are looked for by three in a row that
//! are the same, of which two stand at an even place wherever they begin; or at the beginning
//! of the text alone.

use super::filter;
use super::scratch::{Inspection, START, load};
use crate::automata::Automata;
use crate::decide::Work;
use crate::signature::{GroupLine, RUN_REACH, gram_index, gram_place, masked_hash};
use crate::table::Control;
use crate::tables::Tables;

/// Where it is asked for what begins before a piece and may end in it: behind the first place
/// from which on a pattern's end is no farther than it may be.
pub(super) const EDGE: u32 = START as u32 + 2 - RUN_REACH as u32;
/// Words that are looked at before anything is asked of them.
const WORDS: usize = 8;
/// Bytes of these, and how many there are with what is asked of the places in them.
pub(super) const BATCH: usize = 8 * WORDS;
pub(super) const BEFORE: usize = 8;
pub(super) const CONFIRMED: usize = BEFORE + BATCH + 8;
/// Places that are asked for together.
const PLACES: usize = 8;

/// Batches of words that are looked at in place of so many batches of grams.
pub(super) const fn batches(of_grams: usize) -> usize {
    of_grams * filter::BATCH / BATCH
}

/// Whether a batch of words has a pair of the group's byte at an even place.
///
/// # Safety
/// [`BATCH`] bytes can be read.
#[inline(always)]
pub(super) unsafe fn meets(text: *const u8, group: &GroupLine) -> bool {
    let run = repeated(group);
    let mut found = 0;
    for index in 0..WORDS {
        // SAFETY: as promised by the caller.
        found |= pairs(unsafe { load(text.add(8 * index)) }, run);
    }
    found & HIGHEST != 0
}

/// Puts behind a piece what might yet come there, whatever lay there before.
#[inline(always)]
pub(super) fn close(inspection: &mut Inspection) {
    let end = (START as u32).wrapping_add(inspection.piece);
    inspection.put_word(end as usize, repeated(&inspection.group));
}

/// Whether what is known of a signature begins at one of the places of a batch in the text, or
/// at the one before it, or might yet come there.
#[inline(always)]
pub(super) fn is_in_batch<T: Tables>(tables: &T, work: &mut Work, from: u32) -> bool {
    let run = repeated(&work.inspection.group);
    for index in 0..WORDS {
        let word = work.inspection.word(from.into(), 8 * index);
        if pairs(word, run) & HIGHEST != 0 && tables.is_known(work, from + 8 * index as u32) {
            return true;
        }
    }
    false
}

/// The same of eight places, from the one before an index of the text on.
#[inline(always)]
pub(in crate::decide) fn is_known<T: Tables>(tables: &T, work: &mut Work, from: u32) -> bool {
    let inspection = &work.inspection;
    let group = &inspection.group;
    let (run, from) = (repeated(group), u64::from(from).wrapping_sub(1));
    // A bit for each place, without a branch for each, which the verifier would follow.
    let mut runs = 0;
    for place in 0..PLACES {
        let word: u64 = inspection.word(from, place);
        let is_run = ((u64::from_le(word) ^ run) & RUN).wrapping_sub(1) >> 63;
        runs |= is_run << place;
    }
    let end = (START as u64 + u64::from(inspection.piece)).wrapping_sub(from);
    runs &= !places_from(end);
    if runs == 0 {
        return false;
    }
    let Some(automata) = tables.automata(Control::epoch(work.moment.active)) else {
        return true;
    };
    let mut known = places_from(end.wrapping_add(1).wrapping_sub(group.known.into()));
    for place in 0..PLACES {
        let word: u64 = inspection.word(from, place);
        known |= is_one(automata, group, u64::from_le(word)) << place;
    }
    runs & known != 0
}

/// The bits of places from one on, which may be before them all or behind.
#[inline(always)]
const fn places_from(place: u64) -> u64 {
    let place = place as i64;
    let all = (1 << PLACES) - 1;
    if place < 0 {
        all
    } else if place >= PLACES as i64 {
        0
    } else {
        all << place & all
    }
}

/// Whether the text may begin with what is known of a signature; where it has begun before
/// the piece that is not asked.
#[inline(always)]
pub(super) fn may_begin(
    automata: Automata<'_>,
    group: &GroupLine,
    inspection: &Inspection,
    bytes: u64,
) -> bool {
    inspection.head.length != 0
        || inspection.piece < group.known
        || is_one(automata, group, bytes) != 0
}

/// 1 where these bytes are known of a signature, else 0.
#[inline(always)]
fn is_one(automata: Automata<'_>, group: &GroupLine, bytes: u64) -> u64 {
    let hash = masked_hash(bytes, group.mask);
    let table = automata.table(group.windows);
    let bits = u64::from(table.byte(gram_index(hash, group.filter_shift)));
    bits >> gram_place(hash) & 1
}

/// Three bytes.
const RUN: u64 = 0x00ff_ffff;
const LOWEST: u64 = 0x0001_0001_0001_0001;
const HIGHEST: u64 = 0x8000_8000_8000_8000;

#[inline(always)]
fn repeated(group: &GroupLine) -> u64 {
    u64::from(group.run) * 0x0101_0101_0101_0101
}

/// Has one of the [`HIGHEST`] bits where a half of a half word is that byte repeated (Mycroft,
/// 1987: a zero among the parts of a word).
#[inline(always)]
const fn pairs(word: u64, run: u64) -> u64 {
    let differing = word ^ run;
    differing.wrapping_sub(LOWEST) & !differing
}
