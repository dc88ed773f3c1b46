//! Where the bytes of a TCP segment stand in their stream: next, sent before, or out of
//! turn. What is let through is remembered until the other end has it, so that bytes
//! which come again can be told from others.

use super::hash::hash_of;
use super::hear;
use super::scratch::{Inspection, START, UNKNOWN, copy_head, copy_tail, course};
use crate::decide::{Policy, Work};
use crate::packet::transport::flags;
use crate::signature::SPAN;
use crate::stream::{Checkpoint, Head, LiveStream, Side, UNDER_WAY};
use crate::tables::Tables;
use crate::verdict::{Mode, Tolerance};

/// What there is to do.
pub(super) const NOTHING: u32 = 0;
pub(super) const LOOK: u32 = 1;
/// The segment cannot be looked at in its turn.
pub const LOST: u32 = 2;
/// The bytes are next.
const FOLLOW: u32 = 3;
/// The bytes were sent before.
pub(super) const BEFORE: u32 = 4;

/// Segments that are forgotten with a packet, at most: more than come with one.
const FORGOTTEN: u32 = 2;

/// What keys are mixed with, so that none is weak: that of a policy which nobody dressed is
/// zero. The fractional part of the golden ratio.
const KEY: u64 = 0x9e37_79b9_7f4a_7c15;

/// Whether `a` comes after `b`, in numbers that wrap around (RFC 9293, 3.4).
#[inline(always)]
const fn is_after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) as i32 > 0
}

/// The stream that a segment is of, if it may be one: made where its first bytes come.
#[inline(always)]
pub(super) fn find<'t, T: Tables>(policy: &Policy<'t, T>, work: &Work) -> Option<&'t LiveStream> {
    let known = policy.tables.stream(&work.key);
    if known.is_some() || !begins(work) || !policy.tables.begin_stream(&work.key) {
        return known;
    }
    policy.tables.stream(&work.key)
}

/// Whether a segment carries what a stream may begin with.
#[inline(always)]
pub(super) const fn begins(work: &Work) -> bool {
    let packet = &work.packet;
    packet.end != packet.next || packet.tcp_flags & flags::SYN != 0
}

/// Finds out how a segment follows those before, and gets what is known of its stream. A
/// call, so that what it needs of the stack is free again when pieces are looked at.
#[inline(never)]
pub(super) fn enter<T: Tables>(tables: &T, work: &mut Work, stream: &LiveStream) -> u32 {
    let Some(policy) = &Policy::at(tables, work.moment) else {
        return LOST;
    };
    let packet = work.packet;
    let sender = work.inspection.sender & 1;
    let payload = packet.end.wrapping_sub(packet.next);
    let opens = packet.tcp_flags & flags::SYN != 0;
    let (side, other) = (stream.side(sender), stream.side(1 - sender));
    // SAFETY: both point into the table's entry, plain integers that any bytes are
    // valid for.
    unsafe {
        if packet.tcp_flags & flags::ACK != 0 {
            acknowledge(other, packet.acknowledgement);
        }
        let first = packet.sequence.wrapping_add(u32::from(opens));
        if payload != 0 {
            (&raw mut (*side).said).write(first.wrapping_add(payload));
        }
        let limit = inspected(policy, work);
        work.inspection.limit = limit;
        if limit != 0 && !opens && (&raw const (*side).head.length).read() >= limit {
            end(policy, work);
        }
        if work.inspection.groups[sender as usize & 1] == 0 && !hear::listens(work) {
            return NOTHING;
        }
        if opens {
            begin(policy.epoch, work, side, other);
        }
        if payload == 0 {
            return NOTHING;
        }
        work.inspection.strict = u32::from(is_strict(policy, work));
        let inspection = &mut work.inspection;
        take_head(policy.epoch, inspection, side);
        if inspection.head.epoch == 0 {
            // Nothing is known of what came before.
            (&raw mut (*side).acknowledged).write(first);
            inspection.head = begin_at(policy.epoch, first);
            inspection.lost = u32::from(inspection.fresh == 0);
        } else if inspection.outdated != 0 && is_after(first, inspection.head.next) {
            // An earlier policy looked at none of what came meanwhile.
            (&raw mut (*side).acknowledged).write(first);
            let before = inspection.head;
            inspection.head = begin_at(policy.epoch, first);
            hear::begin_again(&before, &mut inspection.head);
            inspection.outdated = 0;
        }
        match place(inspection, side, first, payload) {
            FOLLOW => {
                (inspection.hash, inspection.key) = (0, key(policy));
                move_on(inspection, side, other)
            }
            task => task,
        }
    }
}

/// Bytes of a stream that are looked at, by the profiles of both ends: what either
/// wants; 0 is all.
#[inline(always)]
fn inspected<T: Tables>(policy: &Policy<'_, T>, work: &Work) -> u32 {
    let mut most = 0;
    for party in &work.parties {
        if !party.judged {
            continue;
        }
        match policy.profile(party.profile) {
            Some(line) if line.inspect_first != 0 => {
                if line.inspect_first > most {
                    most = line.inspect_first;
                }
            }
            _ => return 0,
        }
    }
    most
}

/// Looks no further into what the sender says.
#[inline(always)]
fn end<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    let sender = work.inspection.sender as usize & 1;
    if work.inspection.groups[sender] == 0 {
        return;
    }
    work.inspection.groups[sender] = 0;
    if let Some(flow) = policy.tables.flow(&work.key) {
        let [client, server] = flow.groups();
        flow.set_groups(if work.inspection.sender == 0 {
            [0, server]
        } else {
            [client, 0]
        });
    }
}

/// A SYN begins the stream of its end; that of the other end too, where it begins the
/// flow. One that comes in the middle of a stream begins nothing.
///
/// # Safety
/// The pointers are to the sides in a table.
#[inline(always)]
unsafe fn begin(epoch: u32, work: &Work, side: *mut Side, other: *mut Side) {
    let first = work.packet.sequence.wrapping_add(1);
    // SAFETY: as promised by the caller.
    unsafe {
        let known = (&raw const (*side).head.epoch).read() != 0;
        let length = (&raw const (*side).head.length).read();
        if work.inspection.fresh == 0 && known && length != 0 {
            return;
        }
        (&raw mut (*side).head).write(Head {
            from_start: 1,
            ..begin_at(epoch, first)
        });
        (&raw mut (*side).acknowledged).write(first);
        if work.inspection.fresh != 0 {
            (&raw mut (*other).head.epoch).write(0);
        }
    }
}

/// Gets what is known of a side. The state of another policy's automaton is found anew
/// from the last bytes, and what that policy let through is no longer told apart.
///
/// # Safety
/// The pointer is to a side in a table.
#[inline(always)]
pub(super) unsafe fn take_head(epoch: u32, inspection: &mut Inspection, side: *mut Side) {
    // SAFETY: as promised by the caller.
    unsafe { copy_head(&raw const (*side).head, &raw mut inspection.head) };
    let head = &mut inspection.head;
    if head.epoch != epoch && head.epoch != 0 {
        head.epoch = epoch;
        head.floor = head.next;
        head.oldest = head.checkpoint;
        head.pending = Head::default().pending;
        inspection.outdated = 1;
    }
}

/// What is known of a stream that is met in its middle.
#[inline(always)]
fn begin_at(epoch: u32, sequence: u32) -> Head {
    Head {
        epoch,
        next: sequence,
        floor: sequence,
        turn: sequence,
        ..Head::default()
    }
}

/// Takes note of what an end says to have received.
///
/// # Safety
/// The pointer is to a side in a table.
#[inline(always)]
pub(super) unsafe fn acknowledge(side: *mut Side, number: u32) {
    // SAFETY: as promised by the caller.
    unsafe {
        let (known, next) = (
            (&raw const (*side).acknowledged).read(),
            (&raw const (*side).head.next).read(),
        );
        if is_after(number, known) && !is_after(number, next) {
            (&raw mut (*side).acknowledged).write(number);
        }
    }
}

/// Where a segment stands.
///
/// # Safety
/// The pointer is to a side in a table.
#[inline(always)]
unsafe fn place(inspection: &mut Inspection, side: *mut Side, first: u32, payload: u32) -> u32 {
    let (next, end) = (inspection.head.next, first.wrapping_add(payload));
    let known = !is_after(inspection.head.floor, first);
    // SAFETY: as promised by the caller.
    let acknowledged = unsafe { (&raw const (*side).acknowledged).read() };
    inspection.place = first;
    if first == next {
        // SAFETY: likewise.
        unsafe { forget_acknowledged(inspection, side, acknowledged) };
        return FOLLOW;
    }
    if known && !is_after(end, acknowledged) {
        // The other end has these bytes, and forgets them.
        return NOTHING;
    }
    if inspection.strict == 0 {
        let before = inspection.head;
        inspection.head = begin_at(inspection.head.epoch, first);
        hear::begin_again(&before, &mut inspection.head);
        inspection.lost = 1;
        inspection.outdated = 0;
        inspection.sequence = first;
        inspection.again = payload;
        if is_after(next, end) {
            // What is known of the stream stays.
            inspection.course = course::APART;
        }
        return LOOK;
    }
    // Before the beginning there is nothing.
    if is_after(first, next) || !known && inspection.head.from_start != 0 {
        return LOST;
    }
    BEFORE
}

/// Of bytes that were sent before, those are passed over that the other end has, up to
/// where a segment began.
#[inline(always)]
pub(super) fn before<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    stream: &LiveStream,
) -> u32 {
    let side = stream.side(work.inspection.sender);
    // SAFETY: the pointer is into the table's entry.
    let acknowledged = unsafe { (&raw const (*side).acknowledged).read() };
    let mut begin = work.inspection.head.next;
    if acknowledged != begin {
        let number = policy.tables.checkpoint_at(policy, work, acknowledged);
        begin = if number == UNKNOWN {
            work.inspection.place
        } else {
            // SAFETY: likewise; the place is masked.
            unsafe { checkpoint(side, number) }.sequence
        };
    }
    let inspection = &mut work.inspection;
    let skipped = begin.wrapping_sub(inspection.place);
    let known = !is_after(inspection.head.floor, inspection.place);
    if known && is_after(begin, inspection.place) && skipped < inspection.left {
        inspection.place = begin;
        inspection.offset = inspection.offset.wrapping_add(skipped);
        inspection.left = inspection.left.wrapping_sub(skipped);
    }
    policy.tables.proceed(policy, work)
}

/// How the bytes from here on follow those before: they move the stream on, or come
/// again, segment by segment, or are older than what is known.
#[inline(always)]
pub(in crate::decide) fn proceed<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> u32 {
    let Some(stream) = policy.tables.stream(&work.key) else {
        return LOST;
    };
    let sender = work.inspection.sender;
    let side = stream.side(sender);
    let inspection = &mut work.inspection;
    (inspection.hash, inspection.key) = (0, key(policy));
    if inspection.course != course::ONWARD {
        // SAFETY: the pointer is into the table's entry.
        unsafe { take_head(policy.epoch, inspection, side) };
    }
    let (place, next) = (inspection.place, inspection.head.next);
    if place == next {
        // SAFETY: both point into the table's entry.
        return unsafe { move_on(inspection, side, stream.side(1 - (sender & 1))) };
    }
    inspection.outdated = 0;
    let floor = inspection.head.floor;
    if is_after(floor, place) {
        inspection.course = course::APART;
        let older = floor.wrapping_sub(place);
        inspection.again = if inspection.left < older {
            inspection.left
        } else {
            older
        };
        inspection.head = begin_at(policy.epoch, place);
        return LOOK;
    }
    inspection.course = course::AGAIN;
    let number = policy.tables.checkpoint_at(policy, work, place);
    let inspection = &mut work.inspection;
    if number == UNKNOWN {
        return LOST;
    }
    // SAFETY: the pointer is into the table's entry; places are masked.
    let (this, following) = unsafe {
        (
            checkpoint(side, number),
            checkpoint(side, number.wrapping_add(1)),
        )
    };
    let end = if number.wrapping_add(1) == inspection.head.checkpoint {
        next
    } else {
        following.sequence
    };
    let length = end.wrapping_sub(place);
    // It must begin where a segment began, and be no shorter.
    if this.sequence != place || inspection.left < length {
        return LOST;
    }
    inspection.expected = this.hash;
    inspection.again = length;
    LOOK
}

/// Key of the hashes.
#[inline(always)]
pub(super) fn key<T: Tables>(policy: &Policy<'_, T>) -> u64 {
    policy.inspection().map_or(0, |line| line.key) ^ KEY
}

/// What is left of the packet is next: gets ready to look at it behind what came before.
///
/// # Safety
/// The pointers are to the sides in a table, the sender's first.
#[inline(always)]
unsafe fn move_on(inspection: &mut Inspection, side: *mut Side, other: *mut Side) -> u32 {
    let head = &inspection.head;
    let under_way = head.checkpoint.wrapping_sub(head.oldest);
    if inspection.strict != 0 && under_way >= UNDER_WAY as u32 {
        return LOST;
    }
    // SAFETY: as promised by the caller.
    unsafe {
        take_tail(inspection, side);
        take_turn(&mut inspection.head, (&raw const (*other).said).read());
    }
    inspection.course = course::ONWARD;
    inspection.sequence = inspection.place;
    inspection.again = inspection.left;
    LOOK
}

/// Where the other end has said something since, a turn of this one begins; wherever in a
/// segment that is, which may begin with bytes that come again.
#[inline(always)]
pub(super) const fn take_turn(head: &mut Head, answered: u32) {
    if answered != head.answered {
        head.turn = head.next;
        head.answered = answered;
    }
}

/// Remembers what the packet moved on.
#[inline(always)]
pub(super) fn leave(work: &mut Work, stream: &LiveStream) {
    if work.inspection.course != course::ONWARD {
        return;
    }
    let side = stream.side(work.inspection.sender);
    let tail = work.inspection.tail();
    // SAFETY: the pointer is into the table's entry, and the text ends with a tail.
    unsafe { write(&mut work.inspection, side, tail) };
}

/// Writes where a side stands behind a segment, and the last bytes.
///
/// # Safety
/// The pointers are to a side in a table, and to a tail.
#[inline(always)]
pub(super) unsafe fn write(inspection: &mut Inspection, side: *mut Side, tail: *const u8) {
    inspection.head.limit = inspection.limit;
    let place = inspection.head.checkpoint;
    inspection.head.checkpoint = place.wrapping_add(1);
    let under_way = inspection
        .head
        .checkpoint
        .wrapping_sub(inspection.head.oldest);
    if under_way > UNDER_WAY as u32 {
        inspection.head.oldest = inspection.head.checkpoint.wrapping_sub(UNDER_WAY as u32);
    }
    // SAFETY: as promised by the caller; the place is masked.
    unsafe {
        let checkpoints = (&raw mut (*side).checkpoints).cast::<Checkpoint>();
        checkpoints
            .add(place as usize & (UNDER_WAY - 1))
            .write(Checkpoint {
                sequence: inspection.sequence,
                hash: hash_of(inspection),
            });
        copy_tail(tail, (&raw mut (*side).tail).cast());
        copy_head(&raw const inspection.head, &raw mut (*side).head);
    }
}

/// Forgets the beginnings of segments that the other end has received whole.
///
/// # Safety
/// The pointer is to a side in a table.
#[inline(always)]
pub(super) unsafe fn forget_acknowledged(
    inspection: &mut Inspection,
    side: *mut Side,
    acknowledged: u32,
) {
    let head = &mut inspection.head;
    for _ in 0..FORGOTTEN {
        if head.oldest == head.checkpoint {
            break;
        }
        let following = head.oldest.wrapping_add(1);
        let end = if following == head.checkpoint {
            head.next
        } else {
            // SAFETY: as promised by the caller; the place is masked.
            unsafe { checkpoint(side, following).sequence }
        };
        if is_after(end, acknowledged) {
            break;
        }
        head.oldest = following;
    }
}

/// Number of the last segment under way that began at a sequence number or before, or
/// [`UNKNOWN`].
#[inline(always)]
pub(in crate::decide) fn checkpoint_at<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    sequence: u32,
) -> u32 {
    let Some(stream) = policy.tables.stream(&work.key) else {
        return UNKNOWN;
    };
    let side = stream.side(work.inspection.sender);
    let head = &work.inspection.head;
    // They are in order: the half in which it would be, again and again.
    let mut first = 0;
    let mut count = head.checkpoint.wrapping_sub(head.oldest);
    for _ in 0..=UNDER_WAY.ilog2() {
        if count <= 1 {
            break;
        }
        let half = count / 2;
        let place = head.oldest.wrapping_add(first).wrapping_add(half);
        // SAFETY: the pointer is into the table's entry; the place is masked.
        let middle = unsafe { checkpoint(side, place) };
        if is_after(middle.sequence, sequence) {
            count = half;
        } else {
            first += half;
            count -= half;
        }
    }
    let number = head.oldest.wrapping_add(first);
    // SAFETY: likewise.
    let found = unsafe { checkpoint(side, number) };
    if count == 1 && !is_after(found.sequence, sequence) {
        number
    } else {
        UNKNOWN
    }
}

/// # Safety
/// The pointer is to a side in a table.
#[inline(always)]
unsafe fn checkpoint(side: *mut Side, place: u32) -> Checkpoint {
    // SAFETY: as promised by the caller; the place is masked.
    unsafe {
        let checkpoints = (&raw const (*side).checkpoints).cast::<Checkpoint>();
        checkpoints.add(place as usize & (UNDER_WAY - 1)).read()
    }
}

/// Puts the bytes that came before in front of the piece.
///
/// # Safety
/// The pointer is to a side in a table.
#[inline(always)]
pub(super) unsafe fn take_tail(inspection: &mut Inspection, side: *mut Side) {
    const { assert!(START == SPAN) };
    if inspection.head.known == 0 {
        return;
    }
    // SAFETY: as promised by the caller; the text is longer than a tail.
    unsafe {
        copy_tail(
            (&raw const (*side).tail).cast(),
            inspection.text.as_mut_ptr(),
        )
    };
}

/// Whether an end of the packet wants what cannot be followed to be denied.
#[inline(always)]
pub(in crate::decide) fn is_strict<T: Tables>(policy: &Policy<'_, T>, work: &Work) -> bool {
    let end = |index: usize| {
        let party = &work.parties[index];
        let tolerance = policy
            .profile(party.profile)
            .map_or(Tolerance::NONE, |line| line.tolerance());
        party.judged
            && matches!(party.mode, Mode::Enforce)
            && tolerance.0 & Tolerance::STREAM_LOST.0 == 0
    };
    end(0) || end(1)
}
