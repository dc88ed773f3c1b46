//! A signature hits what its rule hits: random rules and random datagrams, judged by
//! what the language says and by what a signature says, both in the plainest way.

use std::fmt;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::policy::signature::{Compare, Jump, Number};

/// A condition of a rule.
#[derive(Clone, Debug)]
enum Asked {
    Content {
        bytes: Vec<u8>,
        nocase: bool,
        place: Place,
    },
    ByteTest {
        width: usize,
        negated: bool,
        operator: &'static str,
        value: u64,
        offset: i64,
        relative: bool,
        little: bool,
        bitmask: Option<u64>,
    },
    ByteJump {
        width: usize,
        offset: i64,
        relative: bool,
        little: bool,
        multiplier: Option<i64>,
        align: bool,
        from_beginning: bool,
        post_offset: Option<i64>,
    },
}

#[derive(Clone, Debug)]
enum Place {
    Absolute {
        offset: Option<i64>,
        depth: Option<i64>,
    },
    Relative {
        distance: Option<i64>,
        within: Option<i64>,
    },
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = |f: &mut fmt::Formatter<'_>, name, value: &Option<i64>| match value {
            Some(value) => write!(f, "{name}:{value};"),
            None => Ok(()),
        };
        match self {
            Self::Content {
                bytes,
                nocase,
                place,
            } => {
                write!(f, "content:\"|")?;
                for byte in bytes {
                    write!(f, "{byte:02x}")?;
                }
                write!(f, "|\";{}", if *nocase { "nocase;" } else { "" })?;
                match place {
                    Place::Absolute { offset, depth } => {
                        option(f, "offset", offset)?;
                        option(f, "depth", depth)
                    }
                    Place::Relative { distance, within } => {
                        option(f, "distance", distance)?;
                        option(f, "within", within)
                    }
                }
            }
            Self::ByteTest {
                width,
                negated,
                operator,
                value,
                offset,
                relative,
                little,
                bitmask,
            } => {
                let negated = if *negated { "!" } else { "" };
                write!(f, "byte_test:{width},{negated}{operator},{value},{offset}")?;
                write!(f, "{}", if *relative { ",relative" } else { "" })?;
                write!(f, "{}", if *little { ",little" } else { "" })?;
                if let Some(bitmask) = bitmask {
                    write!(f, ",bitmask {bitmask:#x}")?;
                }
                write!(f, ";")
            }
            Self::ByteJump {
                width,
                offset,
                relative,
                little,
                multiplier,
                align,
                from_beginning,
                post_offset,
            } => {
                write!(f, "byte_jump:{width},{offset}")?;
                write!(f, "{}", if *relative { ",relative" } else { "" })?;
                write!(f, "{}", if *little { ",little" } else { "" })?;
                if let Some(multiplier) = multiplier {
                    write!(f, ",multiplier {multiplier}")?;
                }
                write!(f, "{}", if *align { ",align" } else { "" })?;
                let beginning = if *from_beginning {
                    ",from_beginning"
                } else {
                    ""
                };
                write!(f, "{beginning}")?;
                if let Some(post_offset) = post_offset {
                    write!(f, ",post_offset {post_offset}")?;
                }
                write!(f, ";")
            }
        }
    }
}

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
fn rule_hits(asked: &[Asked], end: i64, text: &[u8]) -> bool {
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
fn signature_hits(parts: &[Part], end: i64, text: &[u8]) -> bool {
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

const LETTERS: [u8; 4] = *b"abA\0";

fn letters(length: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(&LETTERS[..]), length)
}

fn place(length: i64) -> impl Strategy<Value = Place> {
    prop_oneof![
        (of(0..6_i64), of(length..8)).prop_map(|(offset, depth)| Place::Absolute { offset, depth }),
        (of(-5..6_i64), of(length..8))
            .prop_map(|(distance, within)| Place::Relative { distance, within }),
        (-5..6_i64).prop_map(|distance| Place::Relative {
            distance: Some(distance),
            within: None
        }),
    ]
}

fn content() -> impl Strategy<Value = Asked> {
    (letters(1..3), any::<bool>()).prop_flat_map(|(bytes, nocase)| {
        place(bytes.len() as i64).prop_map(move |place| Asked::Content {
            bytes: bytes.clone(),
            nocase,
            place,
        })
    })
}

fn test() -> impl Strategy<Value = Asked> {
    (
        prop::sample::select(&[1, 2, 4][..]),
        any::<bool>(),
        prop::sample::select(&["=", "<", ">", "<=", ">=", "&"][..]),
        prop_oneof![0..4_u64, 0x60..0x64_u64, 0x6100..0x6204_u64],
        -4..6_i64,
        prop::bool::weighted(0.8),
        any::<bool>(),
        of(prop_oneof![
            Just(0xff),
            Just(0xff00),
            Just(6),
            1..0x1_0000_u64
        ]),
    )
        .prop_map(
            |(width, negated, operator, value, offset, relative, little, bitmask)| {
                Asked::ByteTest {
                    width,
                    negated,
                    operator,
                    value,
                    offset,
                    relative,
                    little,
                    bitmask,
                }
            },
        )
}

fn jump() -> impl Strategy<Value = Asked> {
    let flags = (
        prop::bool::weighted(0.8),
        any::<bool>(),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
    );
    (
        prop::sample::select(&[1, 1, 1, 2, 4][..]),
        -3..4_i64,
        flags,
        of(1..4_i64),
        of(-4..3_i64),
    )
        .prop_map(
            |(
                width,
                offset,
                (relative, little, align, from_beginning),
                multiplier,
                post_offset,
            )| {
                Asked::ByteJump {
                    width,
                    offset,
                    relative,
                    little,
                    multiplier,
                    align,
                    from_beginning,
                    post_offset,
                }
            },
        )
}

/// Letters, and numbers that lead somewhere.
fn text() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(&b"abA\0\x01\x02\x03"[..]), 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn in_a_datagram(
        asked in vec(prop_oneof![4 => content(), 2 => test(), 1 => jump()], 1..5),
        texts in vec(prop_oneof![letters(0..12).boxed(), text().boxed()], 16),
    ) {
        let options: String = asked.iter().map(ToString::to_string).collect();
        let rule = format!("{UDP} ({options} sid:1;)");
        let imported = import(&rule);
        let Some(Loaded { signature, .. }) = imported.loaded.first() else {
            return Ok(());
        };
        for text in texts {
            prop_assert_eq!(
                rule_hits(&asked, 0, &text),
                signature_hits(&signature.parts, 0, &text),
                "{} {:?} {:?}", rule, signature.parts, text
            );
        }
    }
}
