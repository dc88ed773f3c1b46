//! Signatures that ask that something is not there, and of datagrams their length and end:
//! found when that can be said, and not before.

use enforcer_common::port::Side;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::ward::{self, Family};
use enforcer_tests::program::{Rig, Talk};

fn rig() -> Rig {
    let signatures = "
signatures:
  - {name: long-user, tcp: any, udp: any, find: [{text: \"USER \"}, {not: true, text: x, nocase: true, after: 0..99}]}
  - {name: short, udp: any, length: 10-12, find: [{text: SHORT}]}
  - {name: last, udp: any, ends: true, find: [{text: FIRST}, {text: LAST, after: 2}]}
  - {name: before, tcp: any, find: [{text: ab}, {not: true, text: c, after: -4..0}, {text: LONGEST-PART}, {not: true, text: \"!\", after: 0}]}
";
    // What is sent to port 53 here is no DNS.
    let ward = ward::POLICY.replacen("defaults:\n", "defaults:\n  sanity: {dns: off}\n", 1);
    Rig::new(&format!("{ward}{signatures}"))
}

/// Name of the signature that stops a datagram.
fn asked(rig: &mut Rig, payload: &[u8]) -> Option<String> {
    let from = (ward::device(Family::V4, ward::TAGGED), 5000);
    let to = (ward::dns(Family::V4), 53);
    let frame = ward::outward(ward::TAGGED).datagram(from, to, payload);
    let outcome = rig.send(Side::Device, &frame);
    assert_eq!(outcome.fate == Fate::Deny, outcome.signature.is_some());
    outcome.signature
}

#[test]
fn in_a_datagram_nothing_comes_behind_its_end() {
    let mut rig = rig();
    let mut asked = |payload: &[u8]| asked(&mut rig, payload);
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(asked(b"USER somebody"), name("long-user"));
    assert_eq!(asked(b"USER "), name("long-user"));
    assert_eq!(asked(b"USER Xaver"), None);
    let far = |distance: usize| [b"USER ".as_slice(), &vec![b'.'; distance], b"x"].concat();
    assert_eq!(asked(&far(99)), None);
    assert_eq!(asked(&far(100)), name("long-user"));
    // Across the pieces that are looked at one by one.
    for before in 1920..2060 {
        let text = [vec![b'.'; before], far(99)].concat();
        assert_eq!(asked(&text), None, "{before}");
        let text = [vec![b'.'; before], far(100)].concat();
        assert_eq!(asked(&text), name("long-user"), "{before}");
    }
}

#[test]
fn datagrams_by_length_and_end() {
    let mut rig = rig();
    let mut asked = |payload: &[u8]| asked(&mut rig, payload);
    let name = |name: &str| Some(name.to_owned());
    for (length, found) in [
        (9, None),
        (10, name("short")),
        (12, name("short")),
        (13, None),
    ] {
        let text = [b"SHORT".as_slice(), &vec![b'.'; length - 5]].concat();
        assert_eq!(asked(&text), found, "{length}");
    }
    assert_eq!(asked(b"FIRST..LAST"), name("last"));
    assert_eq!(asked(b"FIRST..LAST."), None);
    assert_eq!(asked(b"..........FIRST..LAST"), name("last"));
    for before in 2020..2060 {
        let text = [vec![b'.'; before], b"FIRST..LAST".to_vec()].concat();
        assert_eq!(asked(&text), name("last"), "{before}");
    }
}

#[test]
fn in_a_stream_it_is_waited_for() {
    let mut rig = rig();
    let text = [b"USER ".as_slice(), &[b'.'; 100]].concat();
    for (port, cut) in (5000..).zip(1..text.len()) {
        let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port);
        let first = talk.client_goes_on(&mut rig, &text[..cut]);
        assert_eq!(first.fate, Fate::Allow, "{cut}");
        let second = talk.client_goes_on(&mut rig, &text[cut..]);
        assert_eq!(
            (second.fate, second.reason),
            (Fate::Deny, Reason::Signature),
            "{cut}"
        );
        let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port + 1000);
        assert_eq!(
            talk.client_goes_on(&mut rig, &text[..cut]).fate,
            Fate::Allow
        );
        let rest = [&text[cut..text.len() - 1], b"X"].concat();
        assert_eq!(
            talk.client_goes_on(&mut rig, &rest).fate,
            Fate::Allow,
            "{cut}"
        );
    }
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 9000);
    for byte in &text[..text.len() - 1] {
        assert_eq!(talk.client_goes_on(&mut rig, &[*byte]).fate, Fate::Allow);
    }
    let last = talk.client_goes_on(&mut rig, b".");
    assert_eq!(last.signature.as_deref(), Some("long-user"));
}

#[test]
fn parts_before_and_behind_the_pattern() {
    let mut rig = rig();
    for (port, (text, found)) in (5000..).zip([
        (b"..abLONGEST-PART?".as_slice(), true),
        (b"..ab..LONGEST-PART?", true),
        (b".cabLONGEST-PART?", false),
        (b"..abcLONGEST-PART?", false),
        (b"..abdcLONGEST-PART?", true),
        (b"..abLONGEST-PART!", false),
        (b"..abLONGEST-PART", false),
    ]) {
        let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port);
        let outcome = talk.client_goes_on(&mut rig, text);
        let name = String::from_utf8_lossy(text);
        assert_eq!(outcome.signature.is_some(), found, "{name}");
    }
}
