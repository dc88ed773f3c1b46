//! A glance at a packet of a known flow, where it lies in the frame: most packets carry
//! nothing that a filter meets, and need no copy, nor another judgement. What a glance does
//! not clear is judged and looked through as a whole; so it may be wrong one way alone.

use super::in_frame::{copy_near, is_clean};
use super::known;
use super::scan::{clear_before, scan_rest, within_reach};
use super::scratch::{Inspection, PIECE, START, course};
use super::stream::{self, LOOK, LOST, NOTHING};
use super::{encrypted, filter, hash, load_piece, turn, waits};
use crate::decide::{Policy, Work};
use crate::flow::protocol;
use crate::signature::{GroupLine, HEAD_GRAM, PATTERN, RUN_GRAM, SPAN, window_length};
use crate::stream::{LiveStream, UNDER_WAY};
use crate::tables::{Frame, Tables};

/// Bytes of a datagram that is looked at in the frame: with its headers it is longer than a
/// batch. Shorter ones are copied, word by word.
const LEAST: u32 = 96;
/// Parts of grams that may begin before a segment, and in it.
const EDGE_PARTS: usize = (PATTERN + 8).div_ceil(filter::part(filter::SHORT_STRIDE));

/// Whether a packet carries nothing that must be looked at more closely; its stream moves on
/// then. What is asked of it stands in the scratch ([`crate::decide::cache::Known::put_down`]).
#[inline(always)]
pub(in crate::decide) fn glance<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
) -> bool {
    let (next, end) = (work.packet.next, work.packet.end);
    let inspection = &mut work.inspection;
    inspection.offset = next;
    inspection.piece = end.wrapping_sub(next);
    inspection.left = inspection.piece;
    // Beyond, packets do not lie in reach.
    if end > PIECE as u32 {
        return false;
    }
    if work.packet.protocol != protocol::TCP {
        let task = enter_datagram(tables, work);
        if task != LOOK {
            return task == NOTHING;
        }
        let is_clean = if work.inspection.piece >= LEAST {
            is_clean(frame, tables, work)
        } else {
            copy_near::<F, 0, { LEAST as usize / 8 }>(frame, work, next)
                && filter::is_clean(tables, work, whole(&work.inspection))
        };
        return is_clean || bears_nothing(frame, tables, work);
    }
    let header = u32::from(work.packet.transport);
    let (Some(stream), Some([s0, s1, s2, s3, a0, a1, a2, a3])) =
        (tables.stream(&work.key), frame.read(header + 4))
    else {
        return false;
    };
    work.packet.sequence = u32::from_be_bytes([s0, s1, s2, s3]);
    work.packet.acknowledgement = u32::from_be_bytes([a0, a1, a2, a3]);
    match enter(tables, work, stream) {
        NOTHING => return true,
        LOOK => {}
        _ => return false,
    }
    let is_short = (work.inspection.piece as usize) < SPAN;
    if is_short && !load_piece(frame, &mut work.inspection) {
        return false;
    }
    if work.inspection.scanned != 0 {
        let clean = if is_short {
            filter::is_clean(tables, work, whole(&work.inspection))
        } else {
            is_clean_edge(frame, tables, work) && is_clean(frame, tables, work)
        };
        if !clean && !bears_nothing(frame, tables, work) {
            return false;
        }
    }
    if work.inspection.strict != 0 {
        if is_short {
            hash::hash_piece(&mut work.inspection);
        } else if !tables.hash_frame(frame, work) {
            return false;
        }
    }
    leave(frame, work, stream)
}

/// Walks through a packet in which a filter has met something; false where a pattern ends in
/// it, or where that must be found out otherwise.
#[inline(always)]
fn bears_nothing<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, work: &mut Work) -> bool {
    let inspection = &mut work.inspection;
    // Patterns of groups without grams are short, and there may be too many of them, which
    // their filter is not asked for.
    if matches!(inspection.group.gram, RUN_GRAM | HEAD_GRAM) || !load_piece(frame, inspection) {
        return false;
    }
    (inspection.hit_count, inspection.lost) = (0, 0);
    scan_rest(tables, work);
    let inspection = &mut work.inspection;
    if inspection.hit_count != 0 && inspection.lost == 0 {
        inspection.walked = inspection.piece;
    }
    inspection.hit_count | inspection.lost == 0
}

/// Takes over what a glance has walked through, if the packet is judged by the policy that it
/// went by; none may count for the next packet.
#[inline(always)]
pub(in crate::decide) const fn take_over(inspection: &mut Inspection, same_policy: bool) {
    inspection.suspected = if same_policy { inspection.walked } else { 0 };
    inspection.walked = 0;
}

/// What is to be done about a datagram.
#[inline(always)]
fn enter_datagram<T: Tables>(tables: &T, work: &mut Work) -> u32 {
    let Some(policy) = Policy::at(tables, work.moment) else {
        return LOST;
    };
    let inspection = &mut work.inspection;
    let Some(group) = policy.group(inspection.groups[inspection.sender as usize & 1]) else {
        return NOTHING;
    };
    let head = &mut inspection.head;
    (head.next, head.length, head.turn, head.known) = (0, 0, 0, 0);
    get_ready(inspection, group)
}

/// What is to be done about a segment that is next in its stream, of which nothing is waited
/// for.
#[inline(always)]
fn enter<T: Tables>(tables: &T, work: &mut Work, stream: &LiveStream) -> u32 {
    let Some(policy) = &Policy::at(tables, work.moment) else {
        return LOST;
    };
    let inspection = &mut work.inspection;
    let sender = inspection.sender & 1;
    let (side, other) = (stream.side(sender), stream.side(1 - sender));
    let (first, payload) = (work.packet.sequence, inspection.piece);
    // SAFETY: both point into the table's entry, plain integers that any bytes are valid for.
    unsafe {
        // As for every segment, be it looked through or not; twice is as good as once.
        stream::acknowledge(other, work.packet.acknowledgement);
        let head = &raw const (*side).head;
        let (epoch, length, limit) = (
            (&raw const (*head).epoch).read(),
            (&raw const (*head).length).read(),
            (&raw const (*head).limit).read(),
        );
        if epoch != policy.epoch && epoch != 0 || limit != 0 && length >= limit {
            return LOST;
        }
        if payload == 0 {
            return NOTHING;
        }
        (&raw mut (*side).said).write(first.wrapping_add(payload));
        let Some(group) = policy.group(inspection.groups[sender as usize & 1]) else {
            return NOTHING;
        };
        if epoch == 0 || (&raw const (*head).next).read() != first {
            return LOST;
        }
        inspection.limit = limit;
        stream::take_head(epoch, inspection, side);
        let acknowledged = (&raw const (*side).acknowledged).read();
        stream::forget_acknowledged(inspection, side, acknowledged);
        stream::take_turn(&mut inspection.head, (&raw const (*other).said).read());
        inspection.hit_count = 0;
        inspection.course = course::ONWARD;
        inspection.sequence = first;
        (inspection.hash, inspection.key) = (0, stream::key(policy));
        if inspection.strict != 0 {
            let head = &inspection.head;
            let under_way = head.checkpoint.wrapping_sub(head.oldest);
            if under_way >= UNDER_WAY as u32 || inspection.keys_of != inspection.key {
                return LOST;
            }
        }
        if waits(inspection) || encrypted::may_begin(&inspection.head) {
            return LOST;
        }
        if (payload as usize) < SPAN {
            stream::take_tail(inspection, side);
        } else {
            inspection.put_before((&raw const (*side).tail).cast());
        }
        let task = get_ready(inspection, group);
        // What is not looked through moves the stream on all the same.
        if task == NOTHING { LOOK } else { task }
    }
}

/// Gets ready to scan as much as is in reach of a group's patterns.
#[inline(always)]
fn get_ready(inspection: &mut Inspection, group: &GroupLine) -> u32 {
    inspection.scanned = within_reach(inspection, group);
    (inspection.clean, inspection.vain) = (0, 0);
    if inspection.scanned == 0 {
        return NOTHING;
    }
    // The automaton of a group without a filter walks through all.
    if group.filter == 0 || group.longest > PATTERN as u32 {
        return LOST;
    }
    inspection.take_group(group);
    if inspection.head.known == 0 {
        clear_before(inspection);
    }
    LOOK
}

/// Bytes of the text that the filter looks at: those of what is scanned, and those before it
/// that a pattern may begin with.
#[inline(always)]
const fn whole(inspection: &Inspection) -> u32 {
    inspection
        .scanned
        .wrapping_add(inspection.group.longest)
        .wrapping_sub(1)
}

/// Remembers where the stream stands behind the segment.
#[inline(always)]
fn leave<F: Frame + ?Sized>(frame: &F, work: &mut Work, stream: &LiveStream) -> bool {
    let inspection = &mut work.inspection;
    let side = stream.side(inspection.sender);
    let tail = if (inspection.piece as usize) < SPAN {
        inspection.tail()
    } else {
        let Some(tail) = frame.window::<SPAN>(work.packet.end.wrapping_sub(SPAN as u32)) else {
            return false;
        };
        tail.as_ptr()
    };
    turn(inspection);
    // SAFETY: the pointer is into the table's entry, and that is a tail.
    unsafe { stream::write(inspection, side, tail) };
    true
}

/// Looks for what begins before the segment, as far as a window of it may reach into it. There
/// are so few grams that all of them are asked for.
#[inline(always)]
fn is_clean_edge<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, work: &mut Work) -> bool {
    let inspection = &mut work.inspection;
    for distance in [0, 8] {
        let Some(word) = frame.read(inspection.offset + distance) else {
            return false;
        };
        inspection.put_word(START + distance as usize, u64::from_ne_bytes(word));
    }
    let group = &inspection.group;
    let (gram, stride) = (group.gram, group.stride);
    if gram == RUN_GRAM {
        return !tables.is_known(work, known::EDGE);
    }
    // What stands at the beginning alone is asked for in the frame.
    if gram == HEAD_GRAM {
        return true;
    }
    let (scanned, longest) = (inspection.scanned, group.longest);
    let most = window_length(gram, stride).wrapping_sub(1);
    inspection.scanned = if scanned < most { scanned } else { most };
    let mut place = (START as u32 + 1).wrapping_sub(longest);
    let mut clean = true;
    for _ in 0..EDGE_PARTS {
        clean &= !tables.confirm(work, place);
        place = place.wrapping_add(filter::part(stride as usize) as u32);
        if !clean || place >= START as u32 + work.inspection.scanned {
            break;
        }
    }
    work.inspection.scanned = scanned;
    clean
}
