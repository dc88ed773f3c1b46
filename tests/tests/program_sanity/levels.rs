//! What follows where a predicate is met: by set, by profile, at both ends, by mode; and
//! beside signatures in payloads.

use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::frame::{ACK, Link, SYN, URG, protocol, tcp, udp};
use enforcer_tests::program::ward::{Family, device, mac, station};
use enforcer_tests::program::{Outcome, Rig};

use super::packet;

/// A policy with two devices, of profiles with these settings.
fn policy(first: &str, second: &str, defaults: &str) -> String {
    format!(
        r#"
version: 1
defaults: {{new_flows_per_second: 0{defaults}}}
profiles:
  base:
    allow:
      - {{name: out, to: any, protocol: any}}
      - {{name: in, from: any, protocol: any}}
  first: {{extends: base{first}}}
  second: {{extends: base{second}}}
devices:
  - {{name: one, mac: "02:00:00:00:00:01", profile: first}}
  - {{name: two, mac: "02:00:00:00:00:02", profile: second}}
"#
    )
}

fn rig(first: &str, second: &str, defaults: &str) -> Rig {
    let mut rig = Rig::new(&policy(first, second, defaults));
    rig.adopt_until(u64::MAX);
    rig
}

/// An urgent pointer of 0, from one device to another.
fn urgent(from: u8, to: u8) -> Vec<u8> {
    let link = Link::new(mac(from), mac(to));
    let segment = tcp(50_000, 2575, ACK | URG, b"data");
    let (from, to) = (device(Family::V4, from), device(Family::V4, to));
    packet(&link, from, to, protocol::TCP, &segment, |_| {})
}

fn told(outcome: &Outcome) -> Option<&str> {
    outcome.signature.as_deref()
}

const ZERO: &str = "tcp-stack/urgent-pointer-zero";

#[test]
fn of_two_devices_the_harsher_holds() {
    for (first, second, fate, is_told) in [
        ("off", "off", Fate::Allow, false),
        ("off", "alert", Fate::Allow, true),
        ("off", "drop", Fate::Deny, true),
        ("alert", "drop", Fate::Deny, true),
        ("alert", "alert", Fate::Allow, true),
        ("drop", "drop", Fate::Deny, true),
    ] {
        for (one, two) in [(first, second), (second, first)] {
            let of = |level| format!(", sanity: {{tcp-stack: \"{level}\"}}");
            let mut rig = rig(&of(one), &of(two), "");
            for frame in [urgent(1, 2), urgent(2, 1)] {
                let outcome = rig.send(Device, &frame);
                assert_eq!(outcome.fate, fate, "{one} {two} {outcome:?}");
                assert_eq!(told(&outcome).is_some(), is_told, "{one} {two}");
            }
        }
    }
}

#[test]
fn sets_are_switched_by_themselves_and_inherited() {
    let mut rig = rig(
        ", sanity: {ip-stack: \"off\"}",
        "",
        ", sanity: {tcp-stack: drop, ip-stack: drop}",
    );
    let optioned = |from: u8| {
        let link = Link::new(mac(from), enforcer_tests::program::ward::ROUTER);
        let own = device(Family::V4, from);
        let datagram = udp(5000, 161, b"data");
        packet(
            &link,
            own,
            station(Family::V4),
            protocol::UDP,
            &datagram,
            |packet| {
                packet.options = vec![131, 3, 4, 0];
            },
        )
    };
    assert_eq!(told(&rig.send(Device, &optioned(1))), None);
    let stopped = rig.denied(Device, &optioned(2), Reason::Signature);
    assert_eq!(told(&stopped), Some("ip-stack/source-route"));
    rig.denied(Device, &urgent(1, 2), Reason::Signature);
}

/// Of what a packet does, the harshest is told.
#[test]
fn the_predicate_that_does_most_is_told() {
    let both = |link: &Link| {
        let segment = tcp(50_000, 2575, ACK | URG, b"data");
        let (from, to) = (device(Family::V4, 1), station(Family::V4));
        packet(link, from, to, protocol::TCP, &segment, |packet| {
            packet.options = vec![131, 3, 4, 0];
        })
    };
    let link = Link::new(mac(1), enforcer_tests::program::ward::ROUTER);
    for (levels, fate, name) in [
        ("tcp-stack: drop", Fate::Deny, ZERO),
        ("ip-stack: drop", Fate::Deny, "ip-stack/source-route"),
        ("ip-stack: alert", Fate::Allow, "ip-stack/source-route"),
        ("ip-stack: \"off\"", Fate::Allow, ZERO),
    ] {
        let mut rig = rig(&format!(", sanity: {{{levels}}}"), "", "");
        let outcome = rig.send(Device, &both(&link));
        assert_eq!(
            (outcome.fate, told(&outcome)),
            (fate, Some(name)),
            "{levels}"
        );
    }
}

/// In audit mode it passes, by the reason for which it would be stopped; what was denied
/// before keeps its own.
#[test]
fn audit_lets_pass_and_tells() {
    let mut rig = rig(", sanity: drop, mode: audit", "", "");
    let link = Link::new(mac(1), enforcer_tests::program::ward::ROUTER);
    let segment = tcp(50_000, 2575, SYN | URG, b"");
    let (own, other) = (device(Family::V4, 1), station(Family::V4));
    let frame = packet(&link, own, other, protocol::TCP, &segment, |_| {});
    let outcome = rig.check(Device, &frame, Fate::Audit, Reason::Signature);
    assert_eq!(told(&outcome), Some("tcp-stack/urgent-in-syn"));
    // An end that enforces is not opened by one that audits, or the other way round.
    let outcome = rig.check(Device, &urgent(1, 2), Fate::Audit, Reason::Signature);
    assert_eq!(told(&outcome), Some(ZERO));

    let nothing = policy(", sanity: drop, mode: audit", "", "").replace("to: any", "to: 192.0.2.1");
    rig.apply(&nothing);
    rig.clear_flows();
    let outcome = rig.check(Device, &frame, Fate::Audit, Reason::NoRule);
    assert_eq!(told(&outcome), Some("tcp-stack/urgent-in-syn"));
}

/// A frame that is denied is not looked at: its reason is told.
#[test]
fn what_is_denied_keeps_its_reason() {
    let denying = policy(", sanity: drop", "", "").replace("to: any", "to: 192.0.2.1");
    let mut rig = Rig::new(&denying);
    let link = Link::new(mac(1), enforcer_tests::program::ward::ROUTER);
    let segment = tcp(50_000, 2575, SYN | URG, b"");
    let (own, other) = (device(Family::V4, 1), station(Family::V4));
    let frame = packet(&link, own, other, protocol::TCP, &segment, |_| {});
    let outcome = rig.denied(Device, &frame, Reason::NoRule);
    assert_eq!(told(&outcome), None);
}

/// A signature that stops goes before a predicate that is only told, and one that is only
/// told before it; a predicate stays where nothing is found in the payload.
#[test]
fn signatures_and_predicates_stand_side_by_side() {
    let signatures = "signatures:
  - {name: stops, udp: 53, action: drop, find: [{text: \"EVIL\"}]}
  - {name: tells, udp: 53, action: alert, find: [{text: \"ODD\"}]}\n";
    let alerting = policy("", "", "") + signatures;
    let dropping = policy(", sanity: drop", "", "") + signatures;
    let link = Link::new(mac(1), enforcer_tests::program::ward::ROUTER);
    let (own, other) = (device(Family::V4, 1), station(Family::V4));
    let ask = |text: &[u8]| link.datagram((own, 5000), (other, 53), text);
    let mut rig = Rig::new(&alerting);
    for (text, fate, name) in [
        (&b"EVIL"[..], Fate::Deny, "stops"),
        (b"ODD", Fate::Allow, "tells"),
        (b"neither", Fate::Allow, "dns/record-overrun"),
    ] {
        let outcome = rig.send(Device, &ask(text));
        assert_eq!((outcome.fate, told(&outcome)), (fate, Some(name)));
    }
    rig.apply(&dropping);
    for text in [&b"EVIL"[..], b"ODD", b"neither"] {
        let outcome = rig.denied(Device, &ask(text), Reason::Signature);
        assert_eq!(told(&outcome), Some("dns/record-overrun"));
    }
}

/// Who is not declared falls under the profile for such; frames of nobody are no device's.
#[test]
fn undeclared_devices_have_a_profile_too() {
    let mut rig = rig(", sanity: drop", "", ", unknown_devices: first");
    let stranger = enforcer_tests::program::ward::STRANGER;
    let link = Link::new(stranger, enforcer_tests::program::ward::ROUTER);
    let segment = tcp(50_000, 2575, ACK | URG, b"data");
    let (own, other) = (device(Family::V4, 9), station(Family::V4));
    let out = packet(&link, own, other, protocol::TCP, &segment, |_| {});
    rig.denied(Device, &out, Reason::Signature);
    let back = packet(&link.back(), other, own, protocol::TCP, &segment, |_| {});
    rig.denied(Core, &back, Reason::Signature);
}
