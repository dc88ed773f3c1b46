//! Random conditions, and texts of which some meet them.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::asked::{Asked, Place};

const LETTERS: [u8; 4] = *b"abA\0";

pub(super) fn letters(
    length: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Vec<u8>> {
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

pub(super) fn content() -> impl Strategy<Value = Asked> {
    (letters(1..3), any::<bool>()).prop_flat_map(|(bytes, nocase)| {
        place(bytes.len() as i64).prop_map(move |place| Asked::Content {
            bytes: bytes.clone(),
            nocase,
            place,
        })
    })
}

pub(super) fn test() -> impl Strategy<Value = Asked> {
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

pub(super) fn jump() -> impl Strategy<Value = Asked> {
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
pub(super) fn text() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(&b"abA\0\x01\x02\x03"[..]), 0..14)
}
