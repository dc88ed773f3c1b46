//! Match stage: whether an end's profile has a rule for this flow.

use super::trace::Step;
use super::{Finding, Policy, Work, condition};
use crate::flow::protocol;
use crate::packet::{Packet, ethertype, icmp};
use crate::table::{
    BY_NAME, Direction, SERVICE_ICMP, SERVICE_ICMPV6, SERVICE_PROTOCOL, SERVICE_TCP, SERVICE_UDP,
    group_class,
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

/// Finds what both ends' profiles say of the flow that is planned. Leaves in the
/// plan how long that holds.
#[inline(always)]
pub(super) fn permit<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    let index = service_index(&work.packet, work.plan.initiator());
    let class = policy.service(index);
    policy.tables.note(Step::Service { index, class });
    work.plan.service = class;
    work.plan.valid_until = u32::MAX;
    find(policy, work, 0);
    find(policy, work, 1);
}

/// Finds what the profile at one end says: 0 the source, 1 the destination.
#[inline(always)]
fn find<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, end: u8) {
    let party = work.party(end);
    if !party.judged || party.served {
        work.find(end, Finding::of(Reason::Rule));
        return;
    }
    work.find(end, Finding::of(Reason::NoRule));
    policy.tables.look_up(policy, work, end);
    let [by_address, by_group] = work.plan.cells;
    decide(policy, work, by_address, end);
    if !work.finding(end).reason.allows() {
        decide(policy, work, by_group, end);
    }
}

/// Whether a guard of the destination's profile names the sender of a message as entitled to
/// it.
#[inline(always)]
pub(super) fn is_entitled<T: Tables>(policy: &Policy<'_, T>, work: &Work, service: u32) -> bool {
    let (profile, class) = (work.parties[1].profile, policy.class(work.packet.source));
    let service = policy.service(service);
    policy.cell(profile, Direction::To, class, service) != 0
}

/// Looks up the cells of the profile at one end: by the peer's address, and by the
/// group of a peer that is a declared device.
#[inline(always)]
pub(super) fn look_up<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, end: u8) {
    let party = work.party(end);
    // The end that starts asks its rules with `to`, the other those with `from`.
    let direction = if work.plan.initiator == end {
        Direction::To
    } else {
        Direction::From
    };
    let (service, class) = (work.plan.service, policy.class(work.peer(end)));
    work.plan.cells = [policy.cell(party.profile, direction, class, service), 0];
    let other = work.party(1 - end).number;
    if other == 0 {
        return;
    }
    let group = policy.device_line(other).map_or(0, |line| line.group);
    if group != 0 {
        let class = group_class(group);
        work.plan.cells[1] = policy.cell(party.profile, direction, class, service);
    }
}

/// Finds the rule that a cell stands for.
#[inline(always)]
fn decide<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, cell: u16, end: u8) {
    if cell == 0 {
        return;
    }
    if cell <= policy.layout.rule_count {
        let rule = Finding {
            rule: cell,
            reason: Reason::Rule,
            limited: false,
        };
        work.find(end, rule);
    } else {
        policy.tables.choose(policy, work, cell, end);
    }
}

/// Finds the first rule of a cell's alternatives whose conditions hold now.
#[inline(always)]
pub(super) fn choose<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, cell: u16, end: u8) {
    let Some(alternatives) = policy.alternatives(cell) else {
        return;
    };
    for entry in &alternatives.0 {
        let entry = *entry;
        if entry == 0 || policy.tables.holds(policy, work, entry, end) {
            break;
        }
    }
}

/// Whether one of a cell's alternatives holds now; the finding says so, or why not.
#[inline(always)]
pub(super) fn holds<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    entry: u32,
    end: u8,
) -> bool {
    let rule = entry as u16;
    let Some(line) = policy.rule_line(rule) else {
        return false;
    };
    let awake = condition::awake_until(policy, line);
    if awake == 0 {
        work.find(end, Finding::of(Reason::RuleAsleep));
        return false;
    }
    let known = if entry & BY_NAME == 0 {
        u32::MAX
    } else {
        condition::named_until(policy, work, line, end)
    };
    if known == 0 {
        work.find(end, Finding::of(Reason::NameNotLearned));
        return false;
    }
    work.plan.hold_until(awake);
    work.plan.hold_until(known);
    let rule = Finding {
        rule,
        reason: Reason::Rule,
        limited: line.is_limited(),
    };
    work.find(end, rule);
    true
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
