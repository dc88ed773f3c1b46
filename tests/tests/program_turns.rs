//! Signatures that count from where a sender begins to speak: found in every turn of a
//! connection, however it is cut, and at no other place.

use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::ward::{self, FAMILIES, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

fn rig(begin: &str) -> Rig {
    let signatures = format!(
        "
signatures:
  - {{name: order, {begin}tcp: any, udp: any, find: [{{text: \"ORDER\", at: 4}}]}}
  - {{name: answer, from: server, {begin}tcp: any, find: [{{text: \"REPLY\", at: 0-2}}]}}
"
    );
    Rig::new(&format!("{}{signatures}", ward::POLICY))
}

fn passes(outcome: &Outcome) {
    assert_eq!(outcome.fate, Fate::Allow, "{outcome:?}");
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
fn every_turn_counts_anew() {
    let mut rig = rig("begin: turn, ");
    for (port, family) in (5000..).zip(FAMILIES) {
        let mut talk = Talk::open(&mut rig, ward::TAGGED, family, port);
        for _ in 0..3 {
            passes(&talk.client_goes_on(&mut rig, b"no ORDER here"));
            passes(&talk.client_goes_on(&mut rig, b"0123ORDER, and in the same turn"));
            passes(&talk.server_goes_on(&mut rig, b"no REPLY"));
            passes(&talk.server_goes_on(&mut rig, b"REPLY, and in the same turn"));
        }
        let mut other = Talk::open(&mut rig, ward::TAGGED, family, port + 100);
        passes(&other.client_goes_on(&mut rig, b"first"));
        stopped(&other.server_says(&mut rig, 0, b"_REPLY"), "answer");
        passes(&other.server_goes_on(&mut rig, b"no REPLY"));
        stopped(&other.client_goes_on(&mut rig, b"0123ORDER"), "order");
    }
}

#[test]
fn a_turn_is_cut_everywhere() {
    let mut rig = rig("begin: turn, ");
    let text = b"0123ORDER and more";
    for cut in 1..text.len() {
        let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000 + cut as u16);
        passes(&talk.client_goes_on(&mut rig, b"some request"));
        passes(&talk.server_goes_on(&mut rig, b"some answer"));
        let first = talk.client_goes_on(&mut rig, &text[..cut]);
        if cut >= 9 {
            stopped(&first, "order");
        } else {
            passes(&first);
            stopped(&talk.client_goes_on(&mut rig, &text[cut..]), "order");
        }
    }
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 6000);
    passes(&talk.server_goes_on(&mut rig, b"220 the server speaks first"));
    for byte in &text[..8] {
        passes(&talk.client_goes_on(&mut rig, &[*byte]));
    }
    stopped(&talk.client_goes_on(&mut rig, b"R"), "order");
}

/// Bytes that come again may stand before those of a turn, in one segment with them.
#[test]
fn a_turn_begins_within_a_segment_that_repeats() {
    let mut rig = rig("begin: turn, ");
    for (port, received) in (5000..).zip([0, 4, 12]) {
        let talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port);
        passes(&talk.client_says(&mut rig, 0, b"some request"));
        talk.acknowledge(&mut rig, 1, received);
        passes(&talk.server_says(&mut rig, 0, b"some answer"));
        stopped(
            &talk.client_says(&mut rig, 0, b"some request0123ORDER"),
            "order",
        );
        passes(&talk.client_says(&mut rig, 0, b"some request+0123ORDER"));
    }
}

#[test]
fn without_it_the_connection_counts() {
    let mut rig = rig("");
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    passes(&talk.client_goes_on(&mut rig, b"first"));
    passes(&talk.server_goes_on(&mut rig, b"answer"));
    passes(&talk.client_goes_on(&mut rig, b"0123ORDER"));
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5001);
    stopped(&talk.client_goes_on(&mut rig, b"0123ORDER"), "order");
}

#[test]
fn what_begins_encrypted_is_told_once() {
    let mut rig = rig("");
    let hello = b"\x16\x03\x01\x00\xc8\x01 a client's hello";
    let banner = b"SSH-2.0-OpenSSH_10.0\r\n";
    for (port, text) in (5000..).zip([hello.as_slice(), banner]) {
        for (ports, cut) in (0..).map(|number| number * 10).zip(1..8) {
            let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port + ports);
            let first = talk.client_goes_on(&mut rig, &text[..cut]);
            let second = talk.client_goes_on(&mut rig, &text[cut..]);
            let told = [first.reason, second.reason].map(|reason| reason == Reason::Encrypted);
            assert_eq!(told, [cut >= 4, cut < 4], "{cut}");
            passes(&first);
            passes(&second);
            assert_eq!(first.rule.as_deref(), Some("hl7"));
            let third = talk.client_goes_on(&mut rig, text);
            assert_eq!(third.reason, Reason::Established);
        }
    }
    // Who only seems to encrypt hides nothing.
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 7000);
    stopped(
        &talk.client_goes_on(&mut rig, b"\x16\x03\x01\x00ORDER"),
        "order",
    );
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 7001);
    let plain = talk.client_goes_on(&mut rig, b"\x16\x02\x01\x00");
    assert_eq!(plain.reason, Reason::Established);
    let served = talk.server_goes_on(&mut rig, hello);
    assert_eq!(served.reason, Reason::Established);
}
