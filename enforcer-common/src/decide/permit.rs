//! Match stage: whether an end's profile has a rule for this flow.

use super::identify::Party;
use super::trace::Step;
use super::{Finding, Policy};
use crate::addr::Ip;
use crate::flow::protocol;
use crate::packet::{Packet, ethertype, icmp};
use crate::table::{
    Direction, SERVICE_ICMP, SERVICE_ICMPV6, SERVICE_PROTOCOL, SERVICE_TCP, SERVICE_UDP,
    profile_class,
};
use crate::tables::Tables;
use crate::verdict::Reason;

/// Which end of a packet started the flow.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Initiator {
    Source,
    Destination,
}

/// What both ends' profiles say of a flow that `initiator` starts.
#[inline(always)]
pub(super) fn permit<T: Tables>(
    policy: &Policy<'_, T>,
    packet: &Packet,
    parties: &[Party; 2],
    initiator: Initiator,
) -> [Finding; 2] {
    let index = service_index(packet, initiator);
    let service = policy.service(index);
    policy.tables.note(Step::Service {
        index,
        class: service,
    });
    let [source, destination] = parties;
    let (outward, inward) = match initiator {
        Initiator::Source => (Direction::To, Direction::From),
        Initiator::Destination => (Direction::From, Direction::To),
    };
    let for_source = Question {
        direction: outward,
        service,
        peer: packet.destination,
        peer_party: *destination,
    };
    let for_destination = Question {
        direction: inward,
        service,
        peer: packet.source,
        peer_party: *source,
    };
    [
        finding(policy, source, &for_source),
        finding(policy, destination, &for_destination),
    ]
}

/// What is asked of one end's profile.
struct Question {
    direction: Direction,
    service: u16,
    peer: Ip,
    peer_party: Party,
}

#[inline(always)]
fn finding<T: Tables>(policy: &Policy<'_, T>, party: &Party, question: &Question) -> Finding {
    if !party.judged || party.served {
        return Finding::of(Reason::Rule);
    }
    let rule = rule_for(policy, party.profile, question);
    let reason = if rule == 0 {
        Reason::NoRule
    } else {
        Reason::Rule
    };
    Finding { rule, reason }
}

/// The rule by the peer's address, else by the profile of a peer that is a
/// declared device; 0 where there is none.
#[inline(always)]
fn rule_for<T: Tables>(policy: &Policy<'_, T>, profile: u32, question: &Question) -> u16 {
    let &Question {
        direction,
        service,
        peer,
        peer_party,
    } = question;
    let rule = policy.rule(profile, direction, policy.class(peer), service);
    if rule != 0 || peer_party.number == 0 {
        return rule;
    }
    policy.rule(
        profile,
        direction,
        profile_class(peer_party.profile),
        service,
    )
}

/// Place in the service table: the port at the end that did not start, or the
/// type of the message that did; a reply stands for its request.
#[inline(always)]
fn service_index(packet: &Packet, initiator: Initiator) -> u32 {
    let (port, kind) = match initiator {
        Initiator::Source => (packet.destination_port, packet.icmp_type),
        Initiator::Destination => (packet.source_port, icmp::request_of(packet.icmp_type)),
    };
    match (packet.protocol, packet.ethertype) {
        (protocol::TCP, _) => SERVICE_TCP + u32::from(port),
        (protocol::UDP, _) => SERVICE_UDP + u32::from(port),
        (protocol::ICMP, ethertype::IPV4) => SERVICE_ICMP + u32::from(kind),
        (protocol::ICMPV6, ethertype::IPV6) => SERVICE_ICMPV6 + u32::from(kind),
        (number, _) => SERVICE_PROTOCOL + u32::from(number),
    }
}
