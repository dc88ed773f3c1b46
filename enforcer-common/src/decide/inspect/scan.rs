//! Looks for the patterns of a group in one piece of a text. Clean pieces pass a filter
//! of grams, the others walk through an automaton, in four lanes at once where they are
//! long: the walk is one chain of look-ups, and lanes hide their latency.

use super::scratch::{HITS, Hit, Inspection, PIECE, START};
use crate::decide::{Policy, Work};
use crate::signature::{
    ByteClasses, GroupLine, PATTERN, Profiles, STRIDE, TELLS, Transitions, gram_hash,
};
use crate::tables::Tables;

/// Pieces below this walk in one lane, without a filter.
const SHORT: u32 = 160;
const LANES: u32 = 4;
/// Bytes that one walk takes at most: as many as a pattern has.
const STRETCH: u32 = PATTERN as u32;
/// Steps that the lanes take together in one go. The kernel's verifier follows every
/// step of a loop: goes that are calls cost it one.
const GO: u32 = 12;
/// Goes that the lanes need for the longest piece, and for what they begin early by.
const GOES: u32 = (PIECE as u32 / LANES + STRETCH).div_ceil(GO);

/// Looks through the piece; leaves the automaton's state after it, and where patterns
/// end.
#[inline(always)]
pub(in crate::decide) fn scan<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    let sender = work.inspection.sender as usize & 1;
    let number = work.inspection.groups[sender];
    let Some(group) = policy.group(number) else {
        return;
    };
    let longest = group.longest;
    let filtered = group.filter != 0;
    take_classes(policy, &mut work.inspection, number, group);
    work.inspection.hit_count = 0;
    let length = work.inspection.piece;
    if length > PIECE as u32 || longest > STRETCH {
        return;
    }
    if work.inspection.outdated != 0 {
        work.inspection.outdated = 0;
        walk_tail(policy, work);
    }
    if length < SHORT {
        walk_short(policy, work, length);
    } else if filtered && policy.tables.is_clean(policy, work) {
        walk_edges(policy, work, length, longest);
    } else {
        walk_all(policy, work, length, longest);
    }
}

/// Byte classes are read for every byte: they are kept at hand.
#[inline(always)]
fn take_classes<T: Tables>(
    policy: &Policy<'_, T>,
    inspection: &mut Inspection,
    number: u32,
    group: &GroupLine,
) {
    let of = u64::from(policy.epoch) << 32 | u64::from(number);
    if inspection.classes_of == of {
        return;
    }
    for line in 0..4 {
        let Some(classes) = policy.line::<ByteClasses>(group.classes + line) else {
            return;
        };
        let place = line as usize * 64;
        // SAFETY: there are four times 64 classes.
        unsafe {
            let to = inspection.classes.as_mut_ptr().add(place);
            to.cast::<[u8; 64]>().write(classes.0);
        }
    }
    inspection.classes_of = of;
}

/// Whether no gram of the piece is one of a pattern's. Grams are looked at with
/// [`STRIDE`] between them; a pattern that stands wholly in the piece has one of its
/// first [`STRIDE`] grams there, wherever it begins.
#[inline(always)]
pub(in crate::decide) fn is_clean<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> bool {
    let inspection = &work.inspection;
    let Some(group) = policy.group(inspection.groups[inspection.sender as usize & 1]) else {
        return false;
    };
    let (shift, unused) = (group.filter_shift, group.gram_shift);
    // Numbers of 64 bits: on this path each instruction counts, and the BPF target has
    // no others.
    let last = u64::from(inspection.piece).wrapping_sub(u64::from(group.gram));
    let mut index = 0;
    for _ in 0..PIECE / STRIDE {
        if index > last {
            break;
        }
        let place = gram_hash(inspection.word_at(START as u64 + index), unused, shift);
        let Some(bits) = policy.line::<Profiles>(group.filter + (place >> 9) as u32) else {
            return false;
        };
        if bits.0[place as usize >> 6 & 7] >> (place & 63) & 1 != 0 {
            return false;
        }
        index += STRIDE as u64;
    }
    true
}

/// The state that follows one by a byte.
#[inline(always)]
fn step<T: Tables>(
    policy: &Policy<'_, T>,
    group: &GroupLine,
    inspection: &Inspection,
    state: u32,
    index: u32,
) -> u32 {
    let class = inspection.classes[inspection.byte(index) as usize];
    let row = group.states + (state & !TELLS) + u32::from(class >> 4);
    match policy.line::<Transitions>(row) {
        Some(row) => row.0[class as usize & 15],
        None => 0,
    }
}

#[inline(always)]
fn note(inspection: &mut Inspection, end: u32, state: u32) {
    if state & TELLS == 0 {
        return;
    }
    // Beyond what there is room for the first ones are overwritten; the count tells.
    let count = inspection.hit_count;
    inspection.hits[count as usize & (HITS - 1)] = Hit {
        end,
        state: state & !TELLS,
    };
    inspection.hit_count = count + 1;
}

/// Walks from an index on over as many bytes, [`STRETCH`] at most; `home` until the
/// root is reached.
#[inline(always)]
pub(in crate::decide) fn walk<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    index: u32,
    count: u32,
    home: u32,
) {
    let inspection = &mut work.inspection;
    let Some(group) = policy.group(inspection.groups[inspection.sender as usize & 1]) else {
        return;
    };
    let mut state = inspection.head.state;
    let on = u32::from(home == 0);
    let mut hits = inspection.hit_count;
    for step_number in 0..STRETCH {
        if step_number >= count || state | on == 0 {
            break;
        }
        let at = index.wrapping_add(step_number);
        state = step(policy, group, inspection, state, at);
        // Without a branch, which the verifier would follow at every step: a place that
        // is not counted is written over.
        inspection.hits[hits as usize & (HITS - 1)] = Hit {
            end: at.wrapping_add(1),
            state: state & !TELLS,
        };
        hits += state >> 31;
        state &= !TELLS;
    }
    inspection.hit_count = hits;
    inspection.head.state = state;
}

#[inline(always)]
fn walk_short<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, length: u32) {
    for stretch in 0..SHORT / STRETCH {
        let from = stretch * STRETCH;
        if from >= length {
            break;
        }
        let tables = policy.tables;
        tables.walk(policy, work, START as u32 + from, length - from, 0);
    }
}

/// Of a clean piece only its edges can matter: a pattern that began before it, and one
/// that may end after it. A state is made by the last bytes alone, fewer than the
/// longest pattern has.
#[inline(always)]
fn walk_edges<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, length: u32, longest: u32) {
    let back = longest.wrapping_sub(1);
    let start = START as u32;
    policy.tables.walk(policy, work, start, back, 1);
    work.inspection.head.state = 0;
    let tail = start.wrapping_add(length).wrapping_sub(back);
    policy.tables.walk(policy, work, tail, back, 0);
}

/// Finds the state after what came before the piece anew, from its last bytes.
#[inline(always)]
fn walk_tail<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    let known = work.inspection.head.known;
    let back = if known > STRETCH { STRETCH } else { known };
    work.inspection.head.state = 0;
    let tail = (START as u32).wrapping_sub(back);
    policy.tables.walk(policy, work, tail, back, 0);
    work.inspection.hit_count = 0;
}

/// Each lane has a quarter of the piece, and begins before it by what the longest
/// pattern may reach back; what it finds there, the lane before it has found.
#[inline(always)]
fn walk_all<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, length: u32, longest: u32) {
    let state = work.inspection.head.state;
    work.inspection.lanes = [state, 0, 0, 0];
    let steps = length.div_ceil(LANES).wrapping_add(longest);
    for go in 0..GOES {
        if go * GO >= steps {
            break;
        }
        policy.tables.walk_lanes(policy, work, go * GO);
    }
    work.inspection.head.state = work.inspection.lanes[LANES as usize - 1];
}

/// Takes the lanes a few steps on, from a step on.
#[inline(always)]
pub(in crate::decide) fn walk_lanes<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, from: u32) {
    let inspection = &mut work.inspection;
    let Some(group) = policy.group(inspection.groups[inspection.sender as usize & 1]) else {
        return;
    };
    let length = inspection.piece;
    let share = length.div_ceil(LANES);
    let back = group.longest.wrapping_sub(1);
    let start = START as u32;
    let (one, two, three) = (
        start.wrapping_add(share).wrapping_sub(back),
        start.wrapping_add(2 * share).wrapping_sub(back),
        start.wrapping_add(3 * share).wrapping_sub(back),
    );
    // The last lane's share may be shorter, by one to three bytes.
    let last = length.wrapping_sub(3 * share).wrapping_add(back);
    let [mut a, mut b, mut c, mut d] = inspection.lanes;
    for step_number in 0..GO {
        let at = from.wrapping_add(step_number);
        let own = at >= back;
        if at < share {
            a = step(policy, group, inspection, a, start.wrapping_add(at));
            note(inspection, start.wrapping_add(at).wrapping_add(1), a);
        }
        if at < share.wrapping_add(back) {
            b = step(policy, group, inspection, b, one.wrapping_add(at));
            c = step(policy, group, inspection, c, two.wrapping_add(at));
            if own {
                note(inspection, one.wrapping_add(at).wrapping_add(1), b);
                note(inspection, two.wrapping_add(at).wrapping_add(1), c);
            }
        }
        if at < last {
            d = step(policy, group, inspection, d, three.wrapping_add(at));
            if own {
                note(inspection, three.wrapping_add(at).wrapping_add(1), d);
            }
        }
    }
    inspection.lanes = [a & !TELLS, b & !TELLS, c & !TELLS, d & !TELLS];
}
