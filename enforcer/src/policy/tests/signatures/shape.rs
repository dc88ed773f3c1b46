//! What must not be there, and what is asked of a segment or a datagram as such.

use super::super::super::describe;
use super::super::super::signature::Absent;
use super::*;

#[test]
fn what_must_not_be_there_stands_behind_what_is() {
    let found = signature(
        "name: s, udp: 80, length: 8.., ends: true, find: [{text: abc, at: 3}, {not: true, text: X, nocase: true, after: 0..9}, \
         {not: false, text: d}, {not: true, bytes: '0a 0d', after: 4}]",
    );
    assert_eq!((found.length, found.ends), (Some((8, u16::MAX)), true));
    assert_eq!(found.parts.len(), 2);
    let absent = |bytes: &[u8], nocase, behind, first, last| Absent {
        bytes: bytes.to_vec(),
        nocase,
        behind,
        first,
        last,
    };
    let expected = [absent(b"X", true, 0, 0, 9), absent(b"\n\r", false, 1, 4, 4)];
    assert_eq!(found.absent, expected);
    assert_eq!(
        describe::parts(&found),
        "@3 \"abc\" +0-9 not \"X\" nocase \"d\" +4 not [0a 0d] end of 8..65535 bytes"
    );
    let rest = "name: s, udp: 80";
    let refuse = |find: &str, message: &str| refused(&format!("{rest}, find: [{find}]"), message);
    refuse(
        "{text: a}, {not: true, text: b}",
        ".find[1]: what must not be there needs a range that ends; such as `after: 0..100`",
    );
    refuse(
        "{not: true, text: b, after: 0..4}, {text: a}",
        ".find[0]: what must not be there stands behind a part that is",
    );
    refuse(
        "{text: a}, {not: true, u8: 3, after: 0}",
        ".find[1]: only text and bytes must not be there; compare the number the other way",
    );
    refuse(
        "{text: a}, {not: true, text: b, after: 0..300}",
        ".find: it reaches over 302 bytes at least; 256 are possible",
    );
    refused(
        "name: s, tcp: 80, ends: true, find: [{text: a}]",
        ".ends: only datagrams, of `udp` alone, have a length and an end, and segments, with `begin: segment`",
    );
    refused(
        "name: s, udp: 80, length: 0, find: [{text: a}]",
        ".length: a datagram has 1 to 65535 bytes",
    );
}

#[test]
fn a_segment_has_a_length_an_end_and_flags() {
    let found = signature(
        "name: s, tcp: 80, begin: segment, length: 4..9, ends: true, tcp_flags: {set: [psh, ack], clear: fin, any: [ece, cwr]}, find: [{text: abc}]",
    );
    assert_eq!(found.begin, Begin::Segment);
    let flags = TcpFlags {
        set: 0x18,
        clear: 0x01,
        any: 0xc0,
    };
    assert_eq!(found.tcp_flags, flags);
    assert_eq!(
        describe::parts(&found),
        "\"abc\" end of 4..9 bytes flags set psh+ack flags clear fin flags any ece+cwr"
    );
    let rest = "name: s, begin: segment, find: [{text: abc}]";
    let refuse = |settings: &str, message: &str| refused(&format!("{rest}, {settings}"), message);
    let alone = ".tcp_flags: only segments, of `tcp` alone, have flags; write `begin: segment`";
    refuse("tcp: 80, udp: 80, tcp_flags: {set: ack}", alone);
    refuse(
        "tcp: 80, tcp_flags: {set: ack, clear: ack}",
        ".tcp_flags: a flag cannot be set and clear",
    );
    refuse(
        "tcp: 80, tcp_flags: {}",
        ".tcp_flags: no flag is named; such as `set: [psh, ack]`",
    );
    refuse(
        "tcp: 80, tcp_flags: {set: psk}",
        ".tcp_flags.set: expected fin or syn or rst or psh or ack or urg or ece or cwr, found \"psk\"; did you mean \"psh\"?",
    );
    refused(
        "name: s, tcp: 80, find: [{text: abc}], tcp_flags: {set: ack}",
        alone,
    );
}
