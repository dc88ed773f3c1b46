//! Random signatures, and texts in which they may stand.

use enforcer::policy::compile::signatures::lower;
use enforcer::policy::model::Service;
use enforcer::policy::signature::{Compare, Jump, Number, Part, Signature, What};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Of these parts, at every port.
pub(crate) fn signature(id: u32, parts: Vec<Part>) -> Signature {
    let any = vec![Service::Tcp(0, u16::MAX), Service::Udp(0, u16::MAX)];
    Signature::of(format!("s{id}"), id, any, parts)
}

/// Bytes, wherever they stand.
pub(crate) fn bytes(bytes: &[u8]) -> Part {
    Part {
        what: What::Bytes {
            bytes: bytes.to_vec(),
            nocase: false,
        },
        relative: false,
        first: 0,
        last: None,
    }
}

impl Shape for Part {
    fn at(self, first: i32, last: i32) -> Self {
        Part {
            relative: false,
            first,
            last: Some(last),
            ..self
        }
    }

    fn after(self, first: i32, last: i32) -> Self {
        Part {
            relative: true,
            ..self.at(first, last)
        }
    }
}

/// Where a part stands.
pub(crate) trait Shape {
    fn at(self, first: i32, last: i32) -> Self;
    fn after(self, first: i32, last: i32) -> Self;
}

/// Patterns of these lengths, over few letters or any bytes.
pub(crate) fn pattern(lengths: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    let few = select(b"abAB\0".as_slice());
    prop_oneof![
        vec(few, lengths.clone()),
        vec(any::<u8>(), lengths.clone()),
        vec(select(b"abcdefgh".as_slice()), lengths),
    ]
}

fn number() -> impl Strategy<Value = What> {
    let compare = select(
        [
            Compare::Equal,
            Compare::Unequal,
            Compare::Below,
            Compare::Above,
            Compare::Any,
        ]
        .as_slice(),
    );
    let width = select([1_u8, 2, 4].as_slice());
    (
        width,
        any::<bool>(),
        compare,
        select(b"abAB\0".as_slice()),
        any::<bool>(),
    )
        .prop_map(|(width, little_endian, compare, byte, masked)| {
            let most = u32::MAX >> (32 - 8 * u32::from(width));
            What::Number(Number {
                width,
                little_endian,
                mask: if masked { 0x7f } else { most },
                compare,
                value: u32::from(byte),
            })
        })
}

fn jump() -> impl Strategy<Value = What> {
    let width = select([1_u8, 1, 2, 4].as_slice());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (width, flags, 1..4_u16, -20..20_i32).prop_map(
        |(width, (little_endian, align, from_beginning), multiply, add)| {
            What::Jump(Jump {
                width,
                little_endian,
                multiply,
                align,
                add,
                from_beginning,
            })
        },
    )
}

/// Distances are from the part before; `None`: anywhere.
fn part(
    what: impl Strategy<Value = What> + 'static,
    least: i32,
) -> impl Strategy<Value = Part> + 'static {
    let range = prop_oneof![
        2 => Just((0, None)),
        3 => (0..12_i32, 0..20_i32).prop_map(|(first, more)| (first, Some(first + more))),
        1 => (least..=0, 0..5_i32).prop_map(|(first, more)| (first, Some(first + more))),
        1 => (0..40_i32, 0..200_i32).prop_map(|(first, more)| (first, Some(first + more))),
    ];
    (what, range).prop_map(|(what, (first, last))| Part {
        what,
        relative: true,
        first,
        last,
    })
}

fn bytes_part(lengths: std::ops::Range<usize>) -> impl Strategy<Value = What> {
    (pattern(lengths), any::<bool>()).prop_map(|(bytes, nocase)| What::Bytes { bytes, nocase })
}

/// Signatures whose bytes have these lengths, parts going back by so much at most.
pub(crate) fn any_signature(
    lengths: std::ops::Range<usize>,
    back: i32,
    jumps: u32,
) -> impl Strategy<Value = Signature> {
    let one = move || {
        prop_oneof![
            3 => part(bytes_part(lengths.clone()), -back).boxed(),
            1 => part(number(), -back).boxed(),
            jumps => part(jump(), -back).boxed(),
        ]
    };
    let parts = prop_oneof![
        1 => vec(one(), 1..2),
        2 => vec(one(), 2..5),
        1 => vec((one(), 0..5), 2..5).prop_map(header),
        jumps => vec(one(), 2..6).prop_map(row),
    ];
    parts.prop_filter_map("cannot be lowered", |mut parts| {
        parts[0].relative = false;
        if parts[0].first < 0 {
            (parts[0].first, parts[0].last) = (0, None);
        }
        let signature = signature(1, parts);
        lower(&signature).is_ok().then_some(signature)
    })
}

/// Parts each at one place from the one before.
fn row(parts: Vec<Part>) -> Vec<Part> {
    let parts = parts.into_iter().map(|part| Part {
        last: Some(part.first),
        ..part
    });
    parts.collect()
}

/// Parts at places that count from the beginning of the text, with gaps between them.
fn header(parts: Vec<(Part, i32)>) -> Vec<Part> {
    let mut place = 0;
    let last = parts.len() - 1;
    let parts = parts.into_iter().enumerate().map(|(index, (part, gap))| {
        let first = place + gap;
        place = first + part.what.length() as i32;
        part.at(first, if index == last { first + 20 } else { first })
    });
    parts.collect()
}

/// A plain source of choices, for texts that are too long to be shrunk anyway.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // Marsaglia, "Xorshift RNGs", 2003.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }

    pub(crate) fn text(&mut self, length: usize) -> Vec<u8> {
        let alphabets: [&[u8]; 3] = [b"abAB\0", b"abcdefgh", b"abcdefghijklmnopqrstuvwxyz \0"];
        let alphabet = alphabets[self.below(3)];
        (0..length)
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect()
    }

    /// Writes the parts of a signature into a text, mostly where they belong.
    pub(crate) fn plant(&mut self, signature: &Signature, text: &mut Vec<u8>) {
        let mut end = self.below(text.len()) as i64;
        for (index, part) in signature.parts.iter().enumerate() {
            let first = i64::from(part.first);
            let last = part.last.map_or(first + 60, i64::from).min(first + 200);
            if index > 0 || part.last.is_some() {
                let start = if part.relative { end } else { 0 };
                end = start + first + self.below((last - first + 1) as usize) as i64;
            }
            let mut leads = None;
            let mut bytes = match &part.what {
                What::Jump(jump) => {
                    let value = self.below(60) as u32;
                    let product = i64::from(value) * i64::from(jump.multiply);
                    let product = if jump.align {
                        (product + 3) / 4 * 4
                    } else {
                        product
                    };
                    let width = usize::from(jump.width);
                    let from = if jump.from_beginning {
                        0
                    } else {
                        end + width as i64
                    };
                    leads = Some(from + product + i64::from(jump.add));
                    match jump.little_endian {
                        true => value.to_le_bytes()[..width].to_vec(),
                        false => value.to_be_bytes()[4 - width..].to_vec(),
                    }
                }
                What::Bytes { bytes, .. } => bytes.clone(),
                What::Number(number) => {
                    let value = match number.compare {
                        Compare::Equal | Compare::Any => number.value,
                        Compare::Unequal | Compare::Above => number.value.wrapping_add(1),
                        Compare::Below => number.value.saturating_sub(1),
                    };
                    let width = usize::from(number.width);
                    match number.little_endian {
                        true => value.to_le_bytes()[..width].to_vec(),
                        false => value.to_be_bytes()[4 - width..].to_vec(),
                    }
                }
            };
            if self.below(12) == 0 {
                bytes[0] = b'?';
            }
            for byte in bytes {
                if let Ok(place) = usize::try_from(end) {
                    if place >= text.len() {
                        text.resize(place + 1, b'.');
                    }
                    text[place] = byte;
                }
                end += 1;
            }
            end = leads.unwrap_or(end);
        }
    }
}
