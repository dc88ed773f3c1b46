//! Rules that match no packet, wholly or in part: there is no such peer, or no such
//! packet.

use std::collections::BTreeMap;

use enforcer_common::addr::Ip;
use ipnet::IpNet;

use super::super::describe;
use super::super::model::{Direction, Peer, Rule, Service};
use super::reach::{Reach, prefixes, span};
use super::span::Spans;
use super::{Lint, code, named};

/// UDP port of DNS (RFC 1035, 4.2.1).
const DNS: Service = Service::Udp(53, 53);

pub(super) fn warn(lint: &mut Lint<'_, '_>) {
    let mut devices = vec![0usize; lint.model.profiles.len()];
    for device in &lint.model.devices {
        devices[device.profile] += 1;
    }
    for reach in lint.own_rules() {
        absent_peers(lint, reach.rule, &devices);
        impossible_addresses(lint, reach.rule);
        other_family(lint, reach);
    }
    unresolved(lint);
}

/// Profiles that no device has. Tags without devices are errors.
fn absent_peers(lint: &mut Lint<'_, '_>, rule: &Rule, devices: &[usize]) {
    for peer in &rule.peers {
        if let Peer::Profile(profile) = peer
            && devices.get(*profile) == Some(&0)
        {
            let name = describe::profile_name(lint.model, *profile);
            let message = format!(
                "{} never matches by profile:{name}: no device has that profile",
                named(rule)
            );
            lint.tell(code::NEVER_MATCHES, rule, message);
        }
    }
}

/// Addresses that no packet carries there.
fn impossible_addresses(lint: &mut Lint<'_, '_>, rule: &Rule) {
    for (prefix, _) in prefixes(rule, lint.model) {
        let Some(why) = impossible(prefix, rule.direction) else {
            continue;
        };
        let message = format!("{} never matches by {}: {why}", named(rule), shown(prefix));
        let reported = lint.tell(code::NEVER_MATCHES, rule, message);
        if why == FROM_GROUP {
            reported.suggest(|| {
                Some("with `from` stands who sends to the group, with `to` the group that the device sends to".to_owned())
            });
        }
    }
}

const FROM_GROUP: &str = "no packet comes from a group or broadcast address";

fn impossible(prefix: IpNet, direction: Direction) -> Option<&'static str> {
    let both = |is: fn(Ip) -> bool| is(prefix.network().into()) && is(prefix.broadcast().into());
    if both(|ip| ip.is_loopback()) {
        Some("loopback addresses are never on a wire")
    } else if both(|ip| ip.is_unspecified()) {
        Some("the unspecified address is nobody's")
    } else if direction == Direction::From && both(|ip| ip.is_group()) {
        Some(FROM_GROUP)
    } else {
        None
    }
}

/// ICMP of one family with peers of the other.
fn other_family(lint: &mut Lint<'_, '_>, reach: &Reach<'_>) {
    let (service, carries, peers) = match reach.only_family() {
        Some(true) => (Service::Icmpv6(0, u8::MAX), "icmpv6", "IPv4"),
        Some(false) => (Service::Icmp(0, u8::MAX), "icmp", "IPv6"),
        None => return,
    };
    let covers = |service| reach.services.covers(&Spans::of([span(service)]));
    // `protocol: any` means whatever there is.
    let everything = covers(Service::Icmp(0, u8::MAX)) && covers(Service::Icmpv6(0, u8::MAX));
    if everything || !reach.services.meets(&Spans::of([span(service)])) {
        return;
    }
    let rule = reach.rule;
    let message = format!(
        "{} never matches by {carries}: all its peers are {peers} addresses",
        named(rule)
    );
    let other = if carries == "icmp" { "icmpv6" } else { "icmp" };
    lint.tell(code::NEVER_MATCHES, rule, message)
        .suggest(|| Some(format!("did you mean {other}?")));
}

/// Peers by DNS name in profiles that may ask no resolver: names are learned from the
/// answers that a device gets, and from nothing else.
fn unresolved(lint: &mut Lint<'_, '_>) {
    let asks = Spans::of([span(DNS)]);
    // By rule, whether some profile that has it may ask.
    let mut may_ask: BTreeMap<(usize, usize), (&Rule, bool)> = BTreeMap::new();
    for rules in lint.reaches {
        let resolves = rules
            .iter()
            .any(|reach| reach.rule.direction == Direction::To && reach.services.meets(&asks));
        for Reach { rule, .. } in rules {
            if rule.peers.iter().any(|peer| matches!(peer, Peer::Name(_))) {
                may_ask.entry(rule.origin).or_insert((rule, false)).1 |= resolves;
            }
        }
    }
    for (rule, _) in may_ask.into_values().filter(|(_, may_ask)| !may_ask) {
        let message = format!(
            "{} never matches by name: its profile may ask no resolver, so no name is learned",
            named(rule)
        );
        lint.tell(code::NEVER_MATCHES, rule, message)
            .suggest(|| Some("add a rule `to` the resolvers with `udp: 53`".to_owned()));
    }
}

/// A host's address alone, any other prefix with its length.
fn shown(prefix: IpNet) -> String {
    describe::prefixes(&[prefix])
}
