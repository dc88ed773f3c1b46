//! What a rule and a signature hit, in the plainest way.

use super::asked::{Asked, Place};
use crate::policy::signature::{Compare, Jump, Number, Part, What};

/// Where a number leads that ends at a place, if there is a byte.
fn target(found: &[u8], end: i64, jump: &Jump, text: &[u8]) -> Option<i64> {
    let mut distance = integer(found, jump.little_endian) as i64 * i64::from(jump.multiply);
    while jump.align && distance % 4 != 0 {
        distance += 1;
    }
    distance += i64::from(jump.add);
    let target = distance + if jump.from_beginning { 0 } else { end };
    (0..text.len() as i64).contains(&target).then_some(target)
}

fn same(a: &[u8], b: &[u8], nocase: bool) -> bool {
    if nocase {
        a.eq_ignore_ascii_case(b)
    } else {
        a == b
    }
}

/// Bytes of the text from a place on, if they all are in it.
fn slice(text: &[u8], place: i64, length: usize) -> Option<&[u8]> {
    let place = usize::try_from(place).ok()?;
    text.get(place..)?.get(..length)
}

fn integer(bytes: &[u8], little: bool) -> u64 {
    let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    if little {
        bytes.iter().rev().fold(0, join)
    } else {
        bytes.iter().fold(0, join)
    }
}

/// Whether a rule's conditions hold; `end` is where the last content ended.
pub(super) fn rule_hits(asked: &[Asked], end: i64, text: &[u8]) -> bool {
    let Some((first, others)) = asked.split_first() else {
        return true;
    };
    match first {
        Asked::Content {
            bytes,
            nocase,
            place,
        } => {
            let (from, window) = match place {
                Place::Absolute { offset, depth } => (offset.unwrap_or(0), depth),
                Place::Relative { distance, within } => (end + distance.unwrap_or(0), within),
            };
            let until = window.map_or(i64::MAX, |window| from + window);
            let length = bytes.len() as i64;
            (from.max(0)..=(text.len() as i64).min(until) - length).any(|place| {
                slice(text, place, bytes.len()).is_some_and(|found| same(found, bytes, *nocase))
                    && rule_hits(others, place + length, text)
            })
        }
        Asked::ByteTest {
            width,
            negated,
            operator,
            value,
            offset,
            relative,
            little,
            bitmask,
        } => {
            let place = offset + if *relative { end } else { 0 };
            let Some(found) = slice(text, place, *width) else {
                return false;
            };
            let mut found = integer(found, *little);
            if let Some(bitmask) = bitmask {
                found = (found & bitmask) >> bitmask.trailing_zeros();
            }
            let holds = match *operator {
                "=" => found == *value,
                "<" => found < *value,
                ">" => found > *value,
                "<=" => found <= *value,
                ">=" => found >= *value,
                "&" => found & value != 0,
                other => panic!("{other}"),
            };
            holds != *negated && rule_hits(others, end, text)
        }
        Asked::ByteJump {
            width,
            offset,
            relative,
            little,
            multiplier,
            align,
            from_beginning,
            post_offset,
        } => {
            let place = offset + if *relative { end } else { 0 };
            let jump = Jump {
                width: *width as u8,
                little_endian: *little,
                multiply: multiplier.unwrap_or(1) as u16,
                align: *align,
                add: post_offset.unwrap_or(0) as i32,
                from_beginning: *from_beginning,
            };
            slice(text, place, *width)
                .and_then(|found| target(found, place + *width as i64, &jump, text))
                .is_some_and(|target| rule_hits(others, target, text))
        }
    }
}

/// Whether a signature's parts hold; `end` is where the part before ended. Texts here
/// are shorter than a signature may cover.
pub(super) fn signature_hits(parts: &[Part], end: i64, text: &[u8]) -> bool {
    let Some((part, others)) = parts.split_first() else {
        return true;
    };
    let from = if part.relative { end } else { 0 };
    let length = part.what.length();
    let first = (from + i64::from(part.first)).max(0);
    let last = part.last.map_or(i64::MAX, |last| from + i64::from(last));
    (first..=last.min(text.len() as i64)).any(|place| {
        let end = place + length as i64;
        slice(text, place, length).is_some_and(|found| match &part.what {
            What::Jump(jump) => target(found, end, jump, text)
                .is_some_and(|target| signature_hits(others, target, text)),
            what => holds(what, found) && signature_hits(others, end, text),
        })
    })
}

fn holds(what: &What, found: &[u8]) -> bool {
    match what {
        What::Bytes { bytes, nocase } => same(found, bytes, *nocase),
        What::Jump(_) => true,
        What::Number(Number {
            little_endian,
            mask,
            compare,
            value,
            ..
        }) => {
            let found = integer(found, *little_endian) as u32 & mask;
            match compare {
                Compare::Equal => found == *value,
                Compare::Unequal => found != *value,
                Compare::Below => found < *value,
                Compare::Above => found > *value,
                Compare::Any => found & value != 0,
            }
        }
    }
}
