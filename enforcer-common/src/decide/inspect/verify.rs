//! Whether a signature stands where its pattern was found: every part at its distance
//! from its neighbour. Of several places for a part the nearest is taken.

use super::scratch::{Inspection, START};
use crate::decide::{Policy, Work};
use crate::flow::protocol;
use crate::signature::{
    BEGIN_SEGMENT, BEGIN_TURN, COMPARE_ABOVE, COMPARE_ANY, COMPARE_BELOW, COMPARE_EQUAL,
    COMPARE_JUMP, COMPARE_UNEQUAL, JUMPS_FROM_BEGINNING, JUMPS_NOWHERE, PART_ALIGN,
    PART_FROM_BEGINNING, PART_LITTLE_ENDIAN, PART_NUMBER, PARTS, PATTERN, PartLine, Profiles, SPAN,
    SignatureLine,
};
use crate::tables::Tables;

/// What came of a look.
pub const NO: u32 = 0;
pub(super) const YES: u32 = 1;
/// More of the text must come before that can be said.
pub(super) const LATER: u32 = 2;

/// It is there, unless something is that must not be.
pub(super) const UNLESS: u32 = 3;

/// What is no index of the text.
pub const NOWHERE: u32 = u32::MAX;
const BEYOND: u32 = u32::MAX - 1;
/// Farther from every text than all that a signature which stands in it counts from.
const FARTHEST: i64 = 1 << 20;

/// Looks for the parts around a pattern that ends at an index of the text.
#[inline(always)]
pub(super) fn verify<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
    end: u32,
) -> u32 {
    let Some(signature) = policy.signature(number) else {
        return NO;
    };
    let found = look_around(policy, work, signature, end);
    if found == LATER && ends_here(work, signature) {
        return NO;
    }
    found
}

#[inline(always)]
fn look_around<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    signature: &SignatureLine,
    end: u32,
) -> u32 {
    if !is_for(policy, work, signature) || !is_as_long(work, signature) {
        return NO;
    }
    work.inspection.floor = floor(work, signature);
    let fast = signature.parts + signature.fast;
    let Some(part) = policy.line::<PartLine>(fast) else {
        return NO;
    };
    let begin = end.wrapping_sub(part.length.into()) as i32;
    if policy.tables.matches_part(policy, work, fast, begin as u32) == NO {
        return NO;
    }
    work.inspection.reach = [begin, end as i32];
    note_end(work, signature.fast, end);
    let (from, start) = if signature.jumps == JUMPS_FROM_BEGINNING {
        let beginning = beginning(work, signature.begin).unwrap_or(i64::MIN);
        if beginning < -FARTHEST {
            return NO;
        }
        (0, beginning as i32)
    } else {
        (signature.fast + 1, end as i32)
    };
    let after = look_after(policy, work, signature, from, start);
    if after == NO {
        return NO;
    }
    let before = if signature.jumps == JUMPS_FROM_BEGINNING {
        YES
    } else {
        look_before(policy, work, signature, begin)
    };
    if before != YES || after != YES {
        return if before == YES { after } else { before };
    }
    if signature.ends != 0 && !is_last(work, signature) {
        return NO;
    }
    if signature.jumps != JUMPS_NOWHERE && !is_kept(&work.inspection) {
        return NO;
    }
    if signature.absent == 0 { YES } else { UNLESS }
}

/// Whether a datagram or a segment is as long and has the flags that it must. What is cut into
/// segments has no length.
#[inline(always)]
fn is_as_long(work: &Work, signature: &SignatureLine) -> bool {
    if signature.longest | signature.tcp_flags == 0 {
        return true;
    }
    let packet = &work.packet;
    let length = packet.end.wrapping_sub(packet.next);
    let [set, clear, any, _] = signature.tcp_flags.to_le_bytes();
    let flags = packet.tcp_flags;
    let has_flags = flags & (set | clear) == set && (any == 0 || flags & any != 0);
    let is_tcp = packet.protocol == protocol::TCP;
    (!is_tcp || signature.begin == BEGIN_SEGMENT)
        && (signature.tcp_flags == 0 || is_tcp && has_flags)
        && (signature.longest == 0 || length >= signature.shortest && length <= signature.longest)
}

/// Index of the packet's first byte.
#[inline(always)]
fn packet_begin(work: &Work) -> i32 {
    let looked_at = work.inspection.offset.wrapping_sub(work.packet.next);
    START as i32 - looked_at as i32
}

/// Index of the first byte that parts of a signature may stand at.
#[inline(always)]
fn floor(work: &Work, signature: &SignatureLine) -> i32 {
    let (known, packet) = (work.inspection.begin(), packet_begin(work));
    if signature.begin == BEGIN_SEGMENT && packet > known {
        packet
    } else {
        known
    }
}

/// Whether the text of a signature ends with this piece, so that nothing is to come.
#[inline(always)]
fn ends_here(work: &Work, signature: &SignatureLine) -> bool {
    let of_packet = work.packet.protocol != protocol::TCP || signature.begin == BEGIN_SEGMENT;
    of_packet && work.inspection.left == work.inspection.piece
}

/// Takes bytes into what the signature speaks of.
#[inline(always)]
fn note_reach(inspection: &mut Inspection, begin: i32, end: i32) {
    let [first, last] = inspection.reach;
    inspection.reach = [
        if begin < first { begin } else { first },
        if end > last { end } else { last },
    ];
}

/// Whether all of it would be at hand however the text was cut.
#[inline(always)]
fn is_kept(inspection: &Inspection) -> bool {
    let [first, last] = inspection.reach;
    last.wrapping_sub(first) <= SPAN as i32
}

#[inline(always)]
fn note_end(work: &mut Work, part: u32, end: u32) {
    work.inspection.ends[part as usize & (PARTS - 1)] = end;
}

/// Whether the last part ends the datagram or the segment.
#[inline(always)]
fn is_last(work: &Work, signature: &SignatureLine) -> bool {
    let inspection = &work.inspection;
    let end = inspection.ends[signature.count.wrapping_sub(1) as usize & (PARTS - 1)];
    (work.packet.protocol != protocol::TCP || signature.begin == BEGIN_SEGMENT)
        && end == (START as u32).wrapping_add(inspection.left)
}

/// Whether what must not be there is not, as far as that can be said.
#[inline(always)]
pub(in crate::decide) fn look_for_absent<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
) -> u32 {
    let Some(signature) = policy.signature(number) else {
        return NO;
    };
    // Behind the end of a datagram nothing comes.
    let whole = ends_here(work, signature);
    for step in 0..PARTS as u32 {
        if step >= signature.absent {
            break;
        }
        let number = signature.parts + signature.count + step;
        let Some(part) = policy.line::<PartLine>(number) else {
            return NO;
        };
        let end = work.inspection.ends[usize::from(part.behind) & (PARTS - 1)];
        let from = end.wrapping_add(part.first as u32);
        let choices = part.last.wrapping_sub(part.first) as u32;
        if signature.jumps != JUMPS_NOWHERE {
            let last = from.wrapping_add(choices).wrapping_add(part.length.into());
            note_reach(&mut work.inspection, from as i32, last as i32);
            if !is_kept(&work.inspection) {
                return NO;
            }
        }
        let place = policy
            .tables
            .find_part(policy, work, number, from, choices, 0);
        if place == BEYOND && !whole {
            return LATER;
        }
        if place != NOWHERE && place != BEYOND {
            return NO;
        }
    }
    YES
}

/// The parts from one of them on, each behind the one before it, which ends at an index.
#[inline(always)]
fn look_after<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    signature: &SignatureLine,
    from: u32,
    mut end: i32,
) -> u32 {
    for step in 0..PARTS as u32 {
        let index = from + step;
        if index >= signature.count {
            break;
        }
        let number = signature.parts + index;
        let Some(part) = policy.line::<PartLine>(number) else {
            return NO;
        };
        let choices = part.last.wrapping_sub(part.first) as u32;
        let from = end.wrapping_add(part.first) as u32;
        let place = policy
            .tables
            .find_part(policy, work, number, from, choices, 0);
        if place == NOWHERE {
            return NO;
        }
        if place == BEYOND {
            return LATER;
        }
        end = (place as i32).wrapping_add(part.length.into());
        note_reach(&mut work.inspection, place as i32, end);
        if part.compare == COMPARE_JUMP {
            let target = policy
                .tables
                .jump(policy, work, number, place, signature.begin);
            if target == NOWHERE {
                return NO;
            }
            if target == BEYOND {
                return LATER;
            }
            end = target as i32;
        }
        note_end(work, index, end as u32);
    }
    YES
}

/// Where the number at an index of the text leads; [`NOWHERE`], or [`BEYOND`] where more of
/// the text must come first.
#[inline(always)]
pub(in crate::decide) fn jump<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
    place: u32,
    begin: u32,
) -> u32 {
    let Some(part) = policy.line::<PartLine>(number) else {
        return NOWHERE;
    };
    let value = i64::from(number_at(&work.inspection, part, place));
    let mut distance = value * i64::from(part.mask & 0xffff);
    if part.flags & PART_ALIGN != 0 {
        distance = (distance + 3) & !3;
    }
    distance += i64::from(part.value as i32);
    let from_beginning = part.flags & PART_FROM_BEGINNING != 0;
    let from = if from_beginning {
        let Some(beginning) = beginning(work, begin) else {
            return NOWHERE;
        };
        beginning
    } else {
        i64::from(place as i32) + i64::from(part.length)
    };
    let target = from + distance;
    let inspection = &mut work.inspection;
    if from_beginning && distance < 0 || target < i64::from(inspection.floor) || target > FARTHEST {
        return NOWHERE;
    }
    note_reach(inspection, target as i32, target as i32 + 1);
    if !is_kept(inspection) {
        return NOWHERE;
    }
    if target >= i64::from(inspection.end()) {
        return BEYOND;
    }
    target as u32
}

/// Index of what places count from, which may be far before the text; nothing where that is
/// not known.
#[inline(always)]
fn beginning(work: &Work, begin: u32) -> Option<i64> {
    let head = &work.inspection.head;
    if begin == BEGIN_TURN {
        let said = head.next.wrapping_sub(head.turn) as i32;
        return Some(START as i64 - i64::from(said));
    }
    if begin == BEGIN_SEGMENT && work.packet.protocol == protocol::TCP {
        return Some(packet_begin(work).into());
    }
    if head.from_start == 0 {
        return None;
    }
    Some(START as i64 - i64::from(head.length))
}

/// The parts that come before, each ahead of the one behind it, and where the text
/// begins.
#[inline(always)]
fn look_before<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    signature: &SignatureLine,
    mut begin: i32,
) -> u32 {
    for step in 0..PARTS as u32 {
        if step >= signature.fast {
            break;
        }
        // The distance is that of the part behind.
        let number = signature.parts + signature.fast - step;
        let Some(behind) = policy.line::<PartLine>(number) else {
            return NO;
        };
        let Some(part) = policy.line::<PartLine>(number - 1) else {
            return NO;
        };
        let choices = behind.last.wrapping_sub(behind.first) as u32;
        let from = begin
            .wrapping_sub(behind.first)
            .wrapping_sub(part.length.into()) as u32;
        let place = policy
            .tables
            .find_part(policy, work, number - 1, from, choices, 1);
        if place == NOWHERE {
            return NO;
        }
        if place == BEYOND {
            return LATER;
        }
        begin = place as i32;
        note_reach(&mut work.inspection, begin, begin);
        let end = place.wrapping_add(part.length.into());
        note_end(work, signature.fast.wrapping_sub(step).wrapping_sub(1), end);
    }
    match policy.line::<PartLine>(signature.parts) {
        Some(first) => match signature.begin {
            BEGIN_TURN => in_turn(&work.inspection, first, begin),
            BEGIN_SEGMENT if work.packet.protocol == protocol::TCP => in_packet(work, first, begin),
            _ => at_distance(&work.inspection, first, begin),
        },
        None => NO,
    }
}

/// The nearest place of a part, from an index on and over so many more, forwards or
/// `back`; [`NOWHERE`], or [`BEYOND`] where more of the text must come first.
#[inline(always)]
pub(in crate::decide) fn find_part<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
    from: u32,
    choices: u32,
    back: u32,
) -> u32 {
    let Some(part) = policy.line::<PartLine>(number) else {
        return NOWHERE;
    };
    let length = i64::from(part.length);
    let last = i64::from(work.inspection.end()) - length;
    let (mut place, step) = (i64::from(from as i32), if back != 0 { -1 } else { 1 });
    let choices = u64::from(choices);
    for choice in 0..=SPAN as u64 {
        if choice > choices {
            break;
        }
        if place > last {
            return BEYOND;
        }
        if policy
            .tables
            .matches_part(policy, work, number, place as u32)
            != NO
        {
            return place as u32;
        }
        place += step;
    }
    NOWHERE
}

/// Whether the first part is as far from the beginning of the text as it must be.
#[inline(always)]
fn at_distance(inspection: &Inspection, first: &PartLine, begin: i32) -> u32 {
    if first.first <= 0 && first.last == i32::MAX {
        return YES;
    }
    if inspection.head.from_start == 0 {
        return NO;
    }
    let distance = i64::from(inspection.head.length) + i64::from(begin - START as i32);
    u32::from(distance >= i64::from(first.first) && distance <= i64::from(first.last))
}

/// Whether the first part is as far from where the sender began to speak as it must be.
#[inline(always)]
fn in_turn(inspection: &Inspection, first: &PartLine, begin: i32) -> u32 {
    let head = &inspection.head;
    let said = head.next.wrapping_sub(head.turn) as i32;
    let distance = said.wrapping_add(begin - START as i32);
    u32::from(distance >= first.first && distance <= first.last)
}

/// Whether the first part is as far from the beginning of the segment as it must be.
#[inline(always)]
fn in_packet(work: &Work, first: &PartLine, begin: i32) -> u32 {
    let distance = begin.wrapping_sub(packet_begin(work));
    u32::from(distance >= first.first && distance <= first.last)
}

/// Whether the signature is for a device at one of the ends.
#[inline(always)]
fn is_for<T: Tables>(policy: &Policy<'_, T>, work: &Work, signature: &SignatureLine) -> bool {
    if signature.profiles | signature.groups == 0 {
        return true;
    }
    let end = |index: usize| {
        let party = &work.parties[index];
        let by_profile = signature.profiles == 0
            || has_profile(policy, signature.profiles, party.judged, party.profile);
        party.judged && by_profile && has_tag(policy, signature.groups, party.number)
    };
    end(0) || end(1)
}

/// Whether a device is in one of the groups that have bits from a line on.
#[inline(always)]
fn has_tag<T: Tables>(policy: &Policy<'_, T>, groups: u32, device: u32) -> bool {
    if groups == 0 {
        return true;
    }
    let Some(device) = policy.device_line(device) else {
        return false;
    };
    let group = device.group;
    let bits = policy.line::<Profiles>(groups.wrapping_add(group >> 9));
    bits.is_some_and(|bits| bits.0[group as usize >> 6 & 7] >> (group & 63) & 1 != 0)
}

#[inline(always)]
pub(super) fn has_profile<T: Tables>(
    policy: &Policy<'_, T>,
    profiles: u32,
    judged: bool,
    profile: u32,
) -> bool {
    let place = profile & 0xfff;
    let bits = policy.line::<Profiles>(profiles + (place >> 9));
    judged && bits.is_some_and(|bits| bits.0[place as usize >> 6 & 7] >> (place & 63) & 1 != 0)
}

/// Whether a part stands at an index of the text.
#[inline(always)]
pub(in crate::decide) fn matches_part<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
    index: u32,
) -> u32 {
    let Some(part) = policy.line::<PartLine>(number) else {
        return NO;
    };
    let inspection = &work.inspection;
    let begin = index as i32;
    if begin < inspection.floor {
        return NO;
    }
    if begin + i32::from(part.length) > inspection.end() {
        return NO;
    }
    if part.flags & PART_NUMBER != 0 {
        return u32::from(compares(inspection, part, index));
    }
    // Bit 5 alone tells letters of either case apart.
    let letters = u64::from(part.value) << 32 | u64::from(part.mask);
    for step in 0..PATTERN as u32 {
        if step >= u32::from(part.length) {
            break;
        }
        let found = inspection.byte(index.wrapping_add(step));
        let differing = u64::from(found ^ part.bytes[step as usize]);
        let either = (letters >> step & 1) << 5;
        if differing & !either != 0 {
            return NO;
        }
    }
    YES
}

#[inline(always)]
fn compares(inspection: &Inspection, part: &PartLine, index: u32) -> bool {
    let number = number_at(inspection, part, index) & part.mask;
    let value = part.value;
    match part.compare {
        COMPARE_EQUAL => number == value,
        COMPARE_UNEQUAL => number != value,
        COMPARE_BELOW => number < value,
        COMPARE_ABOVE => number > value,
        COMPARE_ANY => number & value != 0,
        COMPARE_JUMP => true,
        _ => false,
    }
}

/// The number that stands at an index.
#[inline(always)]
fn number_at(inspection: &Inspection, part: &PartLine, index: u32) -> u32 {
    let little = part.flags & PART_LITTLE_ENDIAN != 0;
    let mut number = 0_u32;
    for step in 0..4 {
        if step >= u32::from(part.length) {
            break;
        }
        let byte = u32::from(inspection.byte(index.wrapping_add(step)));
        number = if little {
            number | byte << (8 * step)
        } else {
            number << 8 | byte
        };
    }
    number
}
