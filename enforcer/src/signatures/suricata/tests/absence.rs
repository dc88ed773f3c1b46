//! What must not be there, how long a payload is, and where it ends.

use super::*;
use crate::policy::model::Service;
use crate::policy::signature::{Absent, Compare, Number};

fn absent(bytes: &[u8], behind: usize, first: i32, last: i32) -> Absent {
    Absent {
        bytes: bytes.to_vec(),
        nocase: false,
        behind,
        first,
        last,
    }
}

#[test]
fn what_is_negated_moves_nothing_on() {
    let found = loaded(
        TCP,
        r#"content:"USER "; content:!"|0a|"; within:100; content:"x"; distance:4; content:! "ab"; nocase; distance:2; within:9;"#,
    );
    assert_eq!(
        found.signature.absent,
        [
            absent(b"\n", 0, 0, 99),
            Absent {
                nocase: true,
                ..absent(b"ab", 1, 2, 9)
            }
        ]
    );
    let parts = &found.signature.parts;
    assert_eq!(parts.len(), 2);
    assert_eq!((parts[1].relative, parts[1].first), (true, 4));
    for (options, keyword) in [
        (r#"content:"a"; content:!"b";"#, "content:! (absolute)"),
        (
            r#"content:"a"; content:!"b"; offset:3;"#,
            "content:! (absolute)",
        ),
        (
            r#"content:!"b"; within:9; content:"a";"#,
            "content:! (absolute)",
        ),
        (
            r#"content:"a"; content:!"b"; distance:1;"#,
            "content:! (unbounded)",
        ),
        (r#"content:"a"; content:!"b"; within:900;"#, "span"),
        (r#"content:!"b";"#, "content:! (absolute)"),
        (r#"content:!b; content:"a";"#, "content"),
    ] {
        assert_eq!(refused(TCP, options), keyword, "{options}");
    }
}

#[test]
fn data_at_a_distance_is_any_byte() {
    let parts = parts(
        TCP,
        r#"content:"a"; isdataat:30,relative; content:"b"; distance:2;"#,
    );
    let [_, any, behind] = parts.as_slice() else {
        panic!("{parts:?}")
    };
    assert_eq!(
        any.what,
        What::Number(Number {
            width: 1,
            little_endian: false,
            mask: 0,
            compare: Compare::Equal,
            value: 0,
        })
    );
    assert_eq!((any.first, any.last), (29, Some(29)));
    // Two behind the content, which is 28 before the end of that byte.
    assert_eq!((behind.relative, behind.first), (true, -28));
    for (option, keyword) in [
        ("isdataat:30", "isdataat"),
        ("isdataat:!30,relative", "isdataat:!"),
        ("isdataat:0,relative", "isdataat"),
        ("isdataat:30,relative,rawbytes", "isdataat"),
        ("isdataat:900,relative", "span"),
    ] {
        let options = format!(r#"content:"a"; {option};"#);
        assert_eq!(refused(TCP, &options), keyword, "{options}");
    }
}

#[test]
fn a_datagram_has_a_length_and_an_end() {
    for (dsize, length) in [
        ("8", (8, 8)),
        (">8", (9, u16::MAX)),
        ("<8", (0, 7)),
        ("8<>20", (9, 19)),
    ] {
        let options = format!(r#"content:"a"; dsize:{dsize};"#);
        assert_eq!(loaded(UDP, &options).signature.length, Some(length));
        let segments = loaded(TCP, &options);
        assert_eq!(segments.signature.length, Some(length));
        assert_eq!(segments.signature.begin, Begin::Segment);
        assert!(!segments.narrowed);
    }
    for wrong in ["x", ">65535", "<0", "<1", "9<>9", "8<>9", "0", ">=3"] {
        let options = format!(r#"content:"a"; dsize:{wrong};"#);
        assert_eq!(refused(UDP, &options), "dsize", "{wrong}");
    }
    let both = r#"content:"a"; dsize:1; dsize:1;"#;
    assert_eq!(refused(UDP, both), "dsize");
    assert!(
        loaded(UDP, r#"content:"a"; content:"b"; distance:1; endswith;"#)
            .signature
            .ends
    );
    assert!(
        loaded(
            UDP,
            r#"content:"b"; offset:4; endswith; content:"a"; depth:1;"#
        )
        .signature
        .ends
    );
    let first = r#"content:"a"; endswith; content:"b"; distance:1;"#;
    assert_eq!(refused(UDP, first), "endswith");
    assert_eq!(refused(TCP, r#"content:"a"; endswith;"#), "endswith (tcp)");
    let segment = "alert tcp-pkt any any -> any any";
    assert!(loaded(segment, r#"content:"a"; endswith;"#).signature.ends);
}

#[test]
fn a_rule_for_ip_is_one_for_tcp_and_udp() {
    const IP: &str = "alert ip any any -> any any";
    let found = loaded(IP, r#"content:"abc"; depth:9;"#);
    assert!(found.narrowed && found.signature.begin == Begin::Turn);
    let ports = (0, u16::MAX);
    assert_eq!(
        found.signature.services,
        [
            Service::Tcp(ports.0, ports.1),
            Service::Udp(ports.0, ports.1)
        ]
    );
    let sized = loaded(IP, r#"content:"a"; depth:1; dsize:9;"#).signature;
    assert_eq!((sized.begin, sized.length), (Begin::Segment, Some((9, 9))));
    assert_eq!(
        refused(IP, r#"content:"a"; flow:established;"#),
        "flow:established (udp)"
    );
}
