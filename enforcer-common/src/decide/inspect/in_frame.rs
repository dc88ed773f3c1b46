//! The filters over what lies in a frame, without a copy but of what must be asked more
//! closely.

use super::filter::{
    BEFORE, CONFIRMED, LONG_STRIDE, MET, SHORT_STRIDE, STRIDE, Word, any, batch, has_window, meets,
    part,
};
use super::known;
use super::scratch::{PIECE, START};
use crate::decide::Work;
use crate::signature::{HEAD_GRAM, RUN_GRAM, SHORT_GRAM, gram_multiplier};
use crate::table::Control;
use crate::tables::{Frame, Tables};

/// Batches of grams in one go of the filter over a frame.
const BATCHES: usize = 8;
/// The same for those that most texts are asked for by, and that take longest: all of a frame of
/// 1,514 bytes.
const MORE_BATCHES: usize = 12;
/// Goes for the longest frame: each looks at a batch at least, and those of words are the shortest.
const GOES: usize = PIECE.div_ceil(known::BATCH);

/// Whether the filter meets nothing in what is scanned of the frame.
#[inline(always)]
pub(super) fn is_clean<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
) -> bool {
    let inspection = &work.inspection;
    if inspection.group.gram == HEAD_GRAM {
        let automata = tables.automata(Control::epoch(work.moment.active));
        let bytes = word_near(frame, work.packet.length, inspection.offset);
        return automata.zip(bytes).is_some_and(|(automata, bytes)| {
            !known::may_begin(automata, &inspection.group, inspection, bytes)
        });
    }
    let mut from = 0;
    for _ in 0..GOES {
        from = tables.sift_frame(frame, work, from);
        if from == MET {
            return false;
        }
        if from >= work.inspection.scanned {
            return true;
        }
    }
    false
}

/// As [`filter::sift`](super::filter::sift), in the frame.
#[inline(always)]
pub(in crate::decide) fn sift<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
    from: u32,
) -> u32 {
    const fn window(stride: usize, gram: usize) -> usize {
        batch(stride) - stride + gram
    }
    let group = &work.inspection.group;
    match (group.gram, group.stride as usize) {
        (RUN_GRAM, _) => sift_runs(frame, tables, work, from),
        (8, _) => sift_grams::<F, T, u64, LONG_STRIDE, { window(LONG_STRIDE, 8) }>(
            frame, tables, work, from,
        ),
        (SHORT_GRAM, _) => sift_grams::<F, T, u16, SHORT_STRIDE, { window(SHORT_STRIDE, 2) }>(
            frame, tables, work, from,
        ),
        (_, LONG_STRIDE) => sift_grams::<F, T, u32, LONG_STRIDE, { window(LONG_STRIDE, 4) }>(
            frame, tables, work, from,
        ),
        _ => sift_grams::<F, T, u32, STRIDE, { window(STRIDE, 4) }>(frame, tables, work, from),
    }
}

#[inline(always)]
fn sift_grams<F: Frame + ?Sized, T: Tables, W: Word, const APART: usize, const WINDOW: usize>(
    frame: &F,
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
    let (offset, scanned) = (work.inspection.offset, work.inspection.scanned);
    let last = work.packet.length.wrapping_sub(WINDOW as u32);
    let batches = if APART == STRIDE {
        MORE_BATCHES
    } else {
        BATCHES
    };
    let mut next = from;
    for _ in 0..batches {
        if next >= scanned {
            break;
        }
        // The last grams are the last in the frame, some of them again.
        let place = last.min(offset.wrapping_add(next));
        let Some(window) = frame.window::<WINDOW>(place) else {
            return MET;
        };
        next = next.wrapping_add(batch(APART) as u32);
        // SAFETY: the window ends with the last gram.
        let met = unsafe { meets::<W, APART>(window.as_ptr(), filter, (multiplier, shift)) };
        if any(met) {
            for (index, met) in met.into_iter().enumerate() {
                let asked = place.wrapping_add((index * part(APART)) as u32);
                if met != 0 && tables.confirm_frame(frame, work, asked) {
                    // In a short frame a batch begins before what is looked at.
                    work.inspection.clean = place.saturating_sub(offset);
                    return MET;
                }
            }
            break;
        }
    }
    next
}

#[inline(always)]
fn sift_runs<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
    from: u32,
) -> u32 {
    let (offset, scanned) = (work.inspection.offset, work.inspection.scanned);
    let last = work.packet.length.wrapping_sub(known::BATCH as u32);
    let mut next = from;
    for _ in 0..known::batches(BATCHES) {
        if next >= scanned {
            break;
        }
        // As above.
        let place = last.min(offset.wrapping_add(next));
        let Some(window) = frame.window::<{ known::BATCH }>(place) else {
            return MET;
        };
        next = next.wrapping_add(known::BATCH as u32);
        // SAFETY: the window is as long.
        let meets = unsafe { known::meets(window.as_ptr(), &work.inspection.group) };
        if meets {
            if tables.confirm_frame(frame, work, place) {
                return MET;
            }
            break;
        }
    }
    next
}

/// Whether what the filter has met among the grams at an offset is of a pattern. Where what
/// must be asked reaches behind the frame's end, it is copied into the scratch.
#[inline(always)]
pub(in crate::decide) fn confirm<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
    place: u32,
) -> bool {
    let inspection = &work.inspection;
    let (offset, scanned, piece) = (inspection.offset, inspection.scanned, inspection.piece);
    if inspection.group.gram == RUN_GRAM {
        if !copy_near::<F, { known::BEFORE }, { known::CONFIRMED / 8 }>(frame, work, place) {
            return true;
        }
        work.inspection.piece = offset.wrapping_add(piece).wrapping_sub(place);
        let found = known::is_in_batch(tables, work, START as u32);
        work.inspection.piece = piece;
        return found;
    }
    let end = offset.wrapping_add(scanned).wrapping_sub(place);
    if let Some(window) = frame.window::<CONFIRMED>(place.wrapping_sub(BEFORE as u32)) {
        let Some(automata) = tables.automata(Control::epoch(work.moment.active)) else {
            return true;
        };
        // SAFETY: the window is as long.
        return unsafe { has_window(automata, &mut work.inspection, window.as_ptr(), end) };
    }
    if !copy_near::<F, BEFORE, { CONFIRMED / 8 }>(frame, work, place) {
        return true;
    }
    work.inspection.scanned = end;
    let found = tables.confirm(work, START as u32);
    work.inspection.scanned = scanned;
    found
}

/// Copies words of the frame into the scratch, as many bytes before a place as before the
/// beginning of a text.
#[inline(always)]
pub(super) fn copy_near<F: Frame + ?Sized, const BEFORE: usize, const WORDS: usize>(
    frame: &F,
    work: &mut Work,
    place: u32,
) -> bool {
    let start = place.wrapping_sub(BEFORE as u32);
    for word in 0..WORDS {
        let offset = start.wrapping_add(8 * word as u32);
        let Some(bytes) = word_near(frame, work.packet.length, offset) else {
            return false;
        };
        work.inspection.put_word(START - BEFORE + 8 * word, bytes);
    }
    true
}

/// Eight bytes of a frame of some length from an offset on; what is behind its end reads as
/// anything.
#[inline(always)]
pub(super) fn word_near<F: Frame + ?Sized>(frame: &F, length: u32, offset: u32) -> Option<u64> {
    let last = length.wrapping_sub(8);
    let start = if offset < last { offset } else { last };
    let word = u64::from_le_bytes(frame.read(start)?);
    Some(word >> (8 * (offset - start) % 64))
}
