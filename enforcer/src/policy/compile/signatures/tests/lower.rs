//! Parts as the tables hold them, and what they cannot hold.

use enforcer_common::signature::{PART_NUMBER, PART_RELATIVE, PATTERN, SPAN};

use super::super::lower::{Lowered, lower};
use super::*;
use crate::policy::signature::{Compare, Number};

fn at(part: Part, first: i32, last: impl Into<Option<i32>>) -> Part {
    Part {
        first,
        last: last.into(),
        ..part
    }
}

fn after(part: Part, first: i32, last: impl Into<Option<i32>>) -> Part {
    Part {
        relative: true,
        ..at(part, first, last)
    }
}

fn number() -> Part {
    Part {
        what: What::Number(Number {
            width: 2,
            little_endian: false,
            mask: 0xffff,
            compare: Compare::Above,
            value: 7,
        }),
        ..bytes(b"-")
    }
}

fn lowered(parts: Vec<Part>) -> Lowered {
    lower(&signature("s", parts)).unwrap()
}

#[track_caller]
fn refused(parts: Vec<Part>, expected: &str) {
    let refused = lower(&signature("s", parts)).map_err(|unfit| unfit.to_string());
    assert_eq!(refused, Err(expected.to_owned()));
}

/// Distances, whether from the part before, and length of each line.
fn lines(parts: Vec<Part>) -> Vec<(i32, i32, bool, u8)> {
    let lowered = lowered(parts);
    let lines = lowered.parts.iter().map(|line| {
        let relative = line.flags & PART_RELATIVE != 0;
        (line.first, line.last, relative, line.length)
    });
    lines.collect()
}

#[test]
fn what_the_tables_cannot_hold_is_said() {
    refused(
        vec![],
        "no part compares bytes: numbers alone are found everywhere",
    );
    refused(
        vec![number()],
        "no part compares bytes: numbers alone are found everywhere",
    );
    refused(vec![bytes(b"")], "a part compares no byte");
    refused(
        vec![after(bytes(b"ab"), 0, 4); 9],
        "9 parts, each of 40 bytes at most; a signature has 8",
    );
    refused(
        vec![bytes(&[b'a'; 8 * PATTERN + 1])],
        "9 parts, each of 40 bytes at most; a signature has 8",
    );
    refused(
        vec![bytes(&[b'a'; 257])],
        "it reaches over 257 bytes at least; 256 are possible",
    );
    refused(
        vec![bytes(b"ab"), after(bytes(b"cd"), 253, 300)],
        "it reaches over 257 bytes at least; 256 are possible",
    );
    refused(
        vec![bytes(b"ab"), after(bytes(b"cd"), -257, -257)],
        "a part stands 257 bytes back",
    );
    refused(
        vec![bytes(b"ab"), after(bytes(b"cd"), 4, 3)],
        "a part ends its range before it begins",
    );
    refused(
        vec![at(bytes(b"ab"), 4, 3)],
        "the first part has no place in a text",
    );
    refused(
        vec![at(bytes(b"ab"), -1, 3)],
        "the first part has no place in a text",
    );
    let loose = "a part counts from the beginning of the text, and the one before it has no fixed place there";
    refused(vec![bytes(b"ab"), at(bytes(b"cd"), 4, 4)], loose);
    refused(vec![at(bytes(b"ab"), 0, 1), at(bytes(b"cd"), 4, 4)], loose);
    refused(
        vec![
            at(bytes(b"ab"), 0, 0),
            after(bytes(b"cd"), 0, 1),
            at(bytes(b"ef"), 9, 9),
        ],
        loose,
    );
}

#[test]
fn the_most_that_is_possible_is() {
    assert_eq!(lines(vec![after(bytes(b"ab"), 0, 4); 8]).len(), 8);
    assert_eq!(lines(vec![bytes(&[b'a'; SPAN])]).len(), 7);
    let far = lines(vec![bytes(b"ab"), after(bytes(b"cd"), 252, 252)]);
    assert_eq!(far[1], (252, 252, true, 2));
}

#[test]
fn long_bytes_are_cut_evenly() {
    let lengths = |length: usize| -> Vec<u8> {
        let text: Vec<u8> = (0..length).map(|place| place as u8).collect();
        let lowered = lowered(vec![at(bytes(&text), 3, 9)]);
        let held = lowered.parts.iter();
        let held = held.flat_map(|line| line.bytes[..usize::from(line.length)].iter().copied());
        assert_eq!(held.collect::<Vec<_>>(), text);
        let [first, others @ ..] = lowered.parts.as_slice() else {
            panic!("no line")
        };
        assert_eq!((first.first, first.last, first.flags), (3, 9, 0));
        for line in others {
            assert_eq!((line.first, line.last, line.flags), (0, 0, PART_RELATIVE));
        }
        lowered.parts.iter().map(|line| line.length).collect()
    };
    assert_eq!(lengths(1), [1]);
    assert_eq!(lengths(40), [40]);
    assert_eq!(lengths(41), [21, 20]);
    assert_eq!(lengths(80), [40, 40]);
    assert_eq!(lengths(81), [27, 27, 27]);
    assert_eq!(lengths(121), [31, 31, 31, 28]);
    assert_eq!(lengths(256), [37, 37, 37, 37, 37, 37, 34]);
}

#[test]
fn parts_are_no_further_apart_than_a_signature_reaches() {
    assert_eq!(
        lines(vec![bytes(b"abcd"), after(bytes(b"ef"), 0, None)]),
        [(0, i32::MAX, false, 4), (0, 250, true, 2)]
    );
    assert_eq!(
        lines(vec![
            at(bytes(b"abcd"), 500, 600),
            after(bytes(b"ef"), 10, 1000),
            after(number(), 20, None),
        ]),
        [(500, 600, false, 4), (10, 228, true, 2), (20, 238, true, 2)]
    );
    // What overlaps takes no room.
    assert_eq!(
        lines(vec![bytes(b"abcd"), after(bytes(b"ef"), -4, None)])[1],
        (-4, 250, true, 2)
    );
}

#[test]
fn places_behind_a_fixed_one_become_distances() {
    assert_eq!(
        lines(vec![
            at(number(), 2, 2),
            at(bytes(b"abcd"), 4, 4),
            after(number(), 1, 1),
            at(bytes(b"ef"), 11, 20),
        ]),
        [
            (2, 2, false, 2),
            (0, 0, true, 4),
            (1, 1, true, 2),
            (0, 9, true, 2)
        ]
    );
    // Bytes that stand before what was told first go back.
    assert_eq!(
        lines(vec![at(bytes(b"abcd"), 10, 10), at(number(), 0, 4)]),
        [(10, 10, false, 4), (-14, -10, true, 2)]
    );
}

#[test]
fn the_part_that_tells_most_is_looked_for() {
    let fast = |parts: &[&[u8]]| {
        let parts = parts.iter().map(|text| after(bytes(text), 0, None));
        lowered(parts.collect()).fast
    };
    assert_eq!(fast(&[b"ab", b"abcdef", b"abc"]), 1);
    // Runs of a byte are everywhere.
    assert_eq!(fast(&[b"\0\0\0\0\0\0\0\0\0\0", b"abcd"]), 1);
    assert_eq!(fast(&[b"abababababab", b"abcdefghijkl"]), 1);
    // Of equals the first; of long bytes any piece.
    assert_eq!(fast(&[b"abcd", b"efgh"]), 0);
    assert_eq!(
        fast(&[
            &[b'a'; 40],
            &[b"a".repeat(40), b"bcdefghi".repeat(5)].concat()
        ]),
        2
    );
    let parts = vec![number(), after(bytes(b"AbC"), 0, 3)];
    let mut lowered = lowered(parts);
    assert_eq!((lowered.fast, lowered.pattern()), (1, b"abc".to_vec()));
    assert_eq!(lowered.parts[0].flags, PART_NUMBER);
    assert_eq!(lowered.parts[1].mask, 0);
    let parts = vec![Part {
        what: What::Bytes {
            bytes: b"AbC".to_vec(),
            nocase: true,
        },
        ..bytes(b"-")
    }];
    lowered = lower(&signature("s", parts)).unwrap();
    assert_eq!(lowered.parts[0].flags, 0);
    assert_ne!(lowered.parts[0].mask, 0);
}

#[test]
fn where_a_pattern_ends_is_known_from_the_places_before_it() {
    let reach = |parts| lowered(parts).reach();
    assert_eq!(reach(vec![bytes(b"abc")]), None);
    assert_eq!(reach(vec![at(bytes(b"abc"), 4, None)]), None);
    assert_eq!(reach(vec![at(bytes(b"abc"), 0, 0)]), Some(3));
    assert_eq!(reach(vec![at(bytes(b"abc"), 4, 9)]), Some(12));
    // The pattern is the part that tells most.
    let long = after(bytes(b"abcdefgh"), 1, 5);
    assert_eq!(
        reach(vec![at(bytes(b"xy"), 4, 9), long.clone()]),
        Some(9 + 2 + 5 + 8)
    );
    assert_eq!(
        reach(vec![
            at(bytes(b"abcdefgh"), 2, 2),
            after(bytes(b"xy"), 0, 9)
        ]),
        Some(10)
    );
    assert_eq!(reach(vec![bytes(b"xy"), long]), None);
}
