//! Signatures that act only when they are hit often: counted by address, once a packet, over
//! a time from the first hit on.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use enforcer_common::port::Side;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::ward::{self, FAMILIES, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

fn rig() -> Rig {
    let signatures = "
signatures:
  - {name: third, udp: any, tcp: any, threshold: {hits: 3, within: 1h, per: source}, find: [{text: THIRD}]}
  - {name: every, udp: any, threshold: {hits: 3, within: 1h, per: source, every: true}, find: [{text: EVERY}]}
  - {name: told, udp: any, action: alert, threshold: {hits: 2, within: 1h, per: source}, find: [{text: TOLD}]}
  - {name: target, udp: any, tcp: any, threshold: {hits: 3, within: 1h, per: destination}, find: [{text: TARGET}]}
  - {name: first, udp: any, threshold: {hits: 1, within: 1h, per: source}, find: [{text: FIRST}]}
  - {name: soon, udp: any, threshold: {hits: 2, within: 1s, per: source}, find: [{text: SOON}]}
";
    // What is sent to port 53 here is no DNS.
    let ward = ward::POLICY.replacen("defaults:\n", "defaults:\n  sanity: {dns: off}\n", 1);
    Rig::new(&format!("{ward}{signatures}"))
}

/// Name of the signature that acts, and whether it stops the packet.
fn acted(outcome: Outcome) -> Option<(String, Fate)> {
    let denied = outcome.fate == Fate::Deny;
    assert_eq!(denied, outcome.reason == Reason::Signature, "{outcome:?}");
    let name = outcome.signature?;
    Some((name, outcome.fate))
}

fn asks(rig: &mut Rig, family: Family, device: u8, port: u16, payload: &[u8]) -> Option<String> {
    let from: (IpAddr, u16) = (ward::device(family, device), port);
    let frame = ward::outward(device).datagram(from, (ward::dns(family), 53), payload);
    let (name, fate) = acted(rig.send(Side::Device, &frame))?;
    assert_eq!(fate == Fate::Allow, name == "told");
    Some(name)
}

fn name(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn from_the_third_hit_of_a_source_on() {
    let mut rig = rig();
    for family in FAMILIES {
        for device in [ward::BOUND, ward::TAGGED] {
            for (port, expected) in (5000..).zip([None, None, name("third"), name("third")]) {
                let found = asks(&mut rig, family, device, port, b"a THIRD of it");
                assert_eq!(found, expected, "{family:?} {device} {port}");
                assert_eq!(asks(&mut rig, family, device, port, b"none"), None);
            }
        }
    }
}

#[test]
fn each_third_hit() {
    let mut rig = rig();
    for number in 1..=9 {
        let found = asks(&mut rig, Family::V4, ward::BOUND, 5000, b"EVERY");
        assert_eq!(found, name("every").filter(|_| number % 3 == 0), "{number}");
    }
}

#[test]
fn what_is_only_told_passes() {
    let mut rig = rig();
    let found = [(); 3].map(|()| asks(&mut rig, Family::V6, ward::BOUND, 5000, b"TOLD"));
    assert_eq!(found, [None, name("told"), name("told")]);
}

#[test]
fn by_where_packets_go_to() {
    let mut rig = rig();
    // Three devices without a VLAN ask the same server.
    let devices = [ward::BOUND, ward::FREE, ward::BOUND];
    let found = devices.map(|device| asks(&mut rig, Family::V4, device, 5000, b"TARGET"));
    assert_eq!(found, [None, None, name("target")]);
    // Another server has its own count, and so has the same one in another VLAN.
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 6000);
    assert_eq!(acted(talk.client_goes_on(&mut rig, b"TARGET")), None);
    let other = asks(&mut rig, Family::V4, ward::TAGGED, 5000, b"TARGET");
    assert_eq!(other, None);
}

/// A packet counts once, however often it is hit, and with each signature that it bears.
#[test]
fn each_packet_counts_once() {
    let mut rig = rig();
    let mut text = b"THIRD THIRD EVERY ".to_vec();
    text.resize(2100, b'.');
    text.extend(b"THIRD EVERY");
    let found = [(); 3].map(|()| asks(&mut rig, Family::V4, ward::BOUND, 5000, &text));
    assert_eq!(found[..2], [None, None]);
    assert!(found[2].is_some());
    // The other was counted as well, and acts with its sixth.
    let found = [(); 3].map(|()| asks(&mut rig, Family::V4, ward::BOUND, 5000, b"EVERY"));
    assert_eq!(found, [None, None, name("every")]);
    assert_eq!(
        asks(&mut rig, Family::V4, ward::BOUND, 5000, b"FIRST"),
        name("first")
    );
}

#[test]
fn in_streams_however_they_are_cut() {
    let mut rig = rig();
    for (port, cut) in (5000..).zip(1..5) {
        let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port);
        assert_eq!(acted(talk.client_goes_on(&mut rig, &b"THIRD"[..cut])), None);
        let outcome = acted(talk.client_goes_on(&mut rig, &b"THIRD"[cut..]));
        let expected = Some(("third".to_owned(), Fate::Deny)).filter(|_| cut >= 3);
        assert_eq!(outcome, expected, "{cut}");
    }
    // What is stopped is sent again, and stopped again; benign neighbours pass.
    let talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 6000);
    for _ in 0..2 {
        assert!(acted(talk.client_says(&mut rig, 0, b"THIRD")).is_some());
    }
    assert_eq!(acted(talk.client_says(&mut rig, 0, b"TIRED")), None);
}

/// Of more signatures with a threshold than are counted in a packet none is passed over in
/// silence.
#[test]
fn more_than_can_be_counted() {
    let signatures: String = (1..=9)
        .map(|number| format!("  - {{name: s{number}, udp: 53, threshold: {{hits: 9, within: 1h, per: source}}, find: [{{text: PART-{number}}}]}}\n"))
        .collect();
    let ward = ward::POLICY.replacen("defaults:\n", "defaults:\n  sanity: {dns: off}\n", 1);
    let mut rig = Rig::new(&format!("{ward}signatures:\n{signatures}"));
    for (parts, reason) in [(8, Reason::Rule), (9, Reason::StreamLost)] {
        let text: String = (1..=parts)
            .map(|number| format!("PART-{number} "))
            .collect();
        let from = (ward::device(Family::V4, ward::BOUND), 5000 + parts);
        let to = (ward::dns(Family::V4), 53);
        let frame = ward::outward(ward::BOUND).datagram(from, to, text.as_bytes());
        assert_eq!(rig.send(Side::Device, &frame).reason, reason);
    }
}

#[test]
fn a_count_outlives_a_policy() {
    let mut rig = rig();
    let ask = |rig: &mut Rig| asks(rig, Family::V4, ward::BOUND, 5000, b"THIRD");
    assert_eq!([ask(&mut rig), ask(&mut rig)], [None, None]);
    let ward = ward::POLICY.replacen("defaults:\n", "defaults:\n  sanity: {dns: off}\n", 1);
    // Elsewhere in the list, with the same number.
    let signatures = "
signatures:
  - {name: before, id: 7, udp: 53, find: [{text: BEFORE}]}
  - {name: third, id: 1, udp: 53, threshold: {hits: 3, within: 1h, per: source}, find: [{text: THIRD}]}
";
    rig.apply(&format!("{ward}{signatures}"));
    assert_eq!(ask(&mut rig), name("third"));
}

#[test]
fn a_window_ends() {
    let mut rig = rig();
    let ask = |rig: &mut Rig| asks(rig, Family::V4, ward::BOUND, 5000, b"SOON");
    let begun = Instant::now();
    assert_eq!(ask(&mut rig), None);
    // Clocks are coarse: either host may see the time pass some milliseconds later.
    while begun.elapsed() < Duration::from_millis(1_500) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(ask(&mut rig), None);
    assert_eq!(ask(&mut rig), name("soon"));
}
