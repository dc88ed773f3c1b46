//! Signatures in which a number says where what follows stands: found there and nowhere
//! else, however the text is cut.

use enforcer_common::port::Side;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::ward::{self, FAMILIES, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

fn rig() -> Rig {
    let signatures = "
signatures:
  - {name: record, tcp: any, udp: any, find: [{text: NAME}, {jump: u16, after: 1}, {text: KEY, after: 0..2}, {not: true, text: x, after: 0..3}]}
  - {name: twice, tcp: any, udp: any, find: [{bytes: \"00 01 86 a0\"}, {jump: u32, align: true, after: 4}, {jump: u32, align: true, after: 4}, {bytes: \"00 01 87 8b\", after: 0}]}
  - {name: scaled, tcp: any, udp: any, find: [{text: SCALE}, {jump: u8, multiply: 4, add: -3, after: 0}, {text: KEY, after: 0}]}
  - {name: header, tcp: any, udp: any, begin: turn, find: [{text: HEAD, at: 2}, {jump: u16, endian: little, from: beginning, after: 0}, {text: KEY, after: 0}]}
  - {name: piece, tcp: any, begin: segment, find: [{text: PIECE}, {jump: u8, from: beginning, after: 0}, {text: KEY, after: 0}]}
  - {name: fixed, tcp: any, udp: any, find: [{text: F, at: 1}, {jump: u8, after: 0}, {text: BEHIND, after: 0..3}]}
  - {name: there, tcp: any, udp: any, find: [{text: THERE}, {jump: u8, after: 0}]}
";
    // What is sent to port 53 here is no DNS.
    let ward = ward::POLICY.replacen("defaults:\n", "defaults:\n  sanity: {dns: off}\n", 1);
    Rig::new(&format!("{ward}{signatures}"))
}

fn found(outcome: Outcome) -> Option<String> {
    let stopped = outcome.signature.is_some();
    assert_eq!(outcome.fate == Fate::Deny, stopped, "{outcome:?}");
    assert!(!stopped || outcome.reason == Reason::Signature);
    outcome.signature
}

/// Name of the signature that stops a datagram.
fn asked(rig: &mut Rig, payload: &[u8]) -> Option<String> {
    let from = (ward::device(Family::V4, ward::TAGGED), 5000);
    let to = (ward::dns(Family::V4), 53);
    let frame = ward::outward(ward::TAGGED).datagram(from, to, payload);
    found(rig.send(Side::Device, &frame))
}

/// `NAME`, a byte, the length of what stands between, and that.
fn record(length: u16, between: usize, key: &[u8]) -> Vec<u8> {
    let length = length.to_be_bytes();
    [b"NAME.".as_slice(), &length, &vec![b'.'; between], key].concat()
}

/// A call of RPC, from the program's number on: two strings, each rounded up.
fn call(first: u32, second: u32, program: &[u8]) -> Vec<u8> {
    let string = |length: u32| {
        let text = vec![b'.'; length.next_multiple_of(4) as usize];
        [b"\0\0\0\x01".as_slice(), &length.to_be_bytes(), &text].concat()
    };
    let (first, second) = (string(first), string(second));
    [b"\0\x01\x86\xa0".as_slice(), &first, &second, program].concat()
}

const PROGRAM: &[u8] = b"\0\x01\x87\x8b";

/// Payloads, and the signature that each is stopped by.
fn cases() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let at = |head: &[u8], place: usize| {
        let mut text = head.to_vec();
        text.resize(place, b'.');
        [&text, b"KEY".as_slice()].concat()
    };
    vec![
        (record(0, 0, b"KEY...."), Some("record")),
        (record(9, 9, b"KEY...."), Some("record")),
        (record(9, 11, b"KEY...."), Some("record")),
        (record(9, 12, b"KEY...."), None),
        (record(9, 8, b"KEY...."), None),
        (record(9, 9, b"KEY..x."), None),
        (record(0xffff, 9, b"KEY...."), None),
        // As far as a signature reaches, and a byte farther.
        (record(242, 242, b"KEY...."), Some("record")),
        (record(243, 243, b"KEY...."), None),
        (call(0, 0, PROGRAM), Some("twice")),
        (call(3, 8, PROGRAM), Some("twice")),
        (call(3, 9, PROGRAM), Some("twice")),
        (call(3, 9, b"\0\x01\x87\x8c"), None),
        (call(100, 100, PROGRAM), Some("twice")),
        (call(150, 150, PROGRAM), None),
        (at(b"SCALE\x03", 15), Some("scaled")),
        (at(b"SCALE\x03", 14), None),
        // Before its own end, and before the text.
        (b"SCALE\0KEY".to_vec(), None),
        (at(b"..HEAD\x20\0", 32), Some("header")),
        (at(b"..HEAD\x20\0", 31), None),
        (at(b"..HEAD\0\x20", 32), None),
        (at(b"..HEAD\x03\0", 32), None),
        // The pattern stands behind the jump, and elsewhere too.
        (b".F\x04....BEHIND".to_vec(), Some("fixed")),
        (b".F\x04BEHIND.BEHIND".to_vec(), Some("fixed")),
        (b".F\x04BEHIND....BEHIND".to_vec(), None),
        (b".F\x04...BEHIND".to_vec(), None),
        (b"..F\x04....BEHIND".to_vec(), None),
        (b".G\x04....BEHIND".to_vec(), None),
        (b"THERE\x02..!".to_vec(), Some("there")),
        (b"THERE\x02..".to_vec(), None),
    ]
}

#[test]
fn in_datagrams() {
    let mut rig = rig();
    for (text, expected) in cases() {
        let name = text.escape_ascii();
        assert_eq!(asked(&mut rig, &text).as_deref(), expected, "{name}");
    }
    // Across the pieces that are looked at one by one.
    for before in 1900..2060 {
        let text = [vec![b'.'; before], record(60, 60, b"KEY....")].concat();
        assert_eq!(
            asked(&mut rig, &text).as_deref(),
            Some("record"),
            "{before}"
        );
        let text = [vec![b'.'; before], record(60, 59, b"KEY....")].concat();
        assert_eq!(asked(&mut rig, &text), None, "{before}");
    }
}

#[test]
fn in_streams_of_both_families() {
    let mut rig = rig();
    for (port, family) in (5000..).step_by(100).zip(FAMILIES) {
        for (port, (text, expected)) in (port..).zip(cases()) {
            let mut talk = Talk::open(&mut rig, ward::BOUND, family, port);
            let outcome = talk.client_goes_on(&mut rig, &text);
            let name = text.escape_ascii();
            assert_eq!(found(outcome).as_deref(), expected, "{name}");
        }
    }
}

#[test]
fn in_streams_that_are_cut_everywhere() {
    let mut rig = rig();
    let mut ports = 1024..;
    for (text, expected) in cases() {
        for cut in (1..text.len()).filter(|cut| text.len() < 60 || cut % 7 == 0) {
            let port = ports.next().unwrap();
            let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port);
            let first = found(talk.client_goes_on(&mut rig, &text[..cut]));
            let second = match first {
                Some(_) => first,
                None => found(talk.client_goes_on(&mut rig, &text[cut..])),
            };
            let name = text.escape_ascii();
            assert_eq!(second.as_deref(), expected, "{name} at {cut}");
        }
        // And byte by byte.
        let port = ports.next().unwrap();
        let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port);
        let mut stopped = None;
        for byte in &text {
            stopped = stopped.or(found(talk.client_goes_on(&mut rig, &[*byte])));
        }
        assert_eq!(stopped.as_deref(), expected, "{}", text.escape_ascii());
    }
}

/// What counts from the beginning counts from that of the turn, or of the segment.
#[test]
fn from_the_beginning_of_turns_and_segments() {
    let mut rig = rig();
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    for _ in 0..3 {
        let mut says = |text: &[u8]| found(talk.client_goes_on(&mut rig, text));
        assert_eq!(says(b"..HEAD\x09\0"), None);
        assert_eq!(says(b"KEY"), None);
        assert_eq!(found(talk.server_goes_on(&mut rig, b"answer")), None);
    }
    assert_eq!(found(talk.client_goes_on(&mut rig, b"..HEAD\x09")), None);
    let last = talk.client_goes_on(&mut rig, b"\0.KEY");
    assert_eq!(found(last).as_deref(), Some("header"));
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5001);
    assert_eq!(found(talk.client_goes_on(&mut rig, b"...")), None);
    assert_eq!(found(talk.client_goes_on(&mut rig, b"PIECE\x0a.KEY")), None);
    let last = talk.client_goes_on(&mut rig, b"PIECE\x0a....KEY");
    assert_eq!(found(last).as_deref(), Some("piece"));
}
