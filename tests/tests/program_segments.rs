//! Signatures of segments one by one, as rules of other languages ask for: with a length, an
//! end and flags; found in the segment that has all of it, and in no other.

use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::frame::{ACK, SYN};
use enforcer_tests::program::ward::{self, FAMILIES, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

const FIN: u8 = 0x01;
const PSH: u8 = 0x08;

fn rig() -> Rig {
    let signatures = "
signatures:
  - {name: pushed, begin: segment, tcp: any, tcp_flags: {set: [psh, ack], clear: fin}, find: [{text: PUSHED}]}
  - {name: either, begin: segment, tcp: any, tcp_flags: {any: [psh, fin]}, find: [{text: EITHER}]}
  - {name: opening, begin: segment, tcp: any, tcp_flags: {set: syn}, find: [{text: EARLY}]}
  - {name: short, begin: segment, tcp: any, length: 10-12, find: [{text: SHORT}]}
  - {name: placed, begin: segment, tcp: any, udp: any, find: [{text: PLACED, at: 4}]}
  - {name: far, begin: segment, tcp: any, find: [{text: FAR, at: 2046}]}
  - {name: parts, begin: segment, tcp: any, ends: true, find: [{text: ab}, {text: LONGEST-PART, after: 0..20}, {text: cd, after: 0..20}]}
  - {name: missing, begin: segment, tcp: any, find: [{text: USER}, {not: true, text: x, after: 0..30}]}
";
    Rig::new(&format!("{}{signatures}", ward::POLICY))
}

fn found(outcome: Outcome) -> Option<String> {
    let stopped = outcome.signature.is_some();
    assert_eq!(outcome.fate == Fate::Deny, stopped, "{outcome:?}");
    assert!(!stopped || outcome.reason == Reason::Signature);
    outcome.signature
}

/// What stops a segment with these flags, the first of its connection.
fn with(rig: &mut Rig, port: u16, flags: u8, payload: &[u8]) -> Option<String> {
    let talk = Talk::open(rig, ward::TAGGED, Family::V4, port);
    found(talk.client_says_with(rig, flags, 0, payload))
}

fn name(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn by_flags() {
    let mut rig = rig();
    for (port, (flags, text, expected)) in (5000..).zip([
        (PSH | ACK, b"PUSHED".as_slice(), name("pushed")),
        (ACK, b"PUSHED", None),
        (FIN | PSH | ACK, b"PUSHED", None),
        (ACK, b"EITHER", None),
        (PSH | ACK, b"EITHER", name("either")),
        (FIN | ACK, b"EITHER", name("either")),
        (PSH | ACK, b"EARLY", None),
    ]) {
        assert_eq!(with(&mut rig, port, flags, text), expected, "{flags:#x}");
    }
}

#[test]
fn in_the_segment_that_opens() {
    let mut rig = rig();
    for (port, text, expected) in [
        (7000, b"EARLY".as_slice(), name("opening")),
        (7001, b"LATER", None),
    ] {
        let from = (ward::device(Family::V4, ward::TAGGED), port);
        let to = (ward::engine(Family::V4), 2575);
        let link = ward::outward(ward::TAGGED);
        let frame = link.segment(from, to, SYN, (4_000, 0), text);
        assert_eq!(
            found(rig.send(enforcer_common::port::Side::Device, &frame)),
            expected
        );
    }
}

#[test]
fn by_length_and_end() {
    let mut rig = rig();
    for (port, length) in (5000..).zip(5..20) {
        let text = [b"SHORT".as_slice(), &vec![b'.'; length - 5]].concat();
        let expected = name("short").filter(|_| (10..=12).contains(&length));
        assert_eq!(with(&mut rig, port, ACK, &text), expected, "{length}");
    }
    for (port, (text, expected)) in (6000..).zip([
        (b"..ab.LONGEST-PART..cd".as_slice(), name("parts")),
        (b"..ab.LONGEST-PART..cd.", None),
        (b"....USER......", name("missing")),
        (b"....USER.....x", None),
    ]) {
        assert_eq!(with(&mut rig, port, ACK, text), expected);
    }
}

#[test]
fn places_count_from_each_segment() {
    let mut rig = rig();
    for (port, family) in (5000..).zip(FAMILIES) {
        let mut talk = Talk::open(&mut rig, ward::BOUND, family, port);
        for _ in 0..2 {
            let mut says = |text: &[u8]| found(talk.client_goes_on(&mut rig, text));
            assert_eq!(says(b"no PLACED here"), None);
            assert_eq!(says(b"...PLACED"), None);
        }
        let stopped = talk.client_goes_on(&mut rig, b"0123PLACED");
        assert_eq!(found(stopped), name("placed"));
    }
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 6000);
    for (before, expected) in [(2045, None), (2046, name("far")), (2047, None)] {
        let text = [vec![b'.'; before], b"FAR".to_vec()].concat();
        assert_eq!(found(talk.client_goes_on(&mut rig, &text)), expected);
        talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 6001 + before as u16);
    }
}

/// What stands in two segments is in none, however it is cut.
#[test]
fn nothing_is_found_across_segments() {
    let mut rig = rig();
    for (ports, text) in [
        (5000, b"ab.LONGEST-PART..cd".as_slice()),
        (5100, b"0123PLACED"),
    ] {
        for (port, cut) in (ports..).zip(1..text.len()) {
            let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port);
            for part in [&text[..cut], &text[cut..]] {
                let found = found(talk.client_goes_on(&mut rig, part));
                assert_eq!(found, None, "{cut}");
            }
        }
    }
}

/// Bytes that come again stand before new ones in one segment, and are of it.
#[test]
fn a_segment_that_repeats_is_one() {
    let mut rig = rig();
    let talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    let mut says = |text: &[u8]| found(talk.client_says(&mut rig, 0, text));
    assert_eq!(says(b"0123"), None);
    assert_eq!(says(b"0123PLACED"), name("placed"));
    assert_eq!(says(b"0123...PLACED"), None);
}
