//! Signatures in what flows carry: found in datagrams and in streams, however these are
//! cut, and in nothing else.

use enforcer_common::port::Side::Device;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::frame::{ACK, SYN};
use enforcer_tests::program::random::Random;
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

/// What one end sends is no part of what the other does.
#[test]
fn ends_and_connections_are_apart() {
    let mut rig = Rig::new(&policy(
        "  - {name: asked, tcp: 2575, find: [{text: \"EVIL-PATTERN\"}]}
  - {name: answered, tcp: 2575, from: server, find: [{text: \"BAD-ANSWER\"}]}\n",
    ));
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    let mut other = Talk::open(&mut rig, ward::FREE, Family::V4, 5000);
    passes(&talk.client_goes_on(&mut rig, b"EVIL-"));
    passes(&other.client_goes_on(&mut rig, b"PATTERN"));
    passes(&talk.server_goes_on(&mut rig, b"PATTERN EVIL-PATTERN"));
    passes(&talk.client_goes_on(&mut rig, b"BAD-ANSWER"));
    passes(&talk.server_goes_on(&mut rig, b"a BAD-"));
    stopped(&talk.server_goes_on(&mut rig, b"ANSWER"), "answered");
}

#[test]
fn a_signature_is_for_its_ports_and_profiles() {
    let mut rig = Rig::new(&policy(
        "  - {name: elsewhere, tcp: 80, udp: 54, find: [{text: \"EVIL-PATTERN\"}]}
  - {name: gateways, tcp: any, udp: any, profiles: gateway, find: [{text: \"FOR-GATEWAYS\"}]}\n",
    ));
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    passes(&talk.client_goes_on(&mut rig, b"EVIL-PATTERN FOR-GATEWAYS"));
    let link = ward::outward(ward::GATEWAY);
    let from = (ward::device(Family::V4, ward::GATEWAY), 5000);
    let to = (ward::elsewhere(Family::V4), 443);
    rig.allowed(
        Device,
        &link.segment(from, to, SYN, (10, 0), b""),
        Reason::Rule,
    );
    let said = rig.send(
        Device,
        &link.segment(from, to, ACK, (11, 1), b"FOR-GATEWAYS"),
    );
    stopped(&said, "gateways");
}

#[test]
fn a_profile_is_looked_through_for_its_own() {
    // What stands in a text more often than can be looked into is told, so that it shows
    // which patterns were looked for.
    let mut rig = Rig::new(&policy(
        "  - {name: pumps, tcp: 443, udp: 53, profiles: pump, find: [{text: \"FOR-PUMPS\"}, {text: \"!\", after: 0}]}
  - {name: gateways, tcp: 443, udp: 53, profiles: gateway, find: [{text: \"FOR-GATEWAYS\"}, {text: \"!\", after: 0}]}\n",
    ));
    let ask = |rig: &mut Rig, payload: &str| {
        let (from, to) = (ward::device(Family::V4, ward::BOUND), ward::dns(Family::V4));
        let link = ward::outward(ward::BOUND);
        let frame = link.datagram((from, 5000), (to, 53), payload.as_bytes());
        rig.send(Device, &frame)
    };
    let mut next = 11;
    let say = |rig: &mut Rig, payload: &str| {
        let from = (ward::device(Family::V4, ward::GATEWAY), 5000);
        let to = (ward::elsewhere(Family::V4), 443);
        let link = ward::outward(ward::GATEWAY);
        if next == 11 {
            let frame = link.segment(from, to, SYN, (next - 1, 0), b"");
            rig.allowed(Device, &frame, Reason::Rule);
        }
        let frame = link.segment(from, to, ACK, (next, 1), payload.as_bytes());
        let outcome = rig.send(Device, &frame);
        if outcome.fate == Fate::Allow {
            next += payload.len() as u32;
        }
        outcome
    };
    type Send<'s> = Box<dyn FnMut(&mut Rig, &str) -> Outcome + 's>;
    let senders: [(Send<'_>, &str, &str); 2] = [
        (Box::new(ask), "FOR-PUMPS", "FOR-GATEWAYS"),
        (Box::new(say), "FOR-GATEWAYS", "FOR-PUMPS"),
    ];
    for (mut send, own, other) in senders {
        passes(&send(&mut rig, &format!("{other}!").repeat(50)));
        let outcome = send(&mut rig, &own.repeat(50));
        assert_eq!(outcome.reason, Reason::StreamLost);
        assert_eq!(send(&mut rig, &format!("{own}!")).reason, Reason::Signature);
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

#[test]
fn order_is_kept_where_it_is_strict() {
    let mut rig = Rig::new(&policy(ATTACK));
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    passes(&talk.client_goes_on(&mut rig, b"first,"));
    let lost = |outcome: &Outcome| {
        assert_eq!(
            (outcome.fate, outcome.reason),
            (Fate::Deny, Reason::StreamLost),
            "{outcome:?}"
        );
    };
    // A gap, which the sender fills.
    lost(&talk.client_says(&mut rig, 12, b"third,"));
    passes(&talk.client_says(&mut rig, 6, b"EVIL-P"));
    passes(&talk.client_says(&mut rig, 12, b"third,"));
    // What comes again is the same, or does not pass.
    passes(&talk.client_says(&mut rig, 6, b"EVIL-P"));
    passes(&talk.client_says(&mut rig, 12, b"third,"));
    for (place, others) in [(12, &b"ATTERN"[..]), (6, b"another"), (6, b"------")] {
        let differs = talk.client_says(&mut rig, place, others);
        assert_eq!(
            (differs.fate, differs.reason),
            (Fate::Deny, Reason::StreamDiffers),
            "{differs:?}"
        );
    }
    // It must not end within a segment that is under way.
    lost(&talk.client_says(&mut rig, 6, b"EVI"));
    // Two segments in one, and one that goes on behind them.
    passes(&talk.client_says(&mut rig, 6, b"EVIL-Pthird,"));
    passes(&talk.client_says(&mut rig, 12, b"third,fourth,"));
    let split = talk.client_says(&mut rig, 18, b"fourth,EVIL-PATTERN");
    stopped(&split, "attack");
    passes(&talk.client_says(&mut rig, 25, b"fifth"));
    // What the other end has, it does not take again.
    talk.acknowledge(&mut rig, 1, 30);
    passes(&talk.client_says(&mut rig, 12, b"ATTERN"));
}

#[test]
fn segments_under_way_are_remembered_and_no_more() {
    const ROOM: u32 = enforcer_common::stream::UNDER_WAY as u32;
    let mut rig = Rig::new(&policy(ATTACK));
    let talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    for index in 0..ROOM {
        passes(&talk.client_says(&mut rig, index * 4, b"data"));
    }
    let beyond = talk.client_says(&mut rig, ROOM * 4, b"data");
    assert_eq!(
        (beyond.fate, beyond.reason),
        (Fate::Deny, Reason::StreamLost)
    );
    // Any of them may come again; what is acknowledged makes room.
    for index in (0..ROOM).rev() {
        passes(&talk.client_says(&mut rig, index * 4, b"data"));
    }
    talk.acknowledge(&mut rig, 1, ROOM * 2);
    for index in ROOM..ROOM * 3 / 2 {
        passes(&talk.client_says(&mut rig, index * 4, b"data"));
    }
    for index in ROOM / 2..ROOM * 3 / 2 {
        passes(&talk.client_says(&mut rig, index * 4, b"data"));
    }
}

/// Behind the first bytes nothing is looked for, in either direction by itself.
#[test]
fn inspection_ends_where_the_policy_says() {
    let text =
        policy("  - {name: attack, tcp: any, from: either, find: [{text: \"EVIL-PATTERN\"}]}\n")
            .replace(
                "profiles:\n  pump:\n",
                "profiles:\n  pump:\n    inspect_first: 2kB\n",
            );
    let mut rig = Rig::new(&text);
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    passes(&talk.client_goes_on(&mut rig, &[b'.'; 1500]));
    stopped(&talk.client_says(&mut rig, 1500, b"EVIL-PATTERN"), "attack");
    passes(&talk.client_goes_on(&mut rig, &[b'.'; 1500]));
    passes(&talk.client_goes_on(&mut rig, b"EVIL-PATTERN"));
    let outcome = talk.client_goes_on(&mut rig, b"and more");
    assert_eq!(outcome.flow.unwrap().groups[0], 0);
    stopped(&talk.server_says(&mut rig, 0, b"EVIL-PATTERN"), "attack");
}

#[test]
fn what_cannot_be_followed_passes_where_that_is_tolerated() {
    let text = policy(ATTACK).replace(
        "profiles:\n  pump:\n",
        "profiles:\n  pump:\n    on_error: {stream_lost: allow}\n",
    );
    let mut rig = Rig::new(&text);
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    passes(&talk.client_goes_on(&mut rig, b"first,"));
    let gap = talk.client_says(&mut rig, 12, b"third,");
    assert_eq!((gap.fate, gap.reason), (Fate::FailOpen, Reason::StreamLost));
    // It is looked at all the same, by itself.
    stopped(&talk.client_says(&mut rig, 40, b"EVIL-PATTERN"), "attack");
    let late = talk.client_says(&mut rig, 6, b"second");
    assert_eq!(
        (late.fate, late.reason),
        (Fate::FailOpen, Reason::StreamLost)
    );
    passes(&talk.client_says(&mut rig, 18, b"fourth EVIL-P"));
    stopped(&talk.client_says(&mut rig, 31, b"ATTERN"), "attack");
}

/// A policy that changes takes its own signatures to streams that run.
#[test]
fn a_change_of_policy_goes_on_with_the_stream() {
    let mut rig = Rig::new(&policy(ATTACK));
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000);
    passes(&talk.client_goes_on(&mut rig, b"EVIL- and OTHER-"));
    rig.apply(&policy(
        "  - {name: other, tcp: any, find: [{text: \"OTHER-PATTERN\"}]}\n",
    ));
    stopped(
        &talk.client_says(&mut rig, talk.sent[0], b"PATTERN"),
        "other",
    );
    passes(&talk.client_goes_on(&mut rig, b"fine EVIL-"));
    rig.apply(ward::POLICY);
    passes(&talk.client_goes_on(&mut rig, b"PATTERN EVIL-PATTERN OTHER-"));
    rig.apply(&policy(ATTACK));
    // What passed meanwhile was not looked at: the stream begins anew.
    passes(&talk.client_goes_on(&mut rig, b"EVIL-"));
    stopped(&talk.client_goes_on(&mut rig, b"PATTERN"), "attack");
}

/// Fragments of an inspected flow cannot be looked at in their order.
#[test]
fn fragments_of_an_inspected_flow_are_told() {
    use enforcer_tests::program::frame::{Ip, part, udp};
    let text = policy(ATTACK).replace(
        "profiles:\n  pump:\n",
        "profiles:\n  pump:\n    fragments: track\n",
    );
    let mut rig = Rig::new(&text);
    let (from, to) = (ward::device(Family::V4, 1), ward::dns(Family::V4));
    let whole = Ip::new(from, to, 17, &udp(5000, 53, &[b'.'; 200]));
    let first = ward::outward(1).ip(&part(&whole, 9, 0, 104, true));
    rig.denied(Device, &first, Reason::StreamLost);
}

/// Random texts, cut at random, with signatures planted in some: what is found is what
/// a plain search finds.
#[test]
fn random_streams_are_judged_as_a_plain_search_does() {
    const PATTERNS: [&str; 6] = [
        "alpha-beta-gamma",
        "abcabcabd",
        "zzz",
        "Needle In Hay",
        "\x01\x02\x03\x04\x05\x06\x07\x08",
        "aaaaaaab",
    ];
    let mut signatures = String::new();
    for (index, pattern) in PATTERNS.iter().enumerate() {
        let bytes: Vec<String> = pattern.bytes().map(|byte| format!("{byte:02x}")).collect();
        signatures += &format!(
            "  - {{name: s{index}, tcp: any, find: [{{bytes: \"{}\"}}]}}\n",
            bytes.join(" ")
        );
    }
    let mut random = Random(4);
    let (mut found, mut clean, mut split) = (0, 0, 0);
    for group in [
        &signatures,
        &signatures
            .lines()
            .filter(|line| !line.contains("s2"))
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    ] {
        let mut rig = Rig::new(&policy(group));
        for round in 0..400_u16 {
            let length = 1 + random.below(3000);
            let alphabet: &[u8] = if round % 2 == 0 {
                b"abc"
            } else {
                b"abcdefghijklmnopqrstuvwxyz .-\x01\x02\x03\0"
            };
            let mut text: Vec<u8> = (0..length)
                .map(|_| alphabet[random.below(alphabet.len())])
                .collect();
            if random.below(2) == 0 {
                let pattern = PATTERNS[random.below(PATTERNS.len())].as_bytes();
                let place = random.below(text.len());
                text.splice(place..place, pattern.iter().copied());
            }
            let here: Vec<&str> = PATTERNS
                .iter()
                .enumerate()
                .filter(|(index, _)| group.contains(&format!("s{index},")))
                .map(|(_, pattern)| *pattern)
                .collect();
            // The first byte behind which some pattern has ended.
            let end = here
                .iter()
                .filter_map(|pattern| {
                    text.windows(pattern.len())
                        .position(|piece| piece == pattern.as_bytes())
                        .map(|at| at + pattern.len())
                })
                .min();
            let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000 + round);
            let mut at = 0;
            let mut hit = false;
            while at < text.len() {
                let most = if round % 3 == 0 { 7 } else { 2500 };
                let next = (at + 1 + random.below(most)).min(text.len());
                let outcome = talk.client_goes_on(&mut rig, &text[at..next]);
                if end.is_some_and(|end| end <= next) {
                    assert_eq!(
                        outcome.reason,
                        Reason::Signature,
                        "{round}: {at}..{next} {end:?} {text:?}"
                    );
                    let begin =
                        end.unwrap() - here.iter().map(|pattern| pattern.len()).min().unwrap();
                    split += u32::from(begin < at);
                    hit = true;
                    break;
                }
                passes(&outcome);
                at = next;
            }
            assert_eq!(hit, end.is_some());
            if hit { found += 1 } else { clean += 1 }
        }
    }
    println!("{found} found, {split} of them split, {clean} clean");
    assert!(found > 100 && clean > 100 && split > 10);
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
