//! Signatures in what flows carry: found in datagrams and in streams, however these are
//! cut, and in nothing else.

mod random;
mod reach;
mod streams;

use enforcer_common::port::Side::Device;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::ward::{self, FAMILIES, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

/// The ward with these signatures. What is sent to the name server here is no DNS.
fn policy(signatures: &str) -> String {
    let quiet = "defaults:\n  sanity: {dns: \"off\"}\n";
    let ward = ward::POLICY.replace("defaults:\n", quiet);
    format!("{ward}\nsignatures:\n{signatures}")
}

const ATTACK: &str = "  - {name: attack, tcp: any, udp: any, find: [{text: \"EVIL-PATTERN\"}]}\n";

fn passes(outcome: &Outcome) {
    assert_eq!(outcome.fate, Fate::Allow, "{outcome:?}");
    assert_eq!(outcome.signature, None, "{outcome:?}");
}

fn stopped(outcome: &Outcome, signature: &str) {
    assert_eq!(
        (outcome.fate, outcome.reason),
        (Fate::Deny, Reason::Signature),
        "{outcome:?}"
    );
    assert_eq!(outcome.signature.as_deref(), Some(signature));
}

#[test]
fn a_datagram_is_stopped_and_its_neighbours_pass() {
    let mut rig = Rig::new(&policy(ATTACK));
    for family in FAMILIES {
        for device in [ward::BOUND, ward::TAGGED, ward::DOUBLY] {
            let mut ask = |payload: &[u8]| {
                let (from, to) = (ward::device(family, device), ward::dns(family));
                let frame = ward::outward(device).datagram((from, 5000), (to, 53), payload);
                rig.send(Device, &frame)
            };
            passes(&ask(b"nothing of the kind"));
            for before in [0, 1, 7, 100, 200, 1000, 1100] {
                for after in [0, 1, 300] {
                    let mut payload = vec![b'.'; before];
                    payload.extend(b"EVIL-PATTERN");
                    payload.extend(vec![b'.'; after]);
                    stopped(&ask(&payload), "attack");
                    payload[before + 5] = b'_';
                    passes(&ask(&payload));
                }
            }
            passes(&ask(b"EVIL-PATTER"));
            passes(&ask(b"N"));
        }
    }
}

#[test]
fn a_stream_is_stopped_wherever_it_is_cut() {
    let mut rig = Rig::new(&policy(ATTACK));
    let text = b"MSH|^~\\&|some header EVIL-PATTERN and more";
    let end = text
        .windows(12)
        .position(|piece| piece == b"EVIL-PATTERN")
        .unwrap()
        + 12;
    for cut in 1..text.len() {
        let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000 + cut as u16);
        let first = talk.client_goes_on(&mut rig, &text[..cut]);
        if cut >= end {
            stopped(&first, "attack");
        } else {
            passes(&first);
            stopped(&talk.client_goes_on(&mut rig, &text[cut..]), "attack");
        }
    }
    for family in FAMILIES {
        let mut talk = Talk::open(&mut rig, ward::TAGGED, family, 6000);
        for (index, byte) in text.iter().enumerate() {
            let outcome = talk.client_goes_on(&mut rig, &[*byte]);
            if index + 1 == end {
                stopped(&outcome, "attack");
                break;
            }
            passes(&outcome);
        }
        // What was dropped does not count: sent again, it is found again.
        let again = talk.client_says(&mut rig, end as u32 - 1, b"N");
        stopped(&again, "attack");
        let other = talk.client_says(&mut rig, end as u32 - 1, b"n");
        passes(&other);
    }
}

#[test]
fn parts_stand_at_their_distances() {
    let signatures = r#"
  - name: apart
    tcp: any
    udp: any
    find:
      - {text: "begin", at: 0}
      - {bytes: "ff 53 4d 42", after: 2-6}
      - {u16: "> 0x0100", after: 3}
      - {u8: "& 0x80", after: 0, mask: 0xf0}
      - {u32: 7, endian: little, after: 1}
      - {text: "End", nocase: true, after: 0-20}
"#;
    let mut rig = Rig::new(&policy(signatures));
    let good = |gap: usize, tail: usize| {
        let mut text = b"begin".to_vec();
        text.extend(vec![b'.'; gap]);
        text.extend(b"\xffSMB...\x01\x01\x85.\x07\0\0\0");
        text.extend(vec![b'-'; tail]);
        text.extend(b"eND");
        text
    };
    let mut ask = |payload: &[u8]| {
        let (from, to) = (ward::device(Family::V4, 1), ward::dns(Family::V4));
        let frame = ward::outward(1).datagram((from, 5000), (to, 53), payload);
        rig.send(Device, &frame)
    };
    for gap in 2..=6 {
        for tail in [0, 1, 20] {
            stopped(&ask(&good(gap, tail)), "apart");
        }
    }
    for text in [good(1, 0), good(7, 0), good(2, 21)] {
        passes(&ask(&text));
    }
    let mut late = good(3, 3);
    late.insert(0, b' ');
    passes(&ask(&late));
    for (place, byte) in [(14, 0), (16, 0x05), (18, 8), (21, 1)] {
        let mut text = good(3, 3);
        text[place + 1] = byte;
        let outcome = ask(&text);
        if place == 14 {
            // 0x0100 is not above 0x0100, nor is 0x0001.
            text[place + 1] = 0x01;
        }
        passes(&outcome);
    }
    // However it is cut, in a stream.
    let text = good(4, 7);
    for (port, cut) in (6000..).zip(1..text.len()) {
        let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port);
        passes(&talk.client_goes_on(&mut rig, &text[..cut]));
        stopped(&talk.client_goes_on(&mut rig, &text[cut..]), "apart");
    }
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 7000);
    for (index, byte) in text.iter().enumerate() {
        let outcome = talk.client_goes_on(&mut rig, &[*byte]);
        if index + 1 == text.len() {
            stopped(&outcome, "apart");
        } else {
            passes(&outcome);
        }
    }
}

#[test]
fn actions_follow_a_hit() {
    let mut rig = Rig::new(&policy(
        "  - {name: told, tcp: any, action: alert, find: [{text: \"ODD-THING\"}]}
  - {name: dropped, tcp: any, find: [{text: \"BAD-THING\"}]}
  - {name: ended, tcp: any, action: cut, find: [{text: \"WORST-THING\"}]}\n",
    ));
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    let told = talk.client_goes_on(&mut rig, b"ODD-THING");
    assert_eq!(
        (told.fate, told.signature.as_deref()),
        (Fate::Allow, Some("told"))
    );
    let place = talk.sent[0];
    stopped(
        &talk.client_says(&mut rig, place, b"ODD-THING BAD-THING"),
        "dropped",
    );
    passes(&talk.client_goes_on(&mut rig, b"fine"));
    let place = talk.sent[0];
    stopped(
        &talk.client_says(&mut rig, place, b"BAD-THING WORST-THING"),
        "ended",
    );
    // Nothing of the flow passes any more, in neither direction.
    for outcome in [
        talk.client_says(&mut rig, place, b"fine"),
        talk.server_says(&mut rig, 0, b"fine"),
    ] {
        assert_eq!(
            (outcome.fate, outcome.reason),
            (Fate::Deny, Reason::Signature)
        );
    }
    // Under audit it passes, and is reported.
    let mut watched = Talk::open(&mut rig, ward::WATCHED, Family::V4, 5000);
    let outcome = watched.client_goes_on(&mut rig, b"BAD-");
    passes(&outcome);
    let outcome = watched.client_goes_on(&mut rig, b"THING");
    assert_eq!(
        (outcome.fate, outcome.reason),
        (Fate::Audit, Reason::Signature)
    );
    assert_eq!(outcome.signature.as_deref(), Some("dropped"));
}

/// More hits in a piece than are looked into: that some were not is told.
#[test]
fn hits_are_looked_into_up_to_a_number() {
    let mut rig = Rig::new(&policy(
        "  - {name: rare, udp: 53, find: [{text: \"xy\", at: 0}]}
  - {name: often, udp: 53, find: [{text: ab}, {u8: 0xff, after: 0}]}\n",
    ));
    let (from, to) = (ward::device(Family::V4, 1), ward::dns(Family::V4));
    let mut ask = |begin: &str, hits: usize| {
        let payload = format!("{begin}{}..", "ab".repeat(hits));
        let frame = ward::outward(1).datagram((from, 5000), (to, 53), payload.as_bytes());
        rig.send(Device, &frame)
    };
    for hits in 0..=30 {
        stopped(&ask("xy", hits), "rare");
        passes(&ask("..", hits + 1));
    }
    for hits in [32, 33, 60] {
        assert_eq!(ask("..", hits).reason, Reason::StreamLost, "{hits}");
    }
}
