//! Numbers that say where what follows is looked for.

use super::*;
use crate::policy::signature::{Absent, Jump};

const fn jump(jump: Jump) -> What {
    What::Jump(jump)
}

/// A rule whose first content is found by itself.
fn behind(options: &str) -> Vec<Part> {
    parts(UDP, &format!(r#"content:"abcd"; {options}"#))
}

#[test]
fn every_field_is_read() {
    for (fields, first, expected) in [
        ("1,0", 0, Jump::default()),
        (
            "4,4,align",
            4,
            Jump {
                width: 4,
                align: true,
                ..Jump::default()
            },
        ),
        (
            "2,-4,little,multiplier 2,post_offset -4",
            -4,
            Jump {
                width: 2,
                little_endian: true,
                multiply: 2,
                add: -4,
                ..Jump::default()
            },
        ),
        (
            " 2 , 0x10 , big , from_beginning ",
            16,
            Jump {
                width: 2,
                from_beginning: true,
                ..Jump::default()
            },
        ),
    ] {
        let options = format!(r#"byte_jump:{fields},relative; content:"e"; distance:1; within:3;"#);
        let expected = [
            absolute(bytes(b"abcd"), 0, None),
            relative(jump(expected), first, Some(first)),
            relative(bytes(b"e"), 1, Some(3)),
        ];
        assert_eq!(behind(&options), expected, "{fields}");
    }
}

/// As in rules for the calls of RPC: over two strings, to the number of a program.
#[test]
fn one_jump_follows_another() {
    let rule = r#"content:"|00 01 86 a0|"; depth:4; offset:12; content:"|00 00 00 03|"; within:4; distance:4;
        byte_jump:4,4,relative,align; byte_jump:4,4,relative,align; content:"|00 01 87 8b|"; within:4;
        content:"|00 00 00 00|"; depth:4; offset:4;"#;
    let rule = rule.replace('\n', " ");
    let found = loaded(UDP, &rule);
    let over = || {
        jump(Jump {
            width: 4,
            align: true,
            ..Jump::default()
        })
    };
    let expected = [
        absolute(bytes(&[0; 4]), 4, Some(4)),
        absolute(bytes(&[0, 1, 0x86, 0xa0]), 12, Some(12)),
        relative(bytes(&[0, 0, 0, 3]), 4, Some(4)),
        relative(over(), 4, Some(4)),
        relative(over(), 4, Some(4)),
        relative(bytes(&[0, 1, 0x87, 0x8b]), 0, Some(0)),
    ];
    assert_eq!(found.signature.parts, expected);
    assert!(found.narrowed);
    assert_eq!(loaded(TCP, &rule).signature.begin, Begin::Turn);
}

#[test]
fn all_that_follows_counts_from_where_it_leads() {
    let options = r#"content:"abcd"; byte_jump:2,1,relative; byte_test:1,>,3,2,relative; content:!"x"; within:9; isdataat:5,relative; content:"e"; distance:0;"#;
    let signature = loaded(UDP, options).signature;
    let places: Vec<_> = signature
        .parts
        .iter()
        .map(|part| (part.first, part.last))
        .collect();
    // Behind a number and a byte somewhere, each of one byte.
    let expected = [
        (0, None),
        (1, Some(1)),
        (2, Some(2)),
        (1, Some(1)),
        (-5, None),
    ];
    assert_eq!(places, expected);
    let absent = Absent {
        bytes: b"x".to_vec(),
        nocase: false,
        behind: 1,
        first: 0,
        last: 8,
    };
    assert_eq!(signature.absent, [absent]);
}

#[test]
fn what_counts_from_the_beginning_has_one() {
    let options =
        r#"content:"abcd"; byte_jump:1,0,relative,from_beginning; content:"e"; within:1;"#;
    assert_eq!(loaded(TCP, options).signature.begin, Begin::Turn);
    assert_eq!(loaded(UDP, options).signature.begin, Begin::Connection);
    let sized = format!("{options} dsize:>4;");
    assert_eq!(loaded(TCP, &sized).signature.begin, Begin::Segment);
    let without = r#"content:"abcd"; byte_jump:1,0,relative; content:"e"; within:1;"#;
    assert_eq!(loaded(TCP, without).signature.begin, Begin::Connection);
}

/// Where all before it has a fixed place, what is behind it is what is searched by.
#[test]
fn from_a_fixed_place_all_is_looked_for_forwards() {
    for options in [
        r#"byte_jump:1,0; content:"abcd"; within:9;"#,
        r#"content:"a"; depth:1; byte_jump:1,0,relative; content:"bcde"; within:9;"#,
        r#"content:"abcd"; offset:4; depth:4; byte_jump:1,0,relative; content:"bcde"; within:9;"#,
    ] {
        let signature = loaded(UDP, options).signature;
        let lowered = crate::policy::compile::signatures::lower(&signature).unwrap();
        assert_eq!(lowered.fast, signature.parts.len() - 1, "{options}");
    }
}

#[test]
fn others_are_refused() {
    let refused_as = |options: &str| refused(UDP, options);
    for fields in [
        "3,0",
        "8,0",
        "0,0,relative,post_offset 4",
        "1",
        "1,x",
        "1,0,string,dec",
        "1,0,dce",
        "1,0,relative,relative",
        "1,0,big,little",
        "1,0,multiplier 0",
        "1,0,multiplier",
        "1,0,post_offset x",
        "1,0,from_end",
        "1,0,bitmask 0xff",
    ] {
        let options = format!(r#"content:"abcd"; byte_jump:{fields};"#);
        assert_eq!(refused_as(&options), "byte_jump", "{fields}");
    }
    // Nothing to begin with stands before it, and that is anywhere.
    let rest = r#"byte_jump:1,0,relative; content:"bcde"; within:9;"#;
    for options in [
        format!(r#"content:"a"; {rest}"#),
        format!(r#"content:"a"; depth:9; {rest}"#),
    ] {
        assert_eq!(refused_as(&options), "byte_jump", "{options}");
    }
    assert_eq!(refused_as("byte_jump:1,0;"), "no content");
    // Nobody knows whether it comes behind what a number leads to.
    let other = r#"content:"abcd"; depth:4; byte_jump:1,0,relative; content:"e"; within:1; content:"fg"; offset:40; depth:9;"#;
    assert_eq!(refused_as(other), "content (unordered)");
}
