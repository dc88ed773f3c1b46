//! Looks for the patterns of a group in one piece of a text. Clean pieces pass a filter
//! of grams, the others walk through an automaton, in lanes at once: the walk is one
//! chain of look-ups, and lanes hide their latency.
//!
//! Both begin before the piece by as much as the longest pattern may reach back, into what
//! is kept of the bytes before. So nothing of a walk has to be carried from one piece to
//! the next, and a clean piece costs no walk at all.

use super::filter::is_clean;
use super::scratch::{self, GO, HITS, Hit, Inspection, LANES, PIECE, START};
use crate::automata::Automata;
use crate::decide::{Policy, Work};
use crate::signature::{GroupLine, PATTERN, TELLS};
use crate::table::Control;
use crate::tables::Tables;

/// Steps that the lanes take before it is asked whether there are more.
const BLOCK: u32 = 16;
/// Such blocks in one go. The kernel's verifier follows every step of a loop: goes that are
/// calls cost it one.
const BLOCKS: u32 = GO as u32 / BLOCK;
/// A lane's share where these are far apart.
const WIDE: u32 = scratch::WIDE as u32;
/// As many bytes are as much. Fewer take less time in equal parts, and more of what lies behind
/// them would be walked over.
const LEAST_WIDE: u32 = (WIDE - BLOCK) * LANES as u32;
/// Rounds of the lanes for the longest piece: what wide ones leave of it is not much.
const ROUNDS: u32 = 2;
const _: () = assert!(PIECE as u32 - WIDE * LANES as u32 * (ROUNDS - 1) < LEAST_WIDE);
/// Bytes before the text that lanes may begin at.
const EARLY: u32 = (PATTERN as u32).next_multiple_of(8);
/// Goes of one round, in which lanes begin early. More of them end where a pattern does: one for
/// each hit, one for each step of the block in which the shares begin and of that in which they
/// end, and one for each step at which a lane is behind the text.
const GOES: u32 =
    (WIDE + EARLY + BLOCK).div_ceil(BLOCK * BLOCKS) + HITS as u32 + BLOCK * (2 + LANES as u32);
/// States above are those in which a pattern ends.
const LAST_PLACE: u64 = !TELLS as u64;

/// Whether the automaton must walk through the piece: not where its filter meets nothing,
/// nor behind the places at which all patterns of the group stand, nor where a glance has done
/// so.
#[inline(always)]
pub(super) fn must_walk<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> bool {
    let first = work.packet.next;
    let inspection = &mut work.inspection;
    let (hits, walked) = (inspection.hit_count, inspection.suspected);
    (inspection.hit_count, inspection.suspected) = (0, 0);
    (inspection.clean, inspection.vain) = (0, 0);
    let Some(group) = policy.group(inspection.groups[inspection.sender as usize & 1]) else {
        return false;
    };
    let longest = group.longest;
    if inspection.piece > PIECE as u32 || longest > PATTERN as u32 {
        inspection.lost = 1;
        return false;
    }
    let scanned = within_reach(inspection, group);
    let same = group.filter == inspection.group.filter && scanned == inspection.scanned;
    if same && walked == inspection.piece && first == inspection.offset {
        inspection.hit_count = hits;
        return false;
    }
    inspection.scanned = scanned;
    if scanned == 0 {
        return false;
    }
    inspection.take_group(group);
    if inspection.head.known == 0 {
        clear_before(inspection);
    }
    let all = inspection.scanned.wrapping_add(longest).wrapping_sub(1);
    group.filter == 0 || !is_clean(policy.tables, work, all)
}

/// Bytes of the piece that a pattern may end in, by where parts must stand that are counted
/// from the beginning of the text or of a turn.
#[inline(always)]
pub(super) fn within_reach(inspection: &Inspection, group: &GroupLine) -> u32 {
    let (head, piece) = (&inspection.head, inspection.piece);
    if group.reach == 0 {
        return piece;
    }
    let said = head.next.wrapping_sub(head.turn) as i32;
    let from_start = i64::from(group.reach) - i64::from(head.length);
    let from_turn = match group.turn_reach {
        0 => 0,
        reach => i64::from(reach) - i64::from(said),
    };
    let most = if from_turn > from_start {
        from_turn
    } else {
        from_start
    };
    if most <= 0 {
        0
    } else if most < i64::from(piece) {
        most as u32
    } else {
        piece
    }
}

/// Walks through the piece behind what is clean of it; leaves where patterns end.
#[inline(always)]
pub(super) fn scan_rest<T: Tables>(tables: &T, work: &mut Work) {
    for _ in 0..ROUNDS {
        let inspection = &work.inspection;
        if inspection.clean >= inspection.scanned || inspection.hit_count >= HITS as u32 {
            break;
        }
        tables.scan(work);
    }
}

/// A round of the lanes.
#[inline(always)]
pub(in crate::decide) fn scan<T: Tables>(tables: &T, work: &mut Work) {
    begin_round(&mut work.inspection);
    let mut step = 0;
    for _ in 0..GOES {
        if step >= work.inspection.steps || work.inspection.hit_count >= HITS as u32 {
            break;
        }
        step = tables.walk(work, step);
        if together(&work.inspection.lanes) > LAST_PLACE {
            tables.note_hits(work, step);
        }
    }
    let inspection = &mut work.inspection;
    if step < inspection.steps {
        inspection.lost = 1;
    }
    let walked = inspection.share.wrapping_mul(LANES as u32);
    inspection.clean = inspection.clean.wrapping_add(walked);
}

/// Gets the lanes ready for what is not clean of the piece, or for a part of it.
#[inline(always)]
fn begin_round(inspection: &mut Inspection) {
    let left = inspection.scanned.saturating_sub(inspection.clean);
    inspection.early = inspection.group.longest.wrapping_sub(1);
    inspection.share = if left >= LEAST_WIDE {
        WIDE
    } else {
        left.div_ceil(LANES as u32)
    };
    inspection.steps = inspection.share.wrapping_add(inspection.early);
    inspection.lanes = [inspection.group.root.into(); LANES];
}

/// Nothing came before the text: what stands there is of another one.
#[inline(always)]
pub(super) fn clear_before(inspection: &mut Inspection) {
    for word in 1..=EARLY as usize / 8 {
        inspection.put_word(START - 8 * word, 0);
    }
}

/// Takes the lanes on from a step on, up to a pattern's end, and answers with the step
/// that is next. Each lane has a share of the piece, and begins before it by what the
/// longest pattern may reach back.
#[inline(always)]
pub(in crate::decide) fn walk<T: Tables>(tables: &T, work: &mut Work, from: u32) -> u32 {
    let inspection = &mut work.inspection;
    let Some(automata) = tables.automata(Control::epoch(work.moment.active)) else {
        inspection.lost = 1;
        return u32::MAX;
    };
    let first = (START as u64 + u64::from(inspection.clean) + u64::from(from))
        .wrapping_sub(inspection.early.into());
    if inspection.share == WIDE {
        let text = inspection.text_from(first);
        // SAFETY: behind each beginning there is room for all shares.
        let text_of = |lane| unsafe { text.add(lane * WIDE as usize) };
        walk_over(automata, inspection, from, text_of)
    } else {
        let mut begin = first;
        let share = u64::from(inspection.share);
        let texts = [(); LANES].map(|()| {
            let text = inspection.text_from(begin);
            begin = begin.wrapping_add(share);
            text
        });
        walk_over(automata, inspection, from, |lane| texts[lane])
    }
}

/// As [`walk`], over texts with room for a go behind.
#[inline(always)]
fn walk_over(
    automata: Automata<'_>,
    inspection: &mut Inspection,
    from: u32,
    text_of: impl Fn(usize) -> *const u8,
) -> u32 {
    let columns = automata.table(inspection.group.columns);
    let (from, early) = (u64::from(from), u64::from(inspection.early));
    let left = u64::from(inspection.steps).wrapping_sub(from);
    let mut states = inspection.lanes;
    let mut taken = 0;
    'walk: for _ in 0..BLOCKS {
        if taken >= left {
            break;
        }
        // What ends before its share a lane has not to tell: all bits are set in blocks that
        // end until then, by the sign, as the verifier would follow both ways of a branch.
        let before = (from + taken + u64::from(BLOCK) - 1).wrapping_sub(early) as i64 >> 63;
        let told = LAST_PLACE | before as u64;
        macro_rules! steps {
            ($($step:literal)*) => {$(
                // Lane by lane, so that a state never leaves its register: what is put on the
                // stack comes back late.
                for (lane, state) in states.iter_mut().enumerate() {
                    // SAFETY: behind each beginning there is room for a tail, which is longer
                    // than a go.
                    let byte = unsafe { text_of(lane).add(taken as usize + $step).read_volatile() };
                    *state = automata.word(*state, columns.byte(byte.into()));
                }
                if together(&states) > told {
                    taken += $step + 1;
                    break 'walk;
                }
            )*};
        }
        steps!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        taken += u64::from(BLOCK);
    }
    inspection.lanes = states;
    from.wrapping_add(taken) as u32
}

/// Above [`LAST_PLACE`] where a pattern ends in one of the lanes.
#[inline(always)]
fn together(states: &[u64; LANES]) -> u64 {
    let mut all = 0;
    for state in states {
        all |= state;
    }
    all
}

/// Notes the patterns that end before a step, each in the lane whose share it ends in.
#[inline(always)]
pub(in crate::decide) fn note_hits<T: Tables>(_tables: &T, work: &mut Work, step: u32) {
    let inspection = &mut work.inspection;
    let (early, behind) = (
        inspection.early,
        (START as u32).wrapping_add(inspection.scanned),
    );
    for lane in 0..LANES {
        let state = inspection.lanes[lane];
        let end = (START as u32)
            .wrapping_add(inspection.clean)
            .wrapping_sub(early)
            .wrapping_add(inspection.share.wrapping_mul(lane as u32))
            .wrapping_add(step);
        if state <= LAST_PLACE || step <= early || step > inspection.steps || end > behind {
            continue;
        }
        // Beyond what there is room for the first ones are overwritten; the count tells.
        let count = inspection.hit_count;
        inspection.hits[count as usize & (HITS - 1)] = Hit {
            end,
            state: state as u32 & !TELLS,
        };
        inspection.hit_count = count.wrapping_add(1);
    }
}
