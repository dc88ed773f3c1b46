//! What a signature looks for, part by part.

use super::super::super::describe;
use super::super::super::signature::{Compare, Jump, Number};
use super::*;

fn found(find: &str) -> Vec<Part> {
    signature(&format!("name: s, tcp: 80, find: [{find}]")).parts
}

#[track_caller]
fn part_refused(part: &str, expected: &str) {
    refused(&format!("name: s, tcp: 80, find: [{part}]"), expected);
}

#[test]
fn bytes_and_text_are_read() {
    let one = |find: &str| found(find)[0].what.clone();
    assert_eq!(one("{text: 'GET /'}"), bytes(b"GET /"));
    assert_eq!(one("{text: 1234}"), bytes(b"1234"));
    assert_eq!(
        one("{text: \"\\r\\n\\0\\xff\"}"),
        bytes("\r\n\0ÿ".as_bytes())
    );
    assert_eq!(one("{bytes: 'ff 53 4D 42'}"), bytes(b"\xffSMB"));
    assert_eq!(one("{bytes: ff534d42}"), bytes(b"\xffSMB"));
    assert_eq!(one("{bytes: 0090}"), bytes(&[0, 0x90]));
    let nocase = What::Bytes {
        bytes: b"user".to_vec(),
        nocase: true,
    };
    assert_eq!(one("{text: user, nocase: true}"), nocase);
    assert_eq!(one("{text: user, nocase: false}"), bytes(b"user"));
}

#[test]
fn numbers_are_read() {
    let one = |find: &str| match &found(&format!("{{text: abc, at: 0}}, {find}"))[1].what {
        What::Number(number) => *number,
        other => panic!("{other:?}"),
    };
    let number = |width, compare, value| Number {
        width,
        little_endian: false,
        mask: u32::MAX >> (32 - 8 * u32::from(width)),
        compare,
        value,
    };
    assert_eq!(one("{u8: 14}"), number(1, Compare::Equal, 14));
    assert_eq!(one("{u8: '= 14'}"), number(1, Compare::Equal, 14));
    assert_eq!(
        one("{u16: '!=0xffff'}"),
        number(2, Compare::Unequal, 0xffff)
    );
    assert_eq!(one("{u16: '< 0x10'}"), number(2, Compare::Below, 16));
    assert_eq!(
        one("{u32: '> 4294967294'}"),
        number(4, Compare::Above, u32::MAX - 1)
    );
    assert_eq!(
        one("{u32: 0xffffffff}"),
        number(4, Compare::Equal, u32::MAX)
    );
    assert_eq!(one("{u8: '& 0x80'}"), number(1, Compare::Any, 0x80));
    let masked = Number {
        mask: 0xf0,
        little_endian: true,
        ..number(2, Compare::Equal, 0x30)
    };
    assert_eq!(one("{u16: 0x30, mask: 0xf0, endian: little}"), masked);
    assert_eq!(
        one("{u16: 0x30, mask: '0xf0', endian: big}"),
        Number {
            little_endian: false,
            ..masked
        }
    );
}

#[test]
fn places_are_read() {
    let what = || bytes(b"ab");
    let of = |find: &str| found(find).pop().unwrap();
    assert_eq!(of("{text: ab, at: 4}"), part(what(), false, 4, Some(4)));
    assert_eq!(of("{text: ab, at: 0-64}"), part(what(), false, 0, Some(64)));
    assert_eq!(
        of("{text: x, at: 0}, {text: ab, at: 5 - 9}"),
        part(what(), false, 5, Some(9))
    );
    assert_eq!(
        of("{text: x}, {text: ab, after: 5}"),
        part(what(), true, 5, Some(5))
    );
    assert_eq!(
        of("{text: x}, {text: ab, after: 0-9}"),
        part(what(), true, 0, Some(9))
    );
    assert_eq!(of("{text: x}, {text: ab}"), part(what(), true, 0, None));
    assert_eq!(
        of("{text: ab, at: 65536}"),
        part(what(), false, 65536, Some(65536))
    );
}

#[test]
fn parts_are_refused_in_their_places() {
    part_refused(
        "{}",
        ".find[0]: a part is exactly one of text, bytes, u8, u16, u32 and jump",
    );
    part_refused(
        "{text: a, bytes: '00'}",
        ".find[0]: a part is exactly one of text, bytes, u8, u16, u32 and jump",
    );
    part_refused("abc", ".find[0]: expected a mapping, found \"abc\"");
    part_refused(
        "{text: abc, atr: 4}",
        ".find[0].atr: no such key; did you mean \"at\"?",
    );
    part_refused("{text: ''}", ".find[0].text: nothing is found everywhere");
    part_refused("{bytes: ''}", ".find[0].bytes: nothing is found everywhere");
    part_refused(
        "{bytes: ' '}",
        ".find[0].bytes: nothing is found everywhere",
    );
    for odd in ["abc", "zz", "0x00", "a b"] {
        part_refused(
            &format!("{{bytes: '{odd}'}}"),
            &format!(".find[0].bytes: \"{odd}\" is not bytes such as \"ff 53 4d 42\""),
        );
    }
    for number in ["9000", "12", "1e33", "0x90"] {
        part_refused(
            &format!("{{bytes: {number}}}"),
            ".find[0].bytes: YAML reads this as a number; put it in quotes",
        );
    }
    part_refused(
        "{bytes: [1, 2]}",
        ".find[0].bytes: expected bytes such as \"ff 53 4d 42\", found a list",
    );
    part_refused(
        "{text: true}",
        ".find[0].text: YAML reads this as true or false, where text is expected; put it in quotes",
    );
    part_refused(
        "{text: a, nocase: 1}",
        ".find[0].nocase: expected true or false, found 1",
    );
    part_refused(
        "{text: a, mask: 1}",
        ".find[0].mask: only numbers have this",
    );
    part_refused(
        "{bytes: '00', endian: big}",
        ".find[0].endian: only numbers have this",
    );
    part_refused(
        "{text: a}, {u8: 1, nocase: true}",
        ".find[1].nocase: numbers have no case",
    );
    part_refused(
        "{text: a}, {u16: 1, endian: middle}",
        ".find[1].endian: expected big or little, found \"middle\"",
    );
}

#[test]
fn numbers_are_refused_where_they_are_no_such_number() {
    let form = |most: &str| {
        format!("a number from 0 to {most}, with one of = != < > & before it where it compares")
    };
    for (key, most, written, shown) in [
        ("u8", "0xff", "256", "256"),
        ("u8", "0xff", "'> 0x100'", "\"0x100\""),
        ("u16", "0xffff", "65536", "65536"),
        ("u16", "0xffff", "-1", "-1"),
        ("u32", "0xffffffff", "0x100000000", "4294967296"),
        ("u32", "0xffffffff", "'=> 3'", "\"> 3\""),
        ("u32", "0xffffffff", "ten", "\"ten\""),
        ("u32", "0xffffffff", "1.5", "1.5"),
        ("u32", "0xffffffff", "''", "\"\""),
    ] {
        part_refused(
            &format!("{{text: a, at: 0}}, {{{key}: {written}}}"),
            &format!(".find[1].{key}: expected {}, found {shown}", form(most)),
        );
    }
    part_refused(
        "{text: a}, {u8: 1, mask: 256}",
        ".find[1].mask: expected a number from 0 to 0xff, found 256",
    );
}

#[test]
fn places_are_refused_that_are_none() {
    part_refused(
        "{text: a, at: 1, after: 2}",
        ".find[0]: a part stands `at` a place or `after` another, not both",
    );
    part_refused(
        "{text: a, after: 2}",
        ".find[0].after: there is no part before the first; write `at`",
    );
    for written in ["x", "1-2-3", "300000", "'-'", "1.5"] {
        let shown = written.trim_matches('\'');
        let shown = if written == "1.5" {
            "1.5".to_owned()
        } else {
            format!("\"{shown}\"")
        };
        part_refused(
            &format!("{{text: a, at: {written}}}"),
            &format!(
                ".find[0].at: expected a distance in bytes, or a range such as 0..64, or 4.. for no end, found {shown}"
            ),
        );
    }
    part_refused(
        "{text: a, at: 9-8}",
        ".find[0].at: the range 9-8 ends before it begins; did you mean \"8..9\"?",
    );
    part_refused(
        "{text: a, at: -4}",
        ".find[0].at: nothing is before the beginning of the text; `after` counts from the part before",
    );
}

#[test]
fn what_the_tables_cannot_hold_is_refused() {
    part_refused(
        "{u8: 1}",
        ".find: no part compares bytes: numbers alone are found everywhere",
    );
    part_refused(
        &["{text: ab}"; 9].join(", "),
        ".find: 9 parts, each of 40 bytes at most; a signature has 8",
    );
    part_refused(
        &format!("{{text: {}}}", "a".repeat(257)),
        ".find: it reaches over 257 bytes at least; 256 are possible",
    );
    part_refused(
        "{text: a}, {text: b, at: 4}",
        ".find: a part counts from the beginning of the text, and the one before it has no fixed place there",
    );
}

#[test]
fn a_number_says_where_the_next_part_is() {
    let found = signature(
        "name: s, tcp: 80, find: [{text: abc}, {jump: u16, endian: little, multiply: 4, align: true, add: -2, from: beginning, after: 3}, {text: d, after: 0}, {jump: u8, after: 0}]",
    );
    let jump = Jump {
        width: 2,
        little_endian: true,
        multiply: 4,
        align: true,
        add: -2,
        from_beginning: true,
    };
    assert_eq!(found.parts[1].what, What::Jump(jump));
    assert_eq!(found.parts[3].what, What::Jump(Jump::default()));
    assert_eq!(
        describe::parts(&found),
        "\"abc\" +3 jump u16le * 4 aligned -2 from beginning +0 \"d\" +0 jump u8"
    );
    let refuse = |find: &str, message: &str| {
        refused(&format!("name: s, tcp: 80, find: [{find}]"), message);
    };
    refuse(
        "{text: abc}, {jump: u64}",
        ".find[1].jump: expected u8 or u16 or u32, found \"u64\"",
    );
    refuse(
        "{text: abc}, {jump: u8, multiply: 0}",
        ".find[1].multiply: a multiple of nothing leads nowhere",
    );
    refuse(
        "{text: abc}, {jump: u8, mask: 3}",
        ".find[1].mask: a `jump` has none",
    );
    refuse(
        "{text: abc}, {jump: u8, add: 3..4}",
        ".find[1].add: expected one number of bytes",
    );
    refuse(
        "{text: abc}, {u8: 3, add: 4}",
        ".find[1].add: only a `jump` has this",
    );
    refuse(
        "{text: abc}, {not: true, jump: u8, after: 0..4}",
        ".find[1]: only text and bytes must not be there; compare the number the other way",
    );
    let before = ".find: no 2 bytes stand before the first jump, and what is before it has no fixed place: what is behind it is not looked for by itself";
    refuse("{text: a}, {jump: u8}, {text: bcd}", before);
    refuse("{jump: u8}, {text: bcd}", before);
    refuse(
        "{text: a, at: 3..4}, {jump: u8, after: 0}, {text: bcd}",
        before,
    );
    let fixed = "{text: a, at: 3}, {jump: u8, after: 0}, {text: bcd}";
    assert_eq!(super::parts::found(fixed).len(), 3);
    refuse(
        "{text: abc, at: 0}, {jump: u8, after: 0}, {text: d, at: 9}",
        ".find: a part counts from the beginning of the text, and the one before it has no fixed place there",
    );
}
