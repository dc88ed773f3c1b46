//! The exact-match cache: what it lets pass is counted as if it had been judged, and it
//! knows nothing any more as soon as anything could have changed. Whether it lets pass what
//! the whole judgement would, the rig asks of every frame.

use std::time::Duration;

use enforcer::datapath::marks;
use enforcer_common::port::Side::{self, Core, Device};
use enforcer_common::verdict::Reason;
use enforcer_tests::program::conditions::installed;
use enforcer_tests::program::frame::{ACK, FIN, PSH, RST, SYN, URG};
use enforcer_tests::program::ward::{self, Family, connection};
use enforcer_tests::program::{Rig, Talk};

/// Sends a frame of a known flow as often, and says how many of them were known.
fn known(rig: &mut Rig, side: Side, frame: &[u8], times: u32) -> u64 {
    let before = rig.known();
    for _ in 0..times {
        rig.allowed(side, frame, Reason::Established);
    }
    rig.known() - before
}

/// A rig whose clock stands still, with an established connection.
fn connected(policy: &str) -> Rig {
    let mut rig = Rig::without_policy(true);
    rig.set_time(1_000, 1_800_000_000);
    rig.apply(policy);
    connect(&mut rig);
    rig
}

fn connect(rig: &mut Rig) {
    let (out, back) = connection(Family::V4);
    rig.allowed(Device, &out(SYN), Reason::Rule);
    rig.allowed(Core, &back(SYN | ACK), Reason::Established);
    rig.allowed(Device, &out(ACK), Reason::Established);
}

#[test]
fn a_known_packet_is_counted_as_a_judged_one() {
    let mut rig = connected(ward::POLICY);
    let (out, back) = connection(Family::V4);
    let epoch = rig.datapath.memory.epoch();
    let rules = |rig: &Rig| rig.datapath.rule_hits(epoch, 1).unwrap()[0].packets;
    let before = rules(&rig);
    assert_eq!(known(&mut rig, Device, &out(ACK | PSH), 10), 10);
    // The first one by the other side is judged: the rig tells the port anew.
    assert_eq!(known(&mut rig, Core, &back(ACK | PSH), 5), 4);
    assert_eq!(rules(&rig) - before, 15, "hits of the rule");
    let last = rig.allowed(Core, &back(ACK), Reason::Established);
    let flow = last.flow.expect("a flow");
    assert_eq!(flow.packets, [12, 7]);
    // Also where all flows are listed.
    let listed = rig.datapath.flows(10);
    let (_, of_kernel) = listed
        .iter()
        .find(|(key, _)| *key == rig.last_key())
        .unwrap();
    assert_eq!(
        (of_kernel.packets, of_kernel.bytes),
        (flow.packets, flow.bytes)
    );
}

#[test]
fn datagrams_and_tags_are_known_too() {
    let mut rig = Rig::new(ward::POLICY);
    rig.set_time(1_000, 1_800_000_000);
    let ends = (
        (ward::station(Family::V4), 40_000),
        (ward::device(Family::V4, ward::TAGGED), 161),
    );
    let ask = ward::inward(ward::TAGGED).udp(ends.0, ends.1);
    rig.allowed(Core, &ask, Reason::Rule);
    let tagged = rig.datapath.tagged(Core as u32).unwrap();
    assert_eq!(known(&mut rig, Core, &ask, 4), 3);
    assert_eq!(rig.datapath.tagged(Core as u32).unwrap() - tagged, 4);
    // By other tags it is not the same.
    let before = rig.known();
    rig.send(Core, &ward::inward(ward::DOUBLY).udp(ends.0, ends.1));
    rig.send(Core, &ward::inward(ward::BOUND).udp(ends.0, ends.1));
    assert_eq!(rig.known(), before);
}

#[test]
fn what_changes_a_flow_or_needs_a_look_is_judged() {
    let mut rig = connected(ward::POLICY);
    let (out, _) = connection(Family::V4);
    assert_eq!(known(&mut rig, Device, &out(ACK), 3), 3);
    for flags in [SYN, ACK | FIN, ACK | RST, RST, ACK | URG] {
        assert_eq!(
            known(&mut rig, Device, &out(flags), 1),
            0,
            "flags {flags:#x}"
        );
    }
    // A flow that is closing is judged packet by packet.
    assert_eq!(
        known(&mut rig, Device, &out(ACK), 1),
        1,
        "within the second"
    );
    rig.set_time(1_001, 1_800_000_001);
    assert_eq!(known(&mut rig, Device, &out(ACK), 3), 0);
}

#[test]
fn a_connection_that_begins_again_is_not_the_one_before() {
    let mut rig = connected(ward::POLICY);
    let (out, _) = connection(Family::V4);
    assert_eq!(known(&mut rig, Device, &out(ACK), 3), 3);
    rig.allowed(Device, &out(RST), Reason::Established);
    // Its last packet makes it live: were it not judged, the flow would stay half open.
    connect(&mut rig);
    let last = rig.allowed(Device, &out(ACK), Reason::Established);
    assert_eq!(last.flow.expect("a flow").packets[0], 3);
}

#[test]
fn every_change_counts_from_the_next_packet_on() {
    let mut rig = connected(ward::POLICY);
    let (out, _) = connection(Family::V4);
    let frame = out(ACK);
    // A policy that says the same; one that says otherwise.
    assert_eq!(known(&mut rig, Device, &frame, 3), 3);
    rig.apply(ward::POLICY);
    rig.allowed(Device, &frame, Reason::Rule);
    assert_eq!(known(&mut rig, Device, &frame, 3), 2);
    rig.apply(&ward::POLICY.replace("tcp: 2575", "tcp: 2576"));
    rig.denied(Device, &frame, Reason::NoRule);
    rig.apply(ward::POLICY);
    rig.allowed(Device, &frame, Reason::Rule);
}

#[test]
fn quarantine_begins_at_once() {
    let mut rig = connected(ward::POLICY);
    let (out, _) = connection(Family::V4);
    assert_eq!(known(&mut rig, Device, &out(ACK), 3), 3);
    let quarantine = |rig: &mut Rig, until| {
        rig.mark(|memory, model| {
            marks::quarantine(&mut installed(memory), &model.devices[0], 1, until);
        });
    };
    quarantine(&mut rig, u32::MAX);
    rig.denied(Device, &out(ACK), Reason::Quarantined);
    quarantine(&mut rig, 0);
    assert_eq!(known(&mut rig, Device, &out(ACK), 3), 2);
}

/// The kernel's own clock: what was judged in one second is judged again in the next.
#[test]
fn nothing_is_known_longer_than_a_second() {
    let mut rig = Rig::new(ward::POLICY);
    connect(&mut rig);
    let (out, _) = connection(Family::V4);
    let mut seen = 0;
    for _ in 0..20 {
        seen += known(&mut rig, Device, &out(ACK), 1);
    }
    assert!(seen > 0, "some are known");
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(known(&mut rig, Device, &out(ACK), 1), 0);
}

#[test]
fn nothing_is_known_while_a_policy_is_on_trial() {
    let mut rig = connected(ward::POLICY);
    let (out, _) = connection(Family::V4);
    rig.try_out(ward::POLICY, u64::MAX);
    rig.allowed(Device, &out(ACK), Reason::Rule);
    assert_eq!(known(&mut rig, Device, &out(ACK), 4), 0);
    rig.datapath.memory.confirm().unwrap();
    assert_eq!(known(&mut rig, Device, &out(ACK), 3), 2);
}

#[test]
fn what_each_packet_is_asked_is_never_left_out() {
    let limited = ward::POLICY.replace("tcp: 2575}", "tcp: 2575, limit: {packets: 1000}}");
    let held = ward::POLICY.replace("  pump:\n", "  pump:\n    guards: {hold_port: 5s}\n");
    let watched = ward::POLICY.replace("  pump:\n", "  pump:\n    mode: audit\n");
    let (out, _) = connection(Family::V4);
    for (policy, times) in [(&limited, 0), (&held, 0), (&watched, 4)] {
        let mut rig = connected(policy);
        assert_eq!(known(&mut rig, Device, &out(ACK), 4), times, "{policy}");
    }
}

#[test]
fn flows_with_signatures_are_looked_through() {
    let policy = format!(
        "{}signatures:\n  - {{name: attack, tcp: any, find: [{{text: EVIL-PATTERN}}]}}\n",
        ward::POLICY
    );
    let mut rig = Rig::new(&policy);
    rig.set_time(1_000, 1_800_000_000);
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 40_000);
    let before = rig.known();
    for _ in 0..4 {
        talk.client_goes_on(&mut rig, b"MSH|^~");
    }
    assert_eq!(rig.known(), before);
    let hit = talk.client_goes_on(&mut rig, b"an EVIL-PATTERN");
    assert_eq!(hit.reason, Reason::Signature);
}

/// What both ends say behind the bytes that are looked at goes the shortest way.
#[test]
fn flows_that_were_looked_into_are_known() {
    let policy = format!(
        "{}signatures:\n  - {{name: attack, tcp: any, find: [{{text: EVIL-PATTERN}}]}}\n",
        ward::POLICY.replace("  pump:\n", "  pump:\n    inspect_first: 64\n")
    );
    let mut rig = Rig::new(&policy);
    rig.set_time(1_000, 1_800_000_000);
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 40_000);
    let before = rig.known();
    for _ in 0..2 {
        talk.server_goes_on(&mut rig, &[b'a'; 80]);
    }
    assert_eq!(rig.known(), before, "the client's bytes are looked at yet");
    for place in 0..6 {
        talk.client_says(&mut rig, 80 * place, &[b'b'; 80]);
    }
    assert_eq!(rig.known() - before, 4, "behind the end of the look");
    let hit = talk.client_says(&mut rig, 480, b"an EVIL-PATTERN");
    assert_eq!(hit.reason, Reason::Established, "as the policy says");
}

/// What a glance clears is what the whole look would: the rig compares the streams, too.
#[test]
fn flows_with_signatures_are_glanced_at() {
    let policy = format!(
        "{}signatures:\n  - {{name: attack, tcp: any, find: [{{text: EVIL-PATTERN}}]}}\n",
        ward::POLICY
    );
    let tolerant = policy.replace("  pump:\n", "  pump:\n    on_error: {stream_lost: allow}\n");
    for policy in [&policy, &tolerant] {
        let mut rig = Rig::new(policy);
        rig.set_time(1_000, 1_800_000_000);
        let mut port = 40_000;
        for length in [6, 30, 255, 256, 257, 1_448] {
            for cut in [1, 6, 11] {
                let text = vec![b'-'; length];
                port += 1;
                let talk = Talk::open(&mut rig, ward::BOUND, Family::V4, port);
                let before = rig.known();
                for place in 0..4 {
                    talk.client_says(&mut rig, place * length as u32, &text);
                }
                assert_eq!(rig.known() - before, 3, "{length}");
                // Nothing is known any more of what comes behind a beginning of the pattern.
                let (one, other) = b"EVIL-PATTERN".split_at(cut);
                let ends = [&text[..length - 1], one].concat();
                let begins = [other, &text].concat();
                let place = 4 * length as u32;
                let first = talk.client_says(&mut rig, place, &ends);
                assert_eq!(first.reason, Reason::Established);
                let hit = talk.client_says(&mut rig, place + ends.len() as u32, &begins);
                assert_eq!(
                    hit.reason,
                    Reason::Signature,
                    "{length} bytes, cut at {cut}"
                );
            }
        }
    }
}

/// What was known of a flow is not known any more when a signature cuts it.
#[test]
fn a_flow_that_is_cut_is_not_known() {
    let policy = format!(
        "{}signatures:\n  - {{name: attack, tcp: any, action: cut, find: [{{text: EVIL-PATTERN}}]}}\n",
        ward::POLICY
    );
    let mut rig = Rig::new(&policy);
    rig.set_time(1_000, 1_800_000_000);
    let talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 40_000);
    let before = rig.known();
    for place in 0..4 {
        talk.client_says(&mut rig, 30 * place, &[b'-'; 30]);
    }
    assert_eq!(rig.known() - before, 3);
    let hit = talk.client_says(&mut rig, 120, b"an EVIL-PATTERN");
    assert_eq!(hit.reason, Reason::Signature);
    let next = talk.client_says(&mut rig, 120, &[b'-'; 30]);
    assert_eq!(
        next.reason,
        Reason::Signature,
        "the rest of the flow as well"
    );
}

/// Datagrams are texts of their own: each is glanced at, to its last byte.
#[test]
fn datagrams_with_signatures_are_glanced_at() {
    let policy = format!(
        "{}signatures:\n  - {{name: attack, udp: any, find: [{{text: EVIL-PATTERN}}]}}\n",
        ward::POLICY
    );
    let mut rig = Rig::new(&policy);
    rig.set_time(1_000, 1_800_000_000);
    let ends = (
        (ward::station(Family::V4), 40_000),
        (ward::device(Family::V4, ward::TAGGED), 161),
    );
    let say = |payload: &[u8]| ward::inward(ward::TAGGED).datagram(ends.0, ends.1, payload);
    rig.allowed(Core, &say(&[b'-'; 40]), Reason::Rule);
    rig.allowed(Core, &say(&[b'-'; 40]), Reason::Established);
    for length in [0, 1, 11, 12, 13, 50, 255, 1_400] {
        let clean = vec![b'-'; length];
        assert_eq!(known(&mut rig, Core, &say(&clean), 2), 2, "{length}");
        let bad = [&clean[..], b"EVIL-PATTERN"].concat();
        rig.denied(Core, &say(&bad), Reason::Signature);
        rig.allowed(Core, &say(&clean), Reason::Established);
    }
}
