//! HL7 version 2 in the minimal lower layer protocol (HL7 v2.5.1, appendix C.4.3): who
//! sends each message, and of what type it is (2.15.9). A vertical tab begins a message
//! and is nowhere else.

use super::{BEGUN, HEARD_ASKS, HEARD_BROKEN, HEARD_PART, HEARD_PASSES, move_on};
use crate::application::{HASH, hash_on, some};
use crate::decide::inspect::PIECE;
use crate::decide::{Policy, Work};
use crate::tables::Tables;

const BEGIN: u8 = 0x0b;
const END_OF_SEGMENT: u8 = b'\r';
/// Bytes of a header within which what is asked for must stand; what is waited for must
/// not lie further back than the text is known.
const HEADER: u32 = 240;

/// Fields of the header, by number; the separator itself counts as the first.
const APPLICATION: u32 = 3;
const FACILITY: u32 = 4;
const MESSAGE: u32 = 9;

/// What was read of a header.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(in crate::decide::inspect) struct Reading {
    /// Number of the field, of the last one that is asked for, and of the component from 0.
    field: u32,
    last: u32,
    component: u32,
    /// Characters between fields, and between components.
    separator: u32,
    between: u32,
    /// Hash of the field so far.
    hash: u64,
    application: u64,
    facility: u64,
    /// Of the message's type, and of type and event.
    kind: u64,
    event: u64,
}

impl Reading {
    pub(in crate::decide::inspect) const EMPTY: Self = Self {
        field: 0,
        last: 0,
        component: 0,
        separator: 0,
        between: 0,
        hash: 0,
        application: 0,
        facility: 0,
        kind: 0,
        event: 0,
    };
}

#[inline(always)]
pub(super) fn hear<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    index: u32,
    available: u32,
) -> u32 {
    let inspection = &mut work.inspection;
    if inspection.byte(index) == BEGIN {
        return read(policy, work, index, available);
    }
    if inspection.head.spoken & BEGUN == 0 {
        return HEARD_BROKEN;
    }
    let mut passed = policy.tables.pass_words(policy, work, index, available);
    for _ in 0..8 {
        if passed >= available || work.inspection.byte(index.wrapping_add(passed)) == BEGIN {
            break;
        }
        passed = passed.wrapping_add(1);
    }
    move_on(&mut work.inspection, passed);
    HEARD_PASSES
}

/// Bytes in words that no message begins in, from an index on.
#[inline(always)]
pub(in crate::decide) fn pass_words<T: Tables>(
    _policy: &Policy<'_, T>,
    work: &mut Work,
    index: u32,
    available: u32,
) -> u32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (index, available) = (u64::from(index), u64::from(available));
    let mut passed = 0;
    for _ in 0..PIECE / 8 {
        // Whether a byte of a word is zero: Mycroft's test.
        let word = work.inspection.word_at(index + passed) ^ (ONES * BEGIN as u64);
        let begins = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if begins != 0 || passed + 8 > available {
            break;
        }
        passed += 8;
    }
    passed as u32
}

/// Reads the header of a message, as far as rules ask for it.
#[inline(always)]
fn read<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, index: u32, available: u32) -> u32 {
    work.inspection.reading = Reading {
        field: 1,
        last: last_field(policy, work),
        hash: HASH,
        ..Reading::EMPTY
    };
    for step in 1..HEADER {
        if step >= available {
            return HEARD_PART;
        }
        match policy.tables.hear_byte(policy, work, index, step) {
            HEARD_PART => {}
            HEARD_ASKS => return HEARD_ASKS,
            _ => return HEARD_BROKEN,
        }
    }
    HEARD_BROKEN
}

/// The last field that a list is of; that of the separator where none is.
#[inline(always)]
fn last_field<T: Tables>(policy: &Policy<'_, T>, work: &Work) -> u32 {
    let mut last = 1;
    for number in work.inspection.applications {
        let Some(line) = policy.application(number) else {
            continue;
        };
        for (lines, field) in line.lines.into_iter().zip([APPLICATION, FACILITY, MESSAGE]) {
            if lines != 0 && field > last {
                last = field;
            }
        }
    }
    last
}

/// Takes one byte of a header, so many behind its beginning.
#[inline(always)]
pub(in crate::decide) fn hear_byte<T: Tables>(
    _policy: &Policy<'_, T>,
    work: &mut Work,
    begin: u32,
    step: u32,
) -> u32 {
    let byte = work.inspection.byte(begin.wrapping_add(step));
    let reading = &mut work.inspection.reading;
    let expected = match step {
        1 => b'M',
        2 => b'S',
        3 => b'H',
        _ => byte,
    };
    // A message that begins in the head of another would be read as a part of that.
    if byte != expected || byte == BEGIN || step == 4 && byte == END_OF_SEGMENT {
        return HEARD_BROKEN;
    }
    if step < 4 {
        return HEARD_PART;
    }
    if step == 4 {
        reading.separator = byte.into();
    }
    if step == 5 {
        reading.between = byte.into();
    }
    if u32::from(byte) == reading.separator {
        end_field(reading);
    } else if byte == END_OF_SEGMENT {
        end_field(reading);
        reading.field = u32::MAX;
    } else if u32::from(byte) == reading.between {
        end_component(reading);
    } else {
        reading.hash = hash_on(reading.hash, byte);
    }
    if reading.field <= reading.last {
        return HEARD_PART;
    }
    let names = [
        reading.application,
        reading.facility,
        reading.event,
        reading.kind,
    ];
    work.inspection.saying.names = names;
    move_on(&mut work.inspection, step);
    HEARD_ASKS
}

/// Of most fields the first component is the name, of the message's type the first two.
#[inline(always)]
fn end_component(reading: &mut Reading) {
    match (reading.field, reading.component) {
        (APPLICATION, 0) => reading.application = some(reading.hash),
        (FACILITY, 0) => reading.facility = some(reading.hash),
        (MESSAGE, 0) => reading.kind = some(reading.hash),
        (MESSAGE, 1) => reading.event = some(reading.hash),
        _ => {}
    }
    reading.hash = hash_on(reading.hash, b'^');
    reading.component += 1;
}

#[inline(always)]
fn end_field(reading: &mut Reading) {
    end_component(reading);
    reading.field += 1;
    reading.component = 0;
    reading.hash = HASH;
}
