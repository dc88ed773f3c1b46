//! Whose payloads a signature is looked for in.

use enforcer_common::port::Side::Device;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::frame::{ACK, SYN};
use enforcer_tests::program::ward::{self, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

use super::{passes, policy, stopped};

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
