//! Streams whose segments are lost, repeated, changed or not looked at.

use enforcer_common::port::Side::Device;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::ward::{self, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

use super::{ATTACK, passes, policy, stopped};

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
