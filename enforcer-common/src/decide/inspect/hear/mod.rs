//! Follows the messages of the application protocol that a rule names, and holds each to
//! what the rule lists. Of a TCP connection it hears the end that began; of datagrams
//! both. Knows no more of a protocol than where its messages begin and what they ask for.

mod bacnet;
mod dicom;
mod hl7;
mod modbus;

pub(in crate::decide) use self::dicom::hear_title;
pub(super) use self::hl7::Reading;
pub(in crate::decide) use self::hl7::{hear_byte, pass_words};
use super::scratch::{Inspection, START};
use crate::application::{
    ApplicationLine, LIST_LINES, SPEAKS_BACNET, SPEAKS_DICOM, SPEAKS_HL7, SPEAKS_MODBUS, Said,
};
use crate::decide::{Policy, Work};
use crate::flow::protocol;
use crate::signature::SPAN;
use crate::stream::Head;
use crate::tables::Tables;
use crate::verdict::Reason;

/// Messages that a piece can hold, with one that began before it: none is shorter than 8
/// bytes.
const MESSAGES: usize = super::PIECE / 8 + 2;

/// In [`crate::stream::Head::spoken`]: where messages begin is a guess.
const GUESSED: u32 = 1 << 31;
/// What was said is no message of the protocol.
const BROKEN: u32 = 1 << 30;
/// A message was heard.
const BEGUN: u32 = 1 << 29;
const KIND: u32 = 0xff;

/// More of the message must come first.
const HEARD_PART: u32 = 0;
/// What a message asks for stands in [`Saying`].
const HEARD_ASKS: u32 = 1;
/// A message asks for nothing.
const HEARD_PASSES: u32 = 2;
/// What there is, is no message of the protocol.
pub const HEARD_BROKEN: u32 = 3;

/// What a message asks for.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(in crate::decide::inspect) struct Saying {
    /// Names, by hash: for each list one. The last one is of the list before, too.
    names: [u64; 4],
    /// Place of the bit of what is asked for.
    bit: u32,
}

impl Saying {
    pub(in crate::decide::inspect) const EMPTY: Self = Self {
        names: [0; 4],
        bit: 0,
    };
}

/// Numbers of what the rules at both ends let be said, 0 for anything.
#[inline(always)]
pub(in crate::decide) fn applications_of<T: Tables>(
    policy: &Policy<'_, T>,
    work: &Work,
) -> [u16; 2] {
    let of = |end: usize| {
        let rule = work.findings[end].rule;
        if !work.parties[end].judged || rule == 0 {
            return 0;
        }
        policy
            .rule_line(rule)
            .map_or(0, |line| line.application as u16)
    };
    [of(0), of(1)]
}

/// Whether a rule restricts what the sender says.
#[inline(always)]
pub(super) fn listens(work: &Work) -> bool {
    let [one, other] = work.inspection.applications;
    let heard = work.inspection.sender == 0 || work.packet.protocol != protocol::TCP;
    one | other != 0 && heard
}

/// Listens to the messages in the piece.
#[inline(always)]
pub(in crate::decide) fn hear<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    for _ in 0..MESSAGES {
        if !policy.tables.hear_message(policy, work) {
            return;
        }
    }
    work.inspection.lost = 1;
}

/// Listens to the next message; true where another may follow in the piece.
#[inline(always)]
pub(in crate::decide) fn hear_message<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> bool {
    let [one, other] = work.inspection.applications;
    let Some(line) = policy.application(if one == 0 { other } else { one }) else {
        return false;
    };
    let kind = line.kind;
    let inspection = &mut work.inspection;
    if inspection.head.spoken & KIND != kind {
        let first = inspection.head.from_start != 0 && inspection.head.length == 0;
        inspection.head.spoken = kind | if first { 0 } else { GUESSED };
        inspection.head.message = inspection.head.next;
    }
    if inspection.head.spoken & BROKEN != 0 {
        inspection.heard = Reason::WrongProtocol as u32;
        return false;
    }
    // Nothing is waited for that lies further back than what is known.
    let ahead = inspection.head.message.wrapping_sub(inspection.head.next) as i32;
    if ahead < -(SPAN as i32) {
        inspection.head.spoken = 0;
        inspection.lost = 1;
        return false;
    }
    let available = inspection.end() - START as i32 - ahead;
    if available <= 0 {
        return false;
    }
    let (index, available) = ((START as i32 + ahead) as u32, available as u32);
    let heard = policy.tables.listen(policy, work, kind, index, available);
    take(policy, work, heard)
}

/// Listens for a message of a kind at an index; one of `HEARD_…`.
#[inline(always)]
pub(in crate::decide) fn listen<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    kind: u32,
    index: u32,
    available: u32,
) -> u32 {
    let inspection = &mut work.inspection;
    match kind {
        SPEAKS_DICOM => dicom::hear(policy, work, index, available),
        SPEAKS_HL7 => hl7::hear(policy, work, index, available),
        SPEAKS_MODBUS => modbus::hear(inspection, index, available),
        SPEAKS_BACNET => bacnet::hear(inspection, index, available),
        _ => HEARD_BROKEN,
    }
}

/// Keeps what came of a message.
#[inline(always)]
fn take<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, heard: u32) -> bool {
    let is_stream = work.packet.protocol == protocol::TCP;
    let inspection = &mut work.inspection;
    if heard == HEARD_PART && is_stream {
        return false;
    }
    if heard != HEARD_ASKS && heard != HEARD_PASSES {
        if inspection.head.spoken & GUESSED != 0 {
            // It may be the middle of one.
            inspection.head.spoken = 0;
            inspection.lost = 1;
        } else {
            inspection.head.spoken |= BROKEN;
            inspection.heard = Reason::WrongProtocol as u32;
        }
        return false;
    }
    inspection.head.spoken = inspection.head.spoken & !GUESSED | BEGUN;
    if !is_stream {
        // A datagram is one message, in however many pieces.
        inspection.head.message = inspection.head.next.wrapping_add(inspection.left);
    }
    if heard == HEARD_ASKS && !policy.tables.lets(policy, work) {
        work.inspection.heard = Reason::ApplicationDenied as u32;
    }
    is_stream
}

/// Whether both ends' rules let be said what a message asks for.
#[inline(always)]
pub(in crate::decide) fn lets<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> bool {
    let kind = work.inspection.head.spoken & KIND;
    for number in work.inspection.applications {
        if number == 0 {
            continue;
        }
        match policy.application(number) {
            Some(line) if line.kind == kind && lists(policy, work, line) => {}
            _ => return false,
        }
    }
    true
}

/// Whether a rule lists what a message asks for.
#[inline(always)]
fn lists<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, line: &ApplicationLine) -> bool {
    let Saying { names, bit } = work.inspection.saying;
    let mut listed = has_bit(line, bit);
    for list in 0..3 {
        let (first, lines) = (line.lists[list], line.lines[list]);
        if lines == 0 {
            continue;
        }
        work.inspection.name = names[list];
        let mut is_said = policy.tables.is_said(policy, work, first, lines);
        if list == 2 && !is_said {
            work.inspection.name = names[3];
            is_said = policy.tables.is_said(policy, work, first, lines);
        }
        listed &= is_said;
    }
    listed
}

/// Whether the name that was heard is in a list of so many lines.
#[inline(always)]
pub(in crate::decide) fn is_said<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    first: u32,
    lines: u32,
) -> bool {
    let name = work.inspection.name;
    // What was not said is like the unused places of a list.
    if name == 0 {
        return false;
    }
    for step in 0..LIST_LINES {
        if step >= lines {
            break;
        }
        let Some(names) = policy.line::<Said>(first.wrapping_add(step)) else {
            break;
        };
        if names.0.contains(&name) {
            return true;
        }
    }
    false
}

#[inline(always)]
const fn has_bit(line: &ApplicationLine, place: u32) -> bool {
    line.bits[(place >> 6 & 3) as usize] >> (place & 63) & 1 != 0
}

/// What is kept of a stream whose place is lost: what was heard in the beginning stands.
#[inline(always)]
pub(super) const fn begin_again(before: &Head, head: &mut Head) {
    if before.spoken == SPEAKS_DICOM | BEGUN {
        head.spoken = before.spoken;
        head.said = before.said;
        head.message = head.next;
    }
}

/// Whether nothing more is to be heard of the connection.
#[inline(always)]
pub(super) const fn is_done(inspection: &Inspection) -> bool {
    inspection.head.spoken == SPEAKS_DICOM | BEGUN && inspection.heard == 0
}

/// Where the next message begins.
#[inline(always)]
fn move_on(inspection: &mut Inspection, bytes: u32) {
    inspection.head.message = inspection.head.message.wrapping_add(bytes);
}
