//! `byte_test`.

use super::*;
use crate::policy::signature::{Compare, Number};

const fn number(width: u8, compare: Compare, value: u32) -> Number {
    Number {
        width,
        little_endian: false,
        mask: u32::MAX >> (32 - 8 * width as u32),
        compare,
        value,
    }
}

/// The number that this test asks for.
fn tested(fields: &str) -> Number {
    let parts = parts(TCP, &format!(r#"content:"a"; byte_test:{fields};"#));
    match parts.as_slice() {
        [
            _,
            Part {
                what: What::Number(number),
                ..
            },
        ] => *number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn comparisons() {
    for (comparison, compare, value) in [
        ("=", Compare::Equal, 7),
        ("!=", Compare::Unequal, 7),
        ("!", Compare::Unequal, 7),
        ("<", Compare::Below, 7),
        (">", Compare::Above, 7),
        ("<=", Compare::Below, 8),
        (">=", Compare::Above, 6),
        ("!<", Compare::Above, 6),
        ("!>", Compare::Below, 8),
        ("!<=", Compare::Above, 7),
        ("!>=", Compare::Below, 7),
        ("&", Compare::Any, 7),
    ] {
        let fields = format!("2,{comparison},7,0,relative");
        assert_eq!(tested(&fields), number(2, compare, value), "{comparison}");
    }
    let none = Number {
        mask: 0x80,
        ..number(1, Compare::Equal, 0)
    };
    assert_eq!(tested("1,!&,0x80,0,relative"), none);
}

#[test]
fn numbers_that_an_integer_cannot_be() {
    let always = Number {
        mask: 0,
        ..number(1, Compare::Equal, 0)
    };
    let never = Number {
        compare: Compare::Unequal,
        ..always
    };
    for (fields, expected) in [
        ("1,<,256,0,relative", always),
        ("1,<=,255,0,relative", always),
        ("1,!=,0x100,0,relative", always),
        ("1,=,256,0,relative", never),
        ("1,>,4294967295,0,relative", never),
        ("1,>,255,0,relative", number(1, Compare::Above, 255)),
        ("1,&,0x180,0,relative", number(1, Compare::Any, 0x80)),
        ("2,&,0x10000,0,relative", number(2, Compare::Any, 0)),
    ] {
        assert_eq!(tested(fields), expected, "{fields}");
    }
}

#[test]
fn numbers_and_byte_order() {
    for (fields, width, value) in [
        ("1,=,255,0,relative", 1, 255),
        ("2,=,0xFf,0,relative", 2, 255),
        ("4,=,010,0,relative", 4, 8),
        (" 4 , = , 4294967295 , 0 , relative , big ", 4, u32::MAX),
        ("4,=,0,0,relative", 4, 0),
    ] {
        assert_eq!(
            tested(fields),
            number(width, Compare::Equal, value),
            "{fields}"
        );
    }
    assert!(tested("2,=,1,0,relative,little").little_endian);
    assert!(tested("2,=,1,0,little,relative").little_endian);
}

#[test]
fn a_mask_shifts_what_it_is_compared_with() {
    for (fields, compare, mask, value) in [
        (
            "2,=,3,0,relative,bitmask 0x0f00",
            Compare::Equal,
            0xf00,
            0x300,
        ),
        (
            "2,<=,3,0,relative,bitmask 0x0f00",
            Compare::Below,
            0xf00,
            0x400,
        ),
        (
            "2,>=,3,0,relative,bitmask 0x0f00",
            Compare::Above,
            0xf00,
            0x200,
        ),
        (
            "2,&,3,0,relative,bitmask 0x0f00",
            Compare::Any,
            0xf00,
            0x300,
        ),
        ("2,!&,3,0,relative,bitmask 0x0f00", Compare::Equal, 0x300, 0),
        ("2,=,3,0,relative,bitmask 0x0f", Compare::Equal, 0xf, 3),
        ("2,=,0,0,relative,bitmask 0", Compare::Equal, 0, 0),
    ] {
        let expected = Number {
            mask,
            ..number(2, compare, value)
        };
        assert_eq!(tested(fields), expected, "{fields}");
    }
}

#[test]
fn places_count_from_the_last_content() {
    let what = || What::Number(number(2, Compare::Above, 9));
    let test = |offset: i32| format!("byte_test:2,>,9,{offset},relative;");
    let content = r#"content:"ab";"#;
    // One after the other, then a content at some distance from the first.
    let options = format!(
        r#"{content} {} {} content:"cd"; distance:6; within:9; {}"#,
        test(1),
        test(-4),
        test(0)
    );
    let expected = [
        absolute(bytes(b"ab"), 0, None),
        relative(what(), 1, Some(1)),
        relative(what(), -7, Some(-7)),
        relative(bytes(b"cd"), 8, Some(15)),
        relative(what(), 0, Some(0)),
    ];
    assert_eq!(parts(TCP, &options), expected);
    // A modifier behind a test is the content's still.
    let options = format!(r#"{content} content:"cd"; {} distance:1;"#, test(0));
    let expected = [
        absolute(bytes(b"ab"), 0, None),
        relative(bytes(b"cd"), 1, None),
        relative(what(), 0, Some(0)),
    ];
    assert_eq!(parts(TCP, &options), expected);
}

#[test]
fn places_from_the_beginning_of_a_datagram() {
    let what = || What::Number(number(2, Compare::Above, 9));
    let content = r#"content:"ab"; offset:4; depth:2;"#;
    let expected = [
        absolute(what(), 2, Some(2)),
        absolute(bytes(b"ab"), 4, Some(4)),
        relative(bytes(b"c"), 0, Some(0)),
    ];
    // It takes nothing from the distance of what follows.
    let options = format!(r#"{content} byte_test:2,>,9,2; content:"c"; within:1;"#);
    assert_eq!(parts(UDP, &options), expected);
    // Without a content before, relative is from the beginning.
    let options = format!(r#"byte_test:2,>,9,2,relative; {content} content:"c"; within:1;"#);
    assert_eq!(parts(UDP, &options), expected);
    for options in [
        r#"content:"ab"; byte_test:2,>,9,2;"#,
        r#"content:"ab"; offset:1; byte_test:2,>,9,2;"#,
    ] {
        assert_eq!(refused(UDP, options), "byte_test (unordered)", "{options}");
    }
    let placed = r#"byte_test:2,>,9,0; content:"ab"; offset:2;"#;
    assert!(loaded(TCP, placed).signature.begin == Begin::Turn);
    assert_eq!(
        refused(UDP, r#"content:"a"; byte_test:2,>,9,-1;"#),
        "byte_test"
    );
}

#[test]
fn other_tests_are_refused() {
    for fields in [
        "3,=,1,0,relative",
        "8,=,1,0,relative",
        "01,=,1,0,relative",
        "length,=,1,0,relative",
        "1,^,1,0,relative",
        "1,==,1,0,relative",
        "1,,1,0,relative",
        "1,=,length,0,relative",
        "1,=,-1,0,relative",
        "1,=,+1,0,relative",
        "1,=,0x,0,relative",
        "1,=,0x+1,0,relative",
        "1,=,09,0,relative",
        "1,=,4294967296,0,relative",
        "4,<=,4294967295,0,relative",
        "4,>=,0,0,relative",
        "4,!<,0,0,relative",
        "1,=,1,offset,relative",
        "1,=,1,--1,relative",
        "1,=,1,70000,relative",
        "1,=,1,0,relative,string,dec",
        "1,=,1,0,relative,hex",
        "1,=,1,0,relative,dce",
        "1,=,1,0,relative,",
        "1,=,1,0,relative,relative",
        "1,=,1,0,relative,big,little",
        "4,=,0x1000,0,relative,bitmask 0xfff00000",
        "1,=,1,0,relative,bitmask",
        "1,=,1",
        "1",
    ] {
        let options = format!(r#"content:"a"; byte_test:{fields};"#);
        assert_eq!(refused(TCP, &options), "byte_test", "{fields}");
    }
    assert_eq!(refused(TCP, r#"content:"a"; byte_test;"#), "byte_test");
    assert_eq!(refused(UDP, "byte_test:1,=,1,0;"), "no content");
}
