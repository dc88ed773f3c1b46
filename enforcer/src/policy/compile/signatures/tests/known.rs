//! What groups are known by that have no grams: the bytes that all of their signatures know.

use enforcer_common::signature::{
    HEAD_GRAM, RUN_GRAM, gram_bit, gram_index, gram_place, masked_hash,
};

use super::super::known::Known;
use super::super::lower::{Lowered, lower};
use super::*;
use crate::policy::signature::{Compare, Jump, Number};

fn number(width: u8, mask: u32, compare: Compare, value: u32) -> What {
    What::Number(Number {
        width,
        little_endian: false,
        mask,
        compare,
        value,
    })
}

/// Each so far behind the one before, the first one anywhere.
fn row(parts: &[(What, i32)]) -> Lowered {
    let parts = parts.iter().enumerate().map(|(index, (what, first))| Part {
        what: what.clone(),
        relative: index > 0,
        first: *first,
        last: (index > 0).then_some(*first),
    });
    lower(&signature("s", parts.collect())).unwrap()
}

/// As [`row`], the first one at a place.
fn header(parts: &[(What, i32)]) -> Lowered {
    let mut lowered = row(parts);
    lowered.parts[0].last = lowered.parts[0].first;
    lowered
}

fn text(bytes: &[u8]) -> What {
    What::Bytes {
        bytes: bytes.to_vec(),
        nocase: false,
    }
}

fn knows(known: &Known, bytes: [u8; 8]) -> bool {
    let hash = masked_hash(u64::from_le_bytes(bytes), known.mask);
    let byte = known.table[gram_index(hash, known.shift) as usize];
    assert_eq!(gram_bit(hash), 1 << gram_place(hash));
    byte & gram_bit(hash) != 0
}

fn equal(value: u32) -> What {
    number(1, 0xff, Compare::Equal, value)
}

/// As of Modbus: the protocol and the length, by bytes or by numbers, and a function.
fn writes() -> [Lowered; 2] {
    [
        row(&[(text(b"\0\0\0\x06"), 0), (equal(5), 1)]),
        row(&[
            (number(2, 0xffff, Compare::Equal, 0), 0),
            (number(2, 0xffff, Compare::Below, 255), 0),
            (text(b"\x01\x0f"), 0),
        ]),
    ]
}

#[test]
fn a_run_that_all_have_is_looked_for_and_what_is_known_behind_it() {
    let known = Known::new(writes().iter(), false).unwrap();
    assert_eq!((known.gram, known.run), (RUN_GRAM, 0));
    assert_eq!(known.mask, 0x0000_ff00_00ff_ffff);
    // The second pattern ends so far behind its run.
    assert_eq!((known.length, known.reach), (6, 6));
    assert!(knows(&known, [0, 0, 0, 6, 1, 5, 9, 9]));
    assert!(knows(&known, [0, 0, 0, 200, 1, 15, 9, 9]));
    for function in (0..=255).filter(|function| ![5, 15].contains(function)) {
        assert!(
            !knows(&known, [0, 0, 0, 6, 1, function, 0, 0]),
            "{function}"
        );
    }
}

#[test]
fn what_tells_nothing_is_no_filter() {
    let none = |signatures: &[Lowered]| Known::new(signatures.iter(), false).is_none();
    let [one, other] = writes();
    // Nothing but the run, of one or of what both have.
    assert!(none(&[row(&[(text(b"\0\0\0"), 0)])]));
    assert!(none(&[row(&[(text(b"\0\0\0\x06"), 0)]), other.clone()]));
    // No run, another one, or none that is near the pattern, or in one place.
    assert!(none(&[row(&[(text(b"\0\x01\0\x02"), 0)])]));
    assert!(none(&[
        one.clone(),
        row(&[(text(b"\x01\x01\x01\x06"), 0), (equal(5), 1)])
    ]));
    let far = [
        (number(4, u32::MAX, Compare::Equal, 0), 0),
        (text(b"\x01\x0f"), 4),
    ];
    assert!(none(&[row(&far)]));
    let mut anywhere = other;
    anywhere.parts[2].last += 1;
    assert!(none(&[anywhere]));
    assert!(!none(&[one]));
    // Numbers that do not tell a byte.
    for (mask, compare, value) in [
        (0xffff, Compare::Unequal, 0),
        (0xffff, Compare::Above, 0),
        (0xffff, Compare::Any, 1),
        (0xff, Compare::Equal, 0),
        (0xffff, Compare::Below, 257),
        (0x0fff, Compare::Below, 255),
    ] {
        let parts = [
            (number(2, 0xffff, Compare::Equal, 0), 0),
            (number(2, mask, compare, value), 0),
            (text(b"\x01\x0f"), 0),
        ];
        assert!(none(&[row(&parts)]), "{compare:?} {value} of {mask:x}");
    }
}

#[test]
fn letters_of_either_case_are_not_known() {
    let nocase = |nocase| What::Bytes {
        bytes: b"aaa/".to_vec(),
        nocase,
    };
    let known = |is| Known::new([row(&[(nocase(is), 0)])].iter(), false);
    assert_eq!(known(false).unwrap().run, b'a');
    assert!(known(true).is_none());
}

#[test]
fn what_is_behind_a_jump_is_not_known() {
    let jump = |from_beginning| {
        What::Jump(Jump {
            width: 1,
            little_endian: false,
            multiply: 1,
            align: false,
            add: 0,
            from_beginning,
        })
    };
    for from_beginning in [false, true] {
        let parts = [
            (text(b"\x07\x08"), 0),
            (jump(from_beginning), 0),
            (text(b"\0\0\0\x06"), 0),
        ];
        let known = Known::new([header(&parts)].iter(), true);
        // The pattern may be the one behind it, of which no place is known.
        if let Some(known) = known {
            assert_eq!(known.mask, 0xffff);
        }
        assert!(Known::new([row(&parts)].iter(), false).is_none());
    }
}

#[test]
fn a_text_that_must_begin_so_is_known_by_its_beginning() {
    let signatures = [12, 15].map(|service| {
        let parts = [
            (text(b"\x81\x0a"), 0),
            (text(b"\x01"), 2),
            (equal(service), 4),
        ];
        header(&parts)
    });
    let known = Known::new(signatures.iter(), true).unwrap();
    assert_eq!(known.gram, HEAD_GRAM);
    assert_eq!((known.mask, known.length), (0xff_0000_ffff, 5));
    assert!(knows(&known, [0x81, 0x0a, 9, 9, 1, 9, 9, 9]));
    assert!(!knows(&known, [0x81, 0x0b, 9, 9, 1, 9, 9, 9]));
    // One that stands elsewhere has nothing in common with them.
    let later = header(&[(text(b"\x81\x0a"), 40)]);
    assert!(Known::new([&signatures[0], &later].into_iter(), true).is_none());
    // And one whose place is a range may begin anywhere there.
    assert!(Known::new([row(&[(text(b"\x81\x0a"), 0)])].iter(), true).is_none());
}
